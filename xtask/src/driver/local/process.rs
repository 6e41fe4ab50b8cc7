//! A member's process.

use std::fmt;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use nix::errno::Errno;

use super::folder::MemberFolder;
use crate::observation::Condition;
use crate::observation::StartedWith;
use crate::pause::pause;
use crate::process::{self, Signal};

/// A process that uses a member's folder.
#[derive(Debug)]
pub(super) struct Process {
    id: Option<i32>,
    folder: MemberFolder,
    has_claim: bool,
}

impl Process {
    /// A process that holds the folder's lock.
    pub(super) fn claimant(id: i32, folder: MemberFolder) -> Self {
        Self {
            id: Some(id),
            folder,
            has_claim: true,
        }
    }

    /// A process without the lock: its folder or lock file was removed, or it was not started by
    /// `up`.
    pub(super) fn stray(id: i32, folder: MemberFolder) -> Self {
        Self {
            id: Some(id),
            folder,
            has_claim: false,
        }
    }

    /// A process that this user cannot see. Only the lock shows that it exists.
    pub(super) fn unseen(folder: MemberFolder) -> Self {
        Self {
            id: None,
            folder,
            has_claim: true,
        }
    }

    /// The process ID, if it is known.
    pub(super) const fn id(&self) -> Option<i32> {
        self.id
    }

    /// The condition of its member.
    pub(super) fn condition(&self) -> Condition {
        match self.id {
            Some(id) if process::is_halted(id) => Condition::Halted { id },
            _ => Condition::Running(self.to_string()),
        }
    }

    /// What it was started with; `None` if the system does not say.
    pub(super) fn started_with(&self) -> Option<StartedWith> {
        let id = self.id?;
        let words = process::command_line(id)?;
        Some(StartedWith::read(&words, &process::environment(id)))
    }

    /// Signals the process and everything it started: etcd may run inside a script. A process that
    /// has just ended is no error.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        let id = self.id.ok_or(Errno::EPERM)?;
        // A process without its own group was not started by us and is alone.
        let sent = process::signal_group(id, signal).or_else(|_| process::signal(id, signal));
        match sent {
            Err(Errno::ESRCH) => Ok(()),
            sent => sent,
        }
    }

    fn runs(&self) -> bool {
        if self.has_claim {
            self.folder.is_claimed()
        } else {
            self.id
                .and_then(data_folder)
                .is_some_and(|data| data == self.folder.data())
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) if self.has_claim => write!(f, "process {id}"),
            Some(id) if self.folder.path().exists() => {
                write!(f, "process {id} (it does not hold its lock)")
            }
            Some(id) => write!(f, "process {id} (its folder was removed)"),
            None => f.write_str("a process that this user cannot see"),
        }
    }
}

/// Waits until these processes have ended, at most for this time, and removes those that have.
pub(super) fn wait_for_end<T>(processes: &mut Vec<(T, Process)>, patience: Duration) {
    let begun = Instant::now();
    loop {
        processes.retain(|(_, process)| process.runs());
        if processes.is_empty() || begun.elapsed() > patience {
            return;
        }
        pause(Duration::from_millis(5));
    }
}

/// A running etcd process.
#[derive(Debug, Clone)]
pub(super) struct Etcd {
    /// Its process ID.
    pub(super) id: i32,
    /// The folder of its data.
    pub(super) data: Utf8PathBuf,
}

/// All etcd processes of this host with a known data folder.
pub(super) fn etcds() -> Vec<Etcd> {
    let etcd = |id| Some((id, data_folder(id)?));
    process::all()
        .into_iter()
        .filter_map(etcd)
        .map(|(id, data)| Etcd { id, data })
        .collect()
}

/// The data folder of an etcd process. `None` if it is not etcd.
pub(super) fn data_folder(id: i32) -> Option<Utf8PathBuf> {
    let words = process::command_line(id)?;
    let program = words.first()?.rsplit('/').next()?;
    if program != "etcd" {
        return None;
    }
    // etcd 2.x spells flags with one dash, later versions with two.
    let in_next = words
        .windows(2)
        .find_map(|pair| (pair[0] == "-data-dir").then(|| pair[1].as_str()));
    let in_same = words
        .iter()
        .find_map(|word| word.strip_prefix("--data-dir="));
    in_next.or(in_same).map(Utf8PathBuf::from)
}
