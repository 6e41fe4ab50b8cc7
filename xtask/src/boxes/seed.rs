//! What a disk needs so that Vagrant can log in: a seed for cloud-init, written into the file system
//! without mounting it.

use std::fmt::Write as _;
use std::fs;

use camino::Utf8Path;

use super::packages::SOURCE_DATE;
use super::{disk, tool};
use crate::cache::refused;

/// The public half of the key that Vagrant logs in with at first, and then replaces by one of the
/// machine's own (Vagrant, `keys/vagrant.pub`). Its private half is known to everybody.
const VAGRANT_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant";

/// The files, by their places.
fn files() -> Vec<(&'static str, String)> {
    let user_data = format!(
        "\
#cloud-config
# The user that Vagrant logs in as. Everything else waits for the user-data of a cluster.
users:
  - name: vagrant
    shell: /bin/bash
    sudo: ALL=(ALL) NOPASSWD:ALL
    lock_passwd: true
    ssh_authorized_keys:
      - {VAGRANT_KEY}
cloud_init_modules: [users_groups, ssh]
cloud_config_modules: []
cloud_final_modules: []
"
    );
    let settings = "\
# A machine keeps the host key that it made at its first boot, and needs but one.
ssh_deletekeys: false
ssh_genkeytypes: [ed25519]
";
    vec![
        ("/var/lib/cloud/seed/nocloud/user-data", user_data),
        (
            "/var/lib/cloud/seed/nocloud/meta-data",
            "instance-id: box\n".to_owned(),
        ),
        ("/etc/cloud/cloud.cfg.d/95-box.cfg", settings.to_owned()),
    ]
}

/// What decides how it turns out.
pub(super) fn inputs() -> Vec<u8> {
    let files = files();
    let parts = files.iter().flat_map(|(path, text)| [*path, text.as_str()]);
    parts.collect::<Vec<_>>().join("\0").into_bytes()
}

/// Writes the files into the root file system of a disk.
///
/// # Errors
/// Says why that failed.
pub(super) fn plant(scratch: &Utf8Path, disk: &Utf8Path) -> Result<(), String> {
    let offset = disk::root_partition(disk)?;
    // As debugfs and its kin name a file system within a file.
    let device = format!("{disk}?offset={offset}");
    let shell = tool::shell(scratch, SOURCE_DATE)?;
    let mut commands = String::new();
    for folder in [
        "/var/lib/cloud",
        "/var/lib/cloud/seed",
        "/var/lib/cloud/seed/nocloud",
    ] {
        // Where it is there already, debugfs says so and goes on.
        let _ = writeln!(commands, "mkdir {folder}");
    }
    for (number, (path, text)) in files().iter().enumerate() {
        let source = scratch.join(format!("seed-{number}"));
        fs::write(&source, text).map_err(refused("write", &source))?;
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let _ = writeln!(
            commands,
            "cd {folder}\nrm {name}\nwrite seed-{number} {name}"
        );
    }
    let script = scratch.join("seed");
    fs::write(&script, commands).map_err(refused("write", &script))?;
    let debugfs = shell.cmd("debugfs").args(["-w", "-f", "seed", &device]);
    tool::run(debugfs, &[0])?;
    // Its exit status says nothing.
    for (path, text) in files() {
        let show = shell
            .cmd("debugfs")
            .args(["-R", &format!("cat {path}"), &device]);
        if tool::run(show, &[0])? != text {
            return Err(format!(
                "`{path}` could not be written into the image's root file system"
            ));
        }
    }
    Ok(())
}
