//! What a member that was started logs, and what that says where it ends again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::statvfs::statvfs;

use crate::advice::{self, Others, Unusable};
use crate::hint::Hint;
use crate::observation::log::{self, Cause};
use crate::process::quoted;
use crate::report::Diagnostic;
use crate::session::Session;
use crate::values::{ClusterName, HostName};

/// The log of a member from its start on.
pub(super) struct StartupLog {
    /// The member.
    pub(super) member: HostName,
    log: Utf8PathBuf,
    /// How long its log was before.
    before: u64,
}

/// That a member has ended.
pub(super) struct Ended {
    /// What is to be said about it.
    pub(super) diagnostic: Diagnostic,
    /// Whether it may come up when it is started again, once what is in its way is gone.
    pub(super) can_start_again: bool,
}

impl StartupLog {
    /// Of a member that is about to be started.
    pub(super) fn of(session: &Session, member: HostName) -> Self {
        let log = session.driver.log(&session.home, &member);
        let before = fs::metadata(&log).map_or(0, |log| log.len());
        Self {
            member,
            log,
            before,
        }
    }

    /// That it has ended, and why, as far as its log tells. `served`: whether it did so before.
    pub(super) fn has_ended(&self, cluster: &ClusterName, served: bool, others: Others) -> Ended {
        let Self { member, log, .. } = self;
        let words = self.said().ok().and_then(|said| log::last_words(&said));
        let cause = match &words {
            Some(words) => words.cause,
            // Nothing at all can be written there where the disk is full.
            None => is_full(log).then_some(Cause::DiskFull),
        };
        let said = match &words {
            Some(words) => format!("it says: {}", words.quoted),
            None => "it says nothing about why".to_owned(),
        };
        let when = if served {
            "after it had served"
        } else {
            "while starting"
        };
        let mut diagnostic = Diagnostic::error(format!("`{member}` has ended {when}")).note(said);
        if let Some(cause) = cause {
            diagnostic = diagnostic.note(in_our_words(cause));
        }
        diagnostic = diagnostic.note(format!("its log is `{log}`"));
        if cause == Some(Cause::DiskFull) {
            let folder = quoted(log.parent().unwrap_or(log).as_str());
            diagnostic = diagnostic.hint(Hint::informs(
                "see whether its disk has room",
                [format!("df -h {folder}")],
            ));
        }
        let logs = format!("cargo xtask logs {member} --cluster {cluster}");
        let unusable = cause.and_then(Unusable::because_of);
        diagnostic = diagnostic.hint(match unusable {
            Some(why) => advice::without_data(cluster, why, others, Some(logs)),
            None => Hint::informs("read on", [logs]),
        });
        Ended {
            diagnostic,
            can_start_again: unusable.is_none(),
        }
    }

    fn said(&self) -> io::Result<String> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.before))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Whether the disk that this is on has no room for a line.
fn is_full(path: &Utf8Path) -> bool {
    let disk = statvfs(path.as_std_path());
    disk.is_ok_and(|disk| disk.blocks_available() < 16)
}

/// What is behind a member's last words.
fn in_our_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Removed => {
            "it was removed from the cluster, whose members do not let it in again with the data that it has"
        }
        Cause::Database => "the database in its data is damaged, `data/member/snap/db`",
        Cause::WriteAheadLog => {
            "the write-ahead log in its data is damaged or lacks entries, `data/member/wal`"
        }
        Cause::DiskFull => "the disk that its data is on is full",
    }
}
