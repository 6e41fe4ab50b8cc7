//! A member that was started just now, and what it says where it ends again.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use camino::Utf8PathBuf;

use crate::observation::log;
use crate::process::quoted;
use crate::report::Diagnostic;
use crate::values::{ClusterName, HostName};

/// A member that was started just now.
pub(super) struct Started {
    /// Its name.
    pub(super) member: HostName,
    log: Utf8PathBuf,
    /// How long its log was before.
    before: u64,
}

/// How Go puts it that a disk is full.
const NO_SPACE: &str = "no space left on device";

impl Started {
    /// A member that is about to be started.
    pub(super) fn soon(member: HostName, log: Utf8PathBuf) -> Self {
        let before = fs::metadata(&log).map_or(0, |log| log.len());
        Self {
            member,
            log,
            before,
        }
    }

    /// That it has ended, and why, as far as its log tells.
    pub(super) fn has_ended(&self, cluster: &ClusterName) -> Diagnostic {
        let Self { member, log, .. } = self;
        let why = self.said().ok().and_then(|said| log::last_words(&said));
        // Nothing at all can be written there where the disk is full.
        let may_be_full = why.as_deref().is_none_or(|why| why.contains(NO_SPACE));
        let said = match why {
            Some(why) => format!("it says: {why}"),
            None => "it says nothing about why".to_owned(),
        };
        let mut diagnostic = Diagnostic::error(format!("`{member}` has ended while starting"))
            .note(said)
            .note(format!("its log is `{log}`"));
        if may_be_full {
            let folder = quoted(log.parent().unwrap_or(log).as_str());
            diagnostic =
                diagnostic.hint(format!("see whether its disk has room: `df -h {folder}`"));
        }
        diagnostic.hint(format!(
            "read on: `cargo xtask logs {member} --cluster {cluster}`"
        ))
    }

    fn said(&self) -> io::Result<String> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.before))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
