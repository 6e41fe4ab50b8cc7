//! The log of a member since its start, and what it says if the member exits.

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

/// The log of a member since its start.
pub(super) struct StartupLog {
    /// The member that was started.
    pub(super) member: HostName,
    log: Utf8PathBuf,
    /// The length of the log before the start.
    before: u64,
}

/// A member that exited.
pub(super) struct Ended {
    /// The message about it.
    pub(super) diagnostic: Diagnostic,
    /// Whether it may start again once the obstacle is removed.
    pub(super) can_start_again: bool,
}

impl StartupLog {
    /// Notes the log of a member before its start.
    pub(super) fn of(session: &Session, member: HostName) -> Self {
        let log = session.driver.log(&session.home, &member);
        let before = fs::metadata(&log).map_or(0, |log| log.len());
        Self {
            member,
            log,
            before,
        }
    }

    /// Describes the exit, and its cause if the log shows it. `served`: whether the member served
    /// before. `others`: none if there is advice about the whole cluster.
    pub(super) fn has_ended(
        &self,
        cluster: &ClusterName,
        served: bool,
        replaceable: bool,
        others: Option<Others>,
    ) -> Ended {
        let Self { member, log, .. } = self;
        let words = self.said().ok().and_then(|said| log::last_words(&said));
        let cause = match &words {
            Some(words) => words.cause,
            // A full disk leaves no room for a log line.
            None => is_full(log).then_some(Cause::DiskFull),
        };
        let said = match &words {
            Some(words) => format!("its log says: {}", words.quoted),
            None => "its log does not say why".to_owned(),
        };
        let when = if served {
            "after serving"
        } else {
            "while starting"
        };
        let mut diagnostic = Diagnostic::error(format!("`{member}` exited {when}")).note(said);
        if let Some(cause) = cause {
            diagnostic = diagnostic.note(in_our_words(cause));
        }
        diagnostic = diagnostic.note(format!("its log is `{log}`"));
        if cause == Some(Cause::DiskFull) {
            let folder = quoted(log.parent().unwrap_or(log).as_str());
            diagnostic = diagnostic.hint(Hint::informs(
                "check the free space of its disk",
                [format!("df -h {folder}")],
            ));
        }
        let logs = format!("cargo xtask logs {member} --cluster {cluster}");
        let unusable = cause.and_then(Unusable::because_of);
        let hint = match (unusable, others) {
            (Some(why), others) => others.map(|others| {
                advice::without_data(cluster, member, replaceable, why, others, Some(logs))
            }),
            (None, _) if cause == Some(Cause::Flag) => {
                Some(Hint::says("correct the flag in the definition"))
            }
            (None, _) if cause == Some(Cause::Certificate) => {
                Some(advice::renew_and_start(cluster))
            }
            (None, _) => Some(Hint::informs("read its log", [logs])),
        };
        diagnostic.hints.extend(hint);
        Ended {
            diagnostic,
            // That hint starts it.
            can_start_again: unusable.is_none() && cause != Some(Cause::Certificate),
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

/// Whether the disk has no room for another line.
fn is_full(path: &Utf8Path) -> bool {
    let disk = statvfs(path.as_std_path());
    disk.is_ok_and(|disk| disk.blocks_available() < 16)
}

/// What the last words of a member mean.
fn in_our_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Removed => {
            "it was removed from the cluster; the other members reject it with its present data"
        }
        Cause::Database => "its database `data/member/snap/db` is damaged",
        Cause::WriteAheadLog => "its write-ahead log `data/member/wal` is damaged or incomplete",
        Cause::DiskFull => "the disk that holds its data is full",
        Cause::Flag => "etcd refuses one of the flags that it is started with",
        Cause::Certificate => "etcd cannot use the member's certificate, or the key of that",
    }
}
