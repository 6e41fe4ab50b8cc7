//! Prepares a disk for Vagrant's login without mounting it: writes the user, a network
//! configuration, and a unit with which each machine creates its own host key. cloud-init does
//! nothing before the machine receives its user-data.

use std::fmt::Write as _;
use std::fs;

use camino::Utf8Path;

use super::packages::SOURCE_DATE;
use super::{disk, tool};
use crate::cache::refused;
use crate::reason::Reason;

/// The user that Vagrant logs in as.
const USER: &str = "vagrant";

/// The public key that Vagrant logs in with at first and then replaces by one for the machine
/// (Vagrant, `keys/vagrant.pub`). Its private key is public knowledge.
const VAGRANT_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant";

/// What cloud-init does with the user-data: what our user-data needs, and growing the file system
/// of a distribution's image. Each module takes emulated processors time. `vagrant/Vagrantfile`
/// sets a machine's name and network.
const CLOUD_INIT: &str = "\
datasource_list: [NoCloud, None]
network: {config: disabled}
cloud_init_modules: [growpart, resizefs, write_files]
cloud_config_modules: [runcmd]
cloud_final_modules: [package_update_upgrade_install, write_files_deferred, scripts_user]
";

/// Without this file, cloud-init would look for user-data at each boot. `vagrant/Vagrantfile` runs
/// it instead.
const CLOUD_INIT_AT_BOOT: &str = "\
# cloud-init runs once, when the machine is handed its user-data, and not at every boot.
";

/// A machine creates its own host key at its first boot; one is enough.
const HOST_KEY: &str = "\
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'test -s /etc/ssh/ssh_host_ed25519_key || \
ssh-keygen -q -t ed25519 -N \"\" -f /etc/ssh/ssh_host_ed25519_key'
ExecStartPre=/usr/sbin/sshd -t
";

/// The network of Vagrant's logins, unless the system configures it.
const NETWORK: &str = "\
[Match]
Name=en* eth0

[Network]
DHCP=ipv4
LinkLocalAddressing=no

[DHCPv4]
ClientIdentifier=mac
";

/// A file or folder to write.
struct Planted {
    path: String,
    /// `None` for a folder.
    text: Option<String>,
    mode: u32,
    /// The IDs of its user and group.
    owners: (u32, u32),
}

impl Planted {
    fn file(path: &str, mode: u32, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            text: Some(text.into()),
            mode,
            owners: (0, 0),
        }
    }

    fn folder(path: &str, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            text: None,
            mode,
            owners: (0, 0),
        }
    }

    fn owned_by(self, user: u32, group: u32) -> Self {
        Self {
            owners: (user, group),
            ..self
        }
    }
}

/// The image's account files.
#[derive(Clone, Copy)]
struct Accounts<'a> {
    passwd: &'a str,
    group: &'a str,
    shadow: &'a str,
}

impl Accounts<'_> {
    /// An unused ID: the first one for people.
    fn free_id(&self) -> u32 {
        let lines = self.passwd.lines().chain(self.group.lines());
        let taken: Vec<u32> = lines
            .filter_map(|line| line.split(':').nth(2)?.parse().ok())
            .collect();
        (1000..)
            .find(|id| !taken.contains(id))
            .unwrap_or(u32::MAX - 2)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        let mut groups = self.group.lines().map(|line| line.split(':'));
        groups
            .find_map(|mut fields| (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?)
    }
}

/// All files and folders, parents first.
fn planted(accounts: Accounts<'_>) -> Vec<Planted> {
    let id = accounts.free_id();
    let shadow = accounts.group_id("shadow").unwrap_or(0);
    let with = |text: &str, line: String| format!("{}\n{line}\n", text.trim_end());
    let day = SOURCE_DATE / (24 * 60 * 60);
    let homes = "/home";
    let home = format!("{homes}/{USER}");
    let mine = |planted: Planted| planted.owned_by(id, id);
    let passwd = with(
        accounts.passwd,
        format!("{USER}:x:{id}:{id}::{home}:/bin/bash"),
    );
    let group = with(accounts.group, format!("{USER}:x:{id}:"));
    // Locked: nobody logs in with a password.
    let locked = with(accounts.shadow, format!("{USER}:!:{day}:0:99999:7:::"));
    vec![
        Planted::file(PASSWD, 0o644, passwd),
        Planted::file(GROUP, 0o644, group),
        Planted::file(SHADOW, 0o640, locked).owned_by(0, shadow),
        Planted::folder(homes, 0o755),
        mine(Planted::folder(&home, 0o755)),
        mine(Planted::folder(&format!("{home}/.ssh"), 0o700)),
        mine(Planted::file(
            &format!("{home}/.ssh/authorized_keys"),
            0o600,
            format!("{VAGRANT_KEY}\n"),
        )),
        Planted::folder("/etc/sudoers.d", 0o750),
        Planted::file(
            "/etc/sudoers.d/90-vagrant",
            0o440,
            format!("{USER} ALL=(ALL) NOPASSWD:ALL\n"),
        ),
        Planted::file("/etc/cloud/cloud-init.disabled", 0o644, CLOUD_INIT_AT_BOOT),
        Planted::file("/etc/cloud/cloud.cfg.d/95-box.cfg", 0o644, CLOUD_INIT),
        Planted::folder("/etc/systemd", 0o755),
        Planted::folder("/etc/systemd/system", 0o755),
        Planted::folder("/etc/systemd/system/ssh.service.d", 0o755),
        Planted::file(
            "/etc/systemd/system/ssh.service.d/box.conf",
            0o644,
            HOST_KEY,
        ),
        Planted::folder("/etc/systemd/network", 0o755),
        Planted::file("/etc/systemd/network/90-box.network", 0o644, NETWORK),
    ]
}

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const SHADOW: &str = "/etc/shadow";

/// The inputs that determine the result, apart from the image's own users.
pub(super) fn inputs() -> Vec<u8> {
    let nobody = Accounts {
        passwd: "",
        group: "",
        shadow: "",
    };
    let parts = planted(nobody).into_iter().map(|one| {
        let Planted {
            path,
            text,
            mode,
            owners: (user, group),
        } = one;
        let text = text.unwrap_or_default();
        format!("{path}\0{mode:o}\0{user}\0{group}\0{text}")
    });
    parts.collect::<Vec<_>>().join("\0").into_bytes()
}

/// Writes all files into the root file system of a disk.
pub(super) fn plant(scratch: &Utf8Path, disk: &Utf8Path) -> Result<(), Reason> {
    let offset = disk::root_partition(disk)?;
    // The syntax of debugfs and e2fsck for a file system inside a file.
    let device = format!("{disk}?offset={offset}");
    let shell = tool::shell(scratch, SOURCE_DATE)?;
    let ask = |request: &str| {
        let ask = ["-R", request, &device];
        tool::run(shell.cmd("debugfs").args(ask), &[0])
    };
    let show = |path: &str| ask(&format!("cat {path}"));
    let (passwd, group, shadow) = (show(PASSWD)?, show(GROUP)?, show(SHADOW)?);
    for (path, text) in [(PASSWD, &passwd), (GROUP, &group), (SHADOW, &shadow)] {
        if text.is_empty() {
            return Err(format!("the image's root file system has no `{path}`").into());
        }
    }
    if passwd
        .lines()
        .any(|line| line.starts_with(&format!("{USER}:")))
    {
        return Err(format!("the image already has a user `{USER}`").into());
    }
    let planted = planted(Accounts {
        passwd: &passwd,
        group: &group,
        shadow: &shadow,
    });

    let mut commands = String::new();
    for (number, one) in planted.iter().enumerate() {
        let path = Utf8Path::new(&one.path);
        let (folder, name) = (path.parent(), path.file_name());
        let (Some(folder), Some(name)) = (folder, name) else {
            continue;
        };
        let _ = writeln!(commands, "cd {folder}");
        let kind = match &one.text {
            Some(text) => {
                let source = scratch.join(format!("planted-{number}"));
                fs::write(&source, text).map_err(refused("write", &source))?;
                let _ = writeln!(commands, "rm {name}\nwrite planted-{number} {name}");
                FILE
            }
            None => {
                // debugfs leaves a broken inode if the folder already exists.
                if ask(&format!("stat {path}"))?.is_empty() {
                    let _ = writeln!(commands, "mkdir {name}");
                }
                FOLDER
            }
        };
        let (user, group) = one.owners;
        let mode = kind | one.mode;
        let _ = writeln!(
            commands,
            "set_inode_field {name} mode 0{mode:o}\n\
             set_inode_field {name} uid {user}\n\
             set_inode_field {name} gid {group}"
        );
    }
    let script = scratch.join("plant");
    fs::write(&script, commands).map_err(refused("write", &script))?;
    let debugfs = shell.cmd("debugfs").args(["-w", "-f", "plant", &device]);
    tool::run(debugfs, &[0])?;
    // debugfs does not report errors in its exit status.
    for Planted { path, text, .. } in planted {
        if let Some(text) = text
            && show(&path)? != text
        {
            return Err(Reason::from(format!(
                "`{path}` could not be written into the image's root file system"
            )));
        }
    }
    // After a loss of power, a machine checks its file system before it boots, and stops if it
    // needs an answer.
    let check = shell.cmd("e2fsck").args(["-f", "-n", &device]);
    tool::run(check, &[0])
        .map(drop)
        .map_err(|why| format!("the image's root file system is damaged: {why}").into())
}

/// The file type in an inode's mode (ext4's documentation, "Index Nodes").
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
