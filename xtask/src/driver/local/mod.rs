//! Members as detached processes on this host's loopback addresses.

mod data;
mod faults;
mod folder;
mod port;
mod process;

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use xshell::Shell;

use super::{Driver, Faults, MemberData};
use crate::etcd::command::command;
use crate::etcd::http::Sender;
use crate::etcd::serving::serves_peers;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::observation::{Condition, Look, StartedWith};
use crate::pause::pause;
use crate::pki::{self, Pki};
use crate::plan::flags::{self, InitialState, MemberFlags};
use crate::plan::{Member, Plan};
use crate::process::{Signal, detach};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::steps::Start;
use crate::values::{DriverName, HostName};
use crate::workspace::Home;
use folder::MemberFolder;
use process::Process;

/// Runs members as local processes.
pub(super) struct Local;

/// How long a member may take to exit. etcd transfers its leadership within 7 s, and this host may
/// be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a member may take before the next one is started nevertheless.
const NEXT: Duration = Duration::from_secs(5);

/// How long to wait for a member before saying so.
const SILENCE: Duration = Duration::from_secs(2);

impl Driver for Local {
    fn name(&self) -> DriverName {
        DriverName::Local
    }

    fn place(&self, plan: &Plan) -> Plan {
        plan.on_loopback()
    }

    fn run_by(&self, plan: &Plan, tools: &Tools) -> Plan {
        plan.run_by(tools.version)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn look_after(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn preflight(
        &self,
        _home: &Home,
        plan: &Plan,
        members: &[HostName],
    ) -> Outcome<Vec<Diagnostic>> {
        let chosen = plan.members.iter();
        let chosen = chosen.filter(|member| members.contains(&member.name));
        let diagnostics = port::obstacles(chosen);
        if diagnostics.is_empty() {
            Ok(diagnostics)
        } else {
            Err(Failure {
                kind: FailureKind::Host,
                diagnostics,
            })
        }
    }

    fn conditions(&self, home: &Home, members: &[HostName]) -> Outcome<Vec<Condition>> {
        let condition = |member| {
            let folder = MemberFolder::of(home, member);
            match folder.process(process::etcds) {
                Some(process) => process.condition(),
                None if folder.has_data() => Condition::Stopped,
                None => Condition::Absent,
            }
        };
        Ok(members.iter().map(condition).collect())
    }

    fn had_data(&self, home: &Home, members: &[HostName]) -> Vec<HostName> {
        let had_data = |member: &&HostName| MemberFolder::of(home, member).had_data();
        members.iter().filter(had_data).cloned().collect()
    }

    fn traces(&self, home: &Home) -> Vec<HostName> {
        let mut members = MemberFolder::all(home);
        for etcd in process::etcds() {
            let named = etcd.data.parent().and_then(|folder| folder.file_name());
            if let Some(Ok(member)) = named.map(str::parse)
                && MemberFolder::of(home, &member).data() == etcd.data
            {
                members.push(member);
            }
        }
        members.sort();
        members.dedup();
        members
    }

    fn start(
        &self,
        home: &Home,
        plan: &Plan,
        tools: &Tools,
        start: &Start,
        _doing: &mut dyn FnMut(&HostName, &str),
    ) -> Outcome<()> {
        pki::prepare(home, plan)?;
        let sender = Sender::with(pki::client(home, plan.scheme()));
        for (number, (name, state)) in start.members.iter().enumerate() {
            let Some(member) = plan.members.iter().find(|member| member.name == *name) else {
                continue;
            };
            let folder = MemberFolder::of(home, name);
            let arguments = arguments(home, plan, member, &folder, *state);
            start_process(tools, arguments, &folder).map_err(|error| {
                Failure::failed(
                    Diagnostic::error(format!("`{name}` could not be started: {error}"))
                        .note(format!("its data and log are in `{}`", folder.path()))
                        .hint(Hint::heals(
                            "make room there, then start it again",
                            [format!("cargo xtask up {}", plan.name)],
                        )),
                )
            })?;
            if *state == InitialState::Existing && number + 1 < start.members.len() {
                wait_until_it_serves_peers(member, &folder, &sender);
            }
        }
        Ok(())
    }

    fn stop(&self, home: &Home, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()> {
        let process = |member: &HostName| {
            let process = MemberFolder::of(home, member).process(process::etcds)?;
            Some((member.clone(), process))
        };
        let mut running: Vec<(HostName, Process)> = members.iter().filter_map(process).collect();
        for (member, process) in &running {
            process
                .signal(Signal::SIGTERM)
                .map_err(|error| cannot_be_ended(home, member, process, error.desc()))?;
            // A halted process, by a debugger or Ctrl-Z, would not notice SIGTERM.
            let _ = process.signal(Signal::SIGCONT);
        }
        process::wait_for_end(&mut running, SILENCE);
        for (member, process) in &running {
            let seconds = PATIENCE.as_secs();
            say(&format!(
                "{member}: waiting for {process} to exit; it will be killed after {seconds} s"
            ));
        }
        process::wait_for_end(&mut running, PATIENCE.saturating_sub(SILENCE));
        for (member, process) in &running {
            let seconds = PATIENCE.as_secs();
            say(&format!(
                "{member}: {process} did not exit within {seconds} s of SIGTERM; sending SIGKILL \
                 (acknowledged writes are on disk)"
            ));
            // The wait below shows whether it helped.
            let _ = process.signal(Signal::SIGKILL);
        }
        process::wait_for_end(&mut running, SILENCE);
        match running.first() {
            None => Ok(()),
            Some((member, process)) => {
                let why = "it survived SIGKILL, as a process waiting for its disk does";
                Err(cannot_be_ended(home, member, process, why))
            }
        }
    }

    fn started_with(&self, home: &Home, members: &[HostName]) -> Vec<Look<StartedWith>> {
        let pki = Pki::of(home);
        let started = |member| match MemberFolder::of(home, member).process(process::etcds) {
            None => Look::NotAsked("does not run".to_owned()),
            Some(process) => process.started_with().map_or_else(
                || Look::NotAsked("runs as a process that this user cannot see".to_owned()),
                |started| {
                    let trusts = started.flag("trusted-ca-file");
                    Look::Seen(StartedWith {
                        trusts_former: trusts.is_some_and(|file| !pki.is_trusted(file)),
                        ..started
                    })
                },
            ),
        };
        members.iter().map(started).collect()
    }

    fn has_data(&self, home: &Home, members: &[HostName], has_database: bool) -> Vec<Look<bool>> {
        let has_data = |member| {
            let folder = MemberFolder::of(home, member);
            match folder.process(process::etcds) {
                None => Look::NotAsked("does not run".to_owned()),
                Some(_) => folder.data_on_disk(has_database),
            }
        };
        members.iter().map(has_data).collect()
    }

    fn log(&self, home: &Home, member: &HostName) -> Utf8PathBuf {
        MemberFolder::of(home, member).log()
    }

    fn said(&self, home: &Home, member: &HostName) -> Option<String> {
        MemberFolder::of(home, member).said()
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self)
    }

    fn data(&self) -> &dyn MemberData {
        self
    }
}

/// Waits until a member answers the others. A member with data first compares it with theirs
/// (`initial-corrupt-check`). Started at once, each would wait seven seconds for each of the others;
/// one after another, each finds the later ones silent and the earlier ones ready.
fn wait_until_it_serves_peers(member: &Member, folder: &MemberFolder, sender: &Sender) {
    let deadline = Instant::now() + NEXT;
    while folder.is_claimed() && !serves_peers(member, sender) && Instant::now() < deadline {
        pause(Duration::from_millis(10));
    }
}

fn start_process(
    tools: &Tools,
    arguments: Vec<String>,
    folder: &MemberFolder,
) -> Result<(), Reason> {
    let Some(claim) = folder.claim().map_err(Reason::of)? else {
        return Err("another process uses its folder".into());
    };
    folder.prepare().map_err(Reason::of)?;
    folder.note_log_start();
    let shell = Shell::new().map_err(Reason::of)?;
    // Not in the caller's folder, which could then not be unmounted.
    shell.change_dir(folder.path());
    let etcd = command(&shell, &tools.etcd).args(arguments);
    let detached = detach(etcd, claim, &folder.log(), &folder.pid_file());
    detached.map(drop).map_err(Reason::of)
}

fn cannot_be_ended(home: &Home, member: &HostName, process: &Process, why: &str) -> Failure {
    let name = &home.name;
    let diagnostic = Diagnostic::error(format!("`{member}` cannot be stopped: {process}"))
        .note(why)
        .note("only root and the user who started the cluster can stop it");
    Failure::failed(match process.id() {
        Some(id) => diagnostic.hint(Hint::informs(
            "see who owns it",
            [format!("ps -o pid,user,stat,wchan,args -p {id}")],
        )),
        None => diagnostic.hint(Hint::heals(
            "run as root",
            [format!("sudo cargo xtask down {name}")],
        )),
    })
}

/// The arguments of a member's command line.
fn arguments(
    home: &Home,
    plan: &Plan,
    member: &Member,
    folder: &MemberFolder,
    state: InitialState,
) -> Vec<String> {
    let myself = MemberFlags {
        certificate: Pki::of(home).member(member),
        ..MemberFlags::at(plan, member, folder.data(), state)
    };
    flags::words(&flags::flags(plan, &myself), plan.version())
}
