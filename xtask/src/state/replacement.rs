//! The journal of a member's replacement: `.state/<name>/replace.json`. It tells the member's old entry
//! in the cluster's list from the new one.

use std::fs;
use std::io;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::atomic::{self, cannot_write};
use crate::hint::Hint;
use crate::plan::identity::EtcdId;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::versioned;
use crate::values::HostName;
use crate::workspace::Home;

/// A replacement that is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The version of this format.
    format: u32,
    /// The member.
    pub member: HostName,
    /// The ID that it had before.
    pub old: EtcdId,
    /// When it began, as in file names. The member's old data is named by it.
    pub time: String,
    /// The ID under which it was started since, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<EtcdId>,
    /// Whether a backup was taken.
    pub is_backed_up: bool,
    /// Whether the member's old data is out of the way.
    pub is_set_aside: bool,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

impl Replacement {
    /// Begins a replacement.
    pub const fn begin(member: HostName, old: EtcdId, time: String) -> Self {
        Self {
            format: FORMAT,
            member,
            old,
            time,
            joined: None,
            is_backed_up: false,
            is_set_aside: false,
        }
    }

    /// Reads the replacement that is not complete; `None` if there is none.
    pub fn read(home: &Home) -> Outcome<Option<Self>> {
        let read = versioned::read(&path(home), FORMAT);
        read.map_err(|why| unusable(home, why.as_str()))
    }

    /// Writes it atomically.
    pub fn write(&self, home: &Home) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let path = path(home);
        atomic::replace(&path, &text)
            .map_err(|error| cannot_write(&path, &error, "no member is replaced without it"))
    }

    /// Removes it: the member is replaced.
    pub fn remove(home: &Home) -> Outcome<()> {
        let path = path(home);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let why = "while it exists, the replacement counts as unfinished";
                Err(cannot_write(&path, &error, why))
            }
            _ => Ok(()),
        }
    }
}

fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("replace.json")
}

fn unusable(home: &Home, why: &str) -> Failure {
    let path = path(home);
    Failure::failed(
        Diagnostic::error(format!("`{path}` cannot be read: {why}"))
            .note("it records how far the replacement of a member has come")
            .hint("restore the file")
            .hint(Hint::informs(
                "or remove it, and see which member is not as it should be",
                [
                    format!("rm {}", quoted(path.as_str())),
                    format!("cargo xtask verify {}", home.name),
                ],
            )),
    )
}
