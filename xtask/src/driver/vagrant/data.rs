//! Replaces the data of machines: scripts rename folders on each machine, and etcd's unit does not
//! start meanwhile.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use xshell::Cmd;

use super::command::Vagrantfile;
use super::data_scripts::{self as scripts, NewAuthority};
use super::machine::Machine;
use super::{BOOT, HALT, SOON, Vagrant, in_parallel, log, ssh};
use crate::atomic::{self, cannot_write, why_not_writable};
use crate::driver::{Driver, MemberData};
use crate::hint::Hint;
use crate::observation::Condition;
use crate::pki::Pki;
use crate::plan::Member;
use crate::process::{self, Finished};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::HostName;
use crate::workspace::Home;

/// The time limit of a transfer: a gigabyte takes minutes on a slow network.
const TRANSFER: Duration = Duration::from_secs(60 * 60);

/// Ends a transfer to a machine that has stopped answering, which the time limit would do much
/// later.
const NOTICE_SILENCE: [&str; 4] = [
    "-o",
    "ServerAliveInterval=20",
    "-o",
    "ServerAliveCountMax=6",
];

impl MemberData for Vagrant {
    /// A machine that does not run is booted before its data is moved.
    fn immovable(&self, home: &Home, members: &[HostName]) -> Vec<(HostName, Reason)> {
        let with = |members: &[HostName], why: &Reason| {
            let both = members.iter().map(|member| (member.clone(), why.clone()));
            both.collect()
        };
        let running = match self.running(home, members) {
            Ok(running) => running,
            Err(failure) => return with(members, &in_short(&failure)),
        };
        if running.is_empty() {
            return Vec::new();
        }
        // Not only these: other tasks need to reach the others.
        let all = self.running(home, &Machine::all(home));
        if let Err(failure) = all.and_then(|all| ssh::note_how(home, &all)) {
            return with(&running, &in_short(&failure));
        }
        thread::scope(|scope| {
            let asked: Vec<_> = running
                .iter()
                .map(|member| (member, scope.spawn(|| why_immovable(home, member))))
                .collect();
            let why = |(member, asked): (&HostName, thread::ScopedJoinHandle<'_, _>)| {
                let why = asked.join().unwrap_or_else(|_| Some("unknown".into()));
                why.map(|why| (member.clone(), why))
            };
            asked.into_iter().filter_map(why).collect()
        })
    }

    fn staged(&self, home: &Home, member: &HostName) -> Utf8PathBuf {
        folder(home).join(member.as_str())
    }

    fn discard_staged(&self, home: &Home, _members: &[HostName]) -> Outcome<()> {
        let folder = folder(home);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(cannot_write(&folder, &error, "it is left of a restoration"))
            }
            _ => Ok(()),
        }
    }

    fn deliver(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        let why = "the restored data cannot be copied to";
        self.note_unknown(home, members)?;
        in_parallel(members, |member| {
            let shell = process::shell()?;
            let staged = self.staged(home, member);
            let tar = shell
                .cmd("tar")
                .args(["--create", "--file=-", "--sparse", "--directory"])
                .args([staged.as_str(), "."]);
            let ssh = ssh::command(&shell, home, &Machine::of(home, member));
            let ssh = as_root(ssh.args(NOTICE_SILENCE), &scripts::deliver());
            let ran = process::run_piped(tar, ssh, TRANSFER).map_err(|error| {
                Failure::host(Diagnostic::error(format!("{why} `{member}`: {error}")))
            })?;
            let [tar, ssh] = ran;
            // If the receiver fails, the sender fails too.
            succeeded(home, member, &[ssh, tar], why)
        })
    }

    fn halt(&self, home: &Home, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()> {
        let halted = self.each(home, members, &scripts::halt(), "etcd cannot be stopped on");
        for member in members {
            if halted.is_ok() {
                say(&format!("{member}: etcd is stopped"));
            }
        }
        halted
    }

    fn set_aside(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()> {
        let why = "the data cannot be moved aside on";
        self.each(home, members, &scripts::set_aside(time), why)
    }

    fn put_back(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()> {
        let why = "the data cannot be moved back on";
        self.each(home, members, &scripts::put_back(time), why)
    }

    fn place(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        let why = "the restored data cannot be put in its place on";
        self.each(home, members, &scripts::place(), why)?;
        for member in members {
            let path = to_join(home, member);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let why = "it says which cluster a member joined before the restoration";
                    return Err(cannot_write(&path, &error, why));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn release(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        let why = "etcd cannot be started on";
        self.each(home, members, &scripts::release(), why)?;
        self.discard_staged(home, members)
    }

    /// Without a look: whoever is told has just moved it there.
    fn aside(&self, _home: &Home, member: &HostName, time: &str) -> Option<String> {
        let (folder, aside) = (scripts::FOLDER, scripts::aside(time));
        Some(format!("{member}:{folder}/{aside}"))
    }

    fn discard_aside(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()> {
        let (folder, aside) = (scripts::FOLDER, scripts::aside(time));
        let script = format!("rm -rf -- {folder}/{aside}");
        let why = "the replaced data cannot be removed on";
        self.each(home, members, &script, why)
    }

    fn replaced(&self, home: &Home) -> usize {
        let removed = home.folder().join("removed").read_dir_utf8();
        removed.into_iter().flatten().count()
    }

    fn copy(&self, home: &Home, member: &HostName, to: &Utf8Path) -> Outcome<()> {
        let shell = process::shell()?;
        let machine = Machine::of(home, member);
        if self.running(home, std::slice::from_ref(member))?.is_empty() {
            let up = Vagrantfile::of(home).vagrant(&shell, &["up", machine.name()])?;
            log::follow(home, up, BOOT, &mut |_| {})?;
        }
        // It may have got another address.
        ssh::note_how(home, &self.running(home, &Machine::all(home))?)?;
        let cannot = |error: io::Error| {
            let why = format!("the data of `{member}` cannot be copied to `{to}`: {error}");
            Failure::host(Diagnostic::error(why).hint(why_not_writable(to)))
        };
        fs::create_dir_all(to).map_err(cannot)?;
        let ssh = ssh::command(&shell, home, &machine);
        let ssh = as_root(ssh.args(NOTICE_SILENCE), &scripts::copy());
        let tar = shell
            .cmd("tar")
            .args(["--extract", "--file=-", "--no-same-owner", "--directory"])
            .arg(to);
        let [ssh, tar] = process::run_piped(ssh, tar, TRANSFER).map_err(cannot)?;
        succeeded(home, member, &[ssh, tar], "the data cannot be copied from")
    }
}

impl Vagrant {
    pub(super) fn running(&self, home: &Home, members: &[HostName]) -> Outcome<Vec<HostName>> {
        let conditions = self.conditions(home, members)?;
        let running = members.iter().zip(conditions);
        let running = running.filter(|(_, condition)| matches!(condition, Condition::Running(_)));
        Ok(running.map(|(member, _)| member.clone()).collect())
    }

    /// Other tasks may have noted only the machine that they used.
    pub(super) fn note_unknown(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        if members.iter().all(|member| ssh::is_noted(home, member)) {
            return Ok(());
        }
        let mut reached = self.running(home, &Machine::all(home))?;
        // One of these may not be set up yet.
        for member in members {
            if !reached.contains(member) {
                reached.push(member.clone());
            }
        }
        ssh::note_how(home, &reached)
    }

    /// Restarts etcd on a member's machine.
    pub(super) fn restart_etcd(&self, home: &Home, member: &HostName) -> Outcome<()> {
        let members = std::slice::from_ref(member);
        self.each(
            home,
            members,
            &scripts::restart(),
            "etcd cannot be restarted on",
        )
    }

    /// Writes what a member joins to where the Vagrantfile finds it, and to the machine if that runs.
    pub(super) fn hand_over_what_to_join(
        &self,
        home: &Home,
        member: &HostName,
        text: &str,
    ) -> Outcome<()> {
        let path = to_join(home, member);
        atomic::replace(&path, text)
            .map_err(|error| cannot_write(&path, &error, "it says which cluster a member joins"))?;
        let running = self.running(home, std::slice::from_ref(member))?;
        let why = "the cluster to join cannot be handed over to";
        self.each(home, &running, &scripts::hand_over(text), why)
    }

    /// Copies the certificates of these members to their machines, over the standard input of ssh.
    pub(super) fn copy_certificates(
        &self,
        home: &Home,
        members: &[Member],
        new_authority: NewAuthority,
    ) -> Outcome<()> {
        let why = "the certificate cannot be handed over to";
        let names: Vec<HostName> = members.iter().map(|member| member.name.clone()).collect();
        self.note_unknown(home, &names)?;
        in_parallel(&names, |name| {
            let Some(member) = members.iter().find(|member| member.name == *name) else {
                return Ok(());
            };
            let shell = process::shell()?;
            let certificate = Pki::of(home).member(member);
            let files = certificate.files().map(Utf8Path::new);
            // Its name depends on how many there are.
            let authorities = files[0].file_name().unwrap_or_default();
            let tar = files.iter().fold(
                shell
                    .cmd("tar")
                    .args(["--create", "--file=-"])
                    .arg(format!("--transform=s/^{authorities}$/ca.crt/")),
                |tar, file| {
                    let folder = file.parent().unwrap_or(file);
                    tar.arg("--directory")
                        .arg(folder)
                        .arg(file.file_name().unwrap_or_default())
                },
            );
            let ssh = ssh::command(&shell, home, &Machine::of(home, name));
            let ssh = as_root(
                ssh.args(NOTICE_SILENCE),
                &scripts::receive_certificate(new_authority),
            );
            let ran = process::run_piped(tar, ssh, SOON).map_err(|error| {
                Failure::host(Diagnostic::error(format!("{why} `{name}`: {error}")))
            })?;
            let [tar, ssh] = ran;
            // If the receiver fails, the sender fails too.
            succeeded(home, name, &[ssh, tar], why)
        })
    }

    /// Runs a script on all machines. `why` ends before the name of a member.
    fn each(&self, home: &Home, members: &[HostName], script: &str, why: &str) -> Outcome<()> {
        self.note_unknown(home, members)?;
        in_parallel(members, |member| {
            let shell = process::shell()?;
            let ssh = ssh::command(&shell, home, &Machine::of(home, member));
            let finished = process::run(as_root(ssh, script), HALT);
            succeeded(home, member, &[finished], why)
        })
    }
}

/// What a member joins, for the time when its machine is created. The Vagrantfile reads it, too.
fn to_join(home: &Home, member: &HostName) -> Utf8PathBuf {
    home.folder().join("join").join(member.as_str())
}

/// The folder of the prepared data of all members.
fn folder(home: &Home) -> Utf8PathBuf {
    home.folder().join("restored")
}

fn why_immovable(home: &Home, member: &HostName) -> Option<Reason> {
    let shell = match process::shell() {
        Ok(shell) => shell,
        Err(failure) => return Some(in_short(&failure)),
    };
    let ssh = ssh::command(&shell, home, &Machine::of(home, member));
    let finished = process::run(as_root(ssh, &scripts::is_movable()), SOON);
    match finished.stdout.trim() {
        "yes" => None,
        "no" => Some(format!("`{}/{}` is a mount point", scripts::FOLDER, scripts::DATA).into()),
        _ => Some(ssh::why_not(&finished)),
    }
}

fn as_root<'a>(ssh: Cmd<'a>, script: &str) -> Cmd<'a> {
    let script = process::quoted(script);
    ssh.arg("--").arg(format!("sudo sh -c {script}"))
}

/// Fails if one of these programs did. `why` ends before the name of the member.
fn succeeded(home: &Home, member: &HostName, programs: &[Finished], why: &str) -> Outcome<()> {
    if programs.iter().all(Finished::success) {
        return Ok(());
    }
    let diagnostic = Diagnostic::error(format!("{why} `{member}`"));
    let failed = programs.iter().filter(|finished| !finished.success());
    let diagnostic = failed.fold(diagnostic, |diagnostic, finished| {
        let program = finished.command.split(' ').next().unwrap_or_default();
        let ending = format!("`{program}` {}", finished.ending());
        let said = finished.last_lines(3);
        let said = said.lines().filter(|line| !line.trim().is_empty());
        said.fold(diagnostic.note(ending), |diagnostic, line| {
            diagnostic.note(line.escape_debug().to_string())
        })
    });
    let name = &home.name;
    Err(Failure::failed(diagnostic.hint(Hint::informs(
        "log in to find the cause",
        [format!("cargo xtask ssh --cluster {name} {member}")],
    ))))
}

/// The messages of a failure in one line.
fn in_short(failure: &Failure) -> Reason {
    let messages = failure.diagnostics.iter().map(|one| one.message.as_str());
    messages.collect::<Vec<_>>().join("; ").into()
}
