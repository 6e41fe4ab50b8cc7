//! Faults of local members: signals.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::folder::MemberFolder;
use super::process::{self, Process};
use super::{Local, cannot_be_ended};
use crate::driver::Faults;
use crate::hint::Hint;
use crate::process::Signal;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::HostName;
use crate::workspace::Home;

/// How long a killed process may take to end. It takes longer only if its disk hangs.
const PATIENCE: Duration = Duration::from_secs(5);

impl Faults for Local {
    fn kill(&self, home: &Home, member: &HostName) -> Outcome<()> {
        let Some(process) = process_of(home, member) else {
            return Ok(());
        };
        process
            .signal(Signal::SIGKILL)
            .map_err(|error| cannot_be_ended(home, member, &process, error.desc()))?;
        let mut running = vec![(member, process)];
        process::wait_for_end(&mut running, PATIENCE);
        match running.first() {
            None => Ok(()),
            Some((member, process)) => {
                let why = "it survived SIGKILL, as a process waiting for its disk does";
                Err(cannot_be_ended(home, member, process, why))
            }
        }
    }

    fn pause(&self, home: &Home, member: &HostName) -> Outcome<()> {
        let process = process_of(home, member).ok_or_else(|| does_not_run(home, member))?;
        process
            .signal(Signal::SIGSTOP)
            .map_err(|error| cannot_be_signalled(member, &process, error.desc()))
    }

    fn resume(&self, home: &Home, member: &HostName) -> Outcome<()> {
        let Some(process) = process_of(home, member) else {
            return Ok(());
        };
        process
            .signal(Signal::SIGCONT)
            .map_err(|error| cannot_be_signalled(member, &process, error.desc()))
    }

    fn data(&self, home: &Home, member: &HostName) -> Option<Utf8PathBuf> {
        Some(MemberFolder::of(home, member).data())
    }
}

fn process_of(home: &Home, member: &HostName) -> Option<Process> {
    MemberFolder::of(home, member).process(process::etcds)
}

fn does_not_run(home: &Home, member: &HostName) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{member}` is not running")).hint(Hint::heals(
            "start it",
            [format!("cargo xtask up {}", home.name)],
        )),
    )
}

fn cannot_be_signalled(member: &HostName, process: &Process, why: &str) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{member}` ({process}) cannot be signalled: {why}"))
            .hint("only root and the user who started the cluster can signal it"),
    )
}
