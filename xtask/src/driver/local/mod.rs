//! Members as detached processes on this host's loopback addresses.

mod port;

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use xshell::Shell;

use super::{Driver, Home, OutdatedFlags};
use crate::etcd::command::command;
use crate::etcd::tools::Tools;
use crate::observation::Condition;
use crate::plan::flags::{self, InitialState, Myself};
use crate::plan::{Member, Plan};
use crate::process::{self, Signal};
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::steps::Start;
use crate::values::{DriverName, HostName};

/// Members as processes of this host.
pub(super) struct Local;

/// How long a member may take to end by itself. etcd hands its leadership over within 7 s at worst.
const PATIENCE: Duration = Duration::from_secs(15);

impl Driver for Local {
    fn name(&self) -> DriverName {
        DriverName::Local
    }

    fn place(&self, plan: &Plan) -> Plan {
        plan.on_loopback()
    }

    fn preflight(&self, plan: &Plan, members: &[HostName]) -> Outcome<()> {
        let diagnostics: Vec<Diagnostic> = chosen(plan, members)
            .flat_map(|member| port::OF_A_MEMBER.map(|port| port::taken(member, port)))
            .flatten()
            .collect();
        if diagnostics.is_empty() {
            Ok(())
        } else {
            Err(Failure {
                exit: Exit::Host,
                diagnostics,
            })
        }
    }

    fn conditions(&self, home: &Home<'_>, members: &[HostName]) -> Vec<Condition> {
        let condition = |member| {
            let folder = MemberFolder::of(home, member);
            match folder.process() {
                Some(process) => Condition::Running(format!("process {}", process.id)),
                None if folder.has_data() => Condition::Stopped,
                None => Condition::Absent,
            }
        };
        members.iter().map(condition).collect()
    }

    fn traces(&self, home: &Home<'_>) -> Vec<HostName> {
        let folders = fs::read_dir(members_folder(home))
            .into_iter()
            .flatten()
            .flatten();
        folders
            .filter_map(|folder| folder.file_name().to_str()?.parse().ok())
            .collect()
    }

    fn start(&self, home: &Home<'_>, plan: &Plan, tools: &Tools, start: &Start) -> Outcome<()> {
        for member in chosen(plan, &start.members) {
            let folder = MemberFolder::of(home, &member.name);
            let arguments = arguments(plan, member, &folder, start.state);
            let started = fs::create_dir_all(&folder.path)
                .map_err(|error| error.to_string())
                .and_then(|()| start_process(tools, arguments, &folder));
            started.map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    Diagnostic::error(format!("`{}` could not be started: {error}", member.name))
                        .note(format!("its data and its log belong in `{}`", folder.path))
                        .hint(format!(
                            "make room there, and run `cargo xtask up {}` again",
                            plan.name
                        )),
                )
            })?;
        }
        Ok(())
    }

    fn stop(&self, home: &Home<'_>, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()> {
        let process =
            |member: &HostName| Some((member.clone(), MemberFolder::of(home, member).process()?));
        let mut running: Vec<(HostName, Process)> = members.iter().filter_map(process).collect();
        for (_, process) in &running {
            process.signal(Signal::SIGTERM);
        }
        wait_for_end(&mut running, PATIENCE);
        for (member, process) in &running {
            let (seconds, id) = (PATIENCE.as_secs(), process.id);
            say(&format!(
                "{member}: process {id} has not ended {seconds} s after SIGTERM and gets SIGKILL; \
                 what etcd has acknowledged is on disk"
            ));
            process.signal(Signal::SIGKILL);
        }
        wait_for_end(&mut running, PATIENCE);
        match running.first() {
            None => Ok(()),
            Some((member, Process { id, .. })) => Err(Failure::new(
                Exit::Failed,
                Diagnostic::error(format!("`{member}` (process {id}) cannot be ended"))
                    .note("a process that survives SIGKILL waits for its disk, or belongs to another user")
                    .hint(format!("look at it: `ps -o pid,user,stat,wchan,args -p {id}`")),
            )),
        }
    }

    fn outdated_flags(&self, home: &Home<'_>, plan: &Plan, member: &Member) -> OutdatedFlags {
        let folder = MemberFolder::of(home, &member.name);
        let Some(process) = folder.process() else {
            return OutdatedFlags::default();
        };
        let running = &process.arguments[1..];
        let differences = |state| {
            let wanted = arguments(plan, member, &folder, state);
            let without = |these: &[String], those: &[String]| {
                these
                    .iter()
                    .filter(|word| !those.contains(word))
                    .cloned()
                    .collect()
            };
            OutdatedFlags {
                surplus: without(running, &wanted),
                missing: without(&wanted, running),
            }
        };
        // It was started in one of these states, and which makes no difference any more.
        let [new, existing] = [InitialState::New, InitialState::Existing].map(differences);
        if new.surplus.len() < existing.surplus.len() {
            new
        } else {
            existing
        }
    }

    fn log(&self, home: &Home<'_>, member: &HostName) -> Utf8PathBuf {
        MemberFolder::of(home, member).log()
    }
}

fn start_process(
    tools: &Tools,
    arguments: Vec<String>,
    folder: &MemberFolder,
) -> Result<(), String> {
    let shell = Shell::new().map_err(|error| error.to_string())?;
    let etcd = command(&shell, &tools.etcd).args(arguments);
    match process::detach(etcd, &folder.log(), &folder.pid_file()) {
        Ok(_) => Ok(()),
        Err(ending) => Err(ending.to_string()),
    }
}

fn chosen<'a>(plan: &'a Plan, members: &'a [HostName]) -> impl Iterator<Item = &'a Member> {
    plan.members
        .iter()
        .filter(|member| members.contains(&member.name))
}

/// What follows the program's name on a member's command line.
fn arguments(
    plan: &Plan,
    member: &Member,
    folder: &MemberFolder,
    state: InitialState,
) -> Vec<String> {
    let myself = Myself::at(member, folder.data());
    flags::words(&flags::flags(plan, &myself, state), plan.version())
}

fn members_folder(home: &Home<'_>) -> Utf8PathBuf {
    home.workspace.state(home.name).join("members")
}

/// A member's folder: `.state/<cluster>/members/<member>/`.
struct MemberFolder {
    path: Utf8PathBuf,
}

impl MemberFolder {
    fn of(home: &Home<'_>, member: &HostName) -> Self {
        Self {
            path: members_folder(home).join(member.as_str()),
        }
    }

    fn data(&self) -> Utf8PathBuf {
        self.path.join("data")
    }

    fn log(&self) -> Utf8PathBuf {
        self.path.join("etcd.log")
    }

    fn pid_file(&self) -> Utf8PathBuf {
        self.path.join("pid")
    }

    /// Whether etcd would find a log to go on from. Until it has one it begins anew.
    fn has_data(&self) -> bool {
        let log = fs::read_dir(self.data().join("member/wal"));
        log.is_ok_and(|mut files| files.next().is_some())
    }

    /// The process that runs on this folder. The number alone proves nothing, as it may have gone to
    /// another process since; the folder on its command line does.
    fn process(&self) -> Option<Process> {
        let id = fs::read_to_string(self.pid_file())
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let arguments = process::command_line(id)?;
        let data = self.data();
        let ours = arguments
            .iter()
            .any(|argument| names_folder(argument, &data));
        ours.then_some(Process { id, arguments })
    }
}

/// Whether an argument is this folder, or a flag with this folder as its value.
fn names_folder(argument: &str, folder: &Utf8Path) -> bool {
    argument
        .strip_suffix(folder.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('='))
}

/// A member's process.
struct Process {
    id: i32,
    arguments: Vec<String>,
}

impl Process {
    fn signal(&self, signal: Signal) {
        // It may have ended in this moment, which is as good; what cannot be ended shows in the wait.
        let _ = process::signal(self.id, signal);
    }

    fn runs(&self) -> bool {
        process::command_line(self.id).is_some_and(|arguments| arguments == self.arguments)
    }
}

/// Waits until these have ended, and removes those that have.
fn wait_for_end(processes: &mut Vec<(HostName, Process)>, patience: Duration) {
    let begun = Instant::now();
    let (_never, tick) = mpsc::channel::<()>();
    loop {
        processes.retain(|(_, process)| process.runs());
        if processes.is_empty() || begun.elapsed() > patience {
            return;
        }
        let _ = tick.recv_timeout(Duration::from_millis(5));
    }
}
