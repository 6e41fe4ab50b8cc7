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

/// A process that runs on a member's folder.
#[derive(Debug)]
pub(super) struct Process {
    id: Option<i32>,
    folder: MemberFolder,
    has_claim: bool,
}

impl Process {
    /// One that has the folder's lock.
    pub(super) fn claimant(id: i32, folder: MemberFolder) -> Self {
        Self {
            id: Some(id),
            folder,
            has_claim: true,
        }
    }

    /// One that does not have it: its folder or its lock file was removed under it, or it was not started by
    /// `up`.
    pub(super) fn stray(id: i32, folder: MemberFolder) -> Self {
        Self {
            id: Some(id),
            folder,
            has_claim: false,
        }
    }

    /// One that the system does not show us. Only its lock tells that it is there.
    pub(super) fn unseen(folder: MemberFolder) -> Self {
        Self {
            id: None,
            folder,
            has_claim: true,
        }
    }

    /// Its ID, where it is known.
    pub(super) const fn id(&self) -> Option<i32> {
        self.id
    }

    /// How its member is.
    pub(super) fn condition(&self) -> Condition {
        match self.id {
            Some(id) if process::is_halted(id) => Condition::Halted { id },
            _ => Condition::Running(self.to_string()),
        }
    }

    /// What it was started with; none where the system does not tell.
    pub(super) fn started_with(&self) -> Option<StartedWith> {
        let id = self.id?;
        let words = process::command_line(id)?;
        Some(StartedWith::read(&words, &process::environment(id)))
    }

    /// Sends it a signal, together with whatever it started itself: etcd may run inside of a script.
    ///
    /// # Errors
    /// Fails where it is somebody else's. That it has ended in this moment is no error.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        let id = self.id.ok_or(Errno::EPERM)?;
        // Without a group of its own it was not started by us, and is alone.
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

/// Waits until these have ended, at most so long, and removes those that have.
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

/// A running etcd.
#[derive(Debug, Clone)]
pub(super) struct Etcd {
    /// Its process ID.
    pub(super) id: i32,
    /// The folder of its data.
    pub(super) data: Utf8PathBuf,
}

/// Every etcd on this host that was told its folder.
pub(super) fn etcds() -> Vec<Etcd> {
    let etcd = |id| Some((id, data_folder(id)?));
    process::all()
        .into_iter()
        .filter_map(etcd)
        .map(|(id, data)| Etcd { id, data })
        .collect()
}

/// The folder that a process of etcd was told to keep its data in. None where it is no etcd.
pub(super) fn data_folder(id: i32) -> Option<Utf8PathBuf> {
    let words = process::command_line(id)?;
    let program = words.first()?.rsplit('/').next()?;
    if program != "etcd" {
        return None;
    }
    // As flags are spelled for etcd 2.x and for all later ones.
    let in_next = words
        .windows(2)
        .find_map(|pair| (pair[0] == "-data-dir").then(|| pair[1].as_str()));
    let in_same = words
        .iter()
        .find_map(|word| word.strip_prefix("--data-dir="));
    in_next.or(in_same).map(Utf8PathBuf::from)
}
