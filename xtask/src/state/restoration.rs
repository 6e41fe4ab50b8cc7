//! The journal of a restoration: `.state/<name>/restore.json`. From the moment it is written, the
//! restoration is decided, and whatever is killed, the next task completes it.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic::{self, cannot_write};
use crate::hint::Hint;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::{Record, backups, versioned};
use crate::values::HostName;
use crate::workspace::Home;

/// A restoration that is decided and not yet complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoration {
    /// The version of this format: [`FORMAT`].
    pub format: u32,
    /// When it was decided, as in file names. The data that it replaces is named by it.
    pub time: String,
    /// The backup that is restored.
    pub backup: String,
    /// The revision of the keys in it.
    pub backup_revision: u64,
    /// The revision of the restored keys, which may have been raised.
    pub revision: u64,
    /// The members whose data is replaced.
    pub members: Vec<HostName>,
    /// Whether members may have been stopped for it.
    #[serde(default)]
    pub is_begun: bool,
    /// Members whose machines were missing. They are created without data, under the IDs of members that had
    /// some, so etcd must not run on them before they have the restored data.
    #[serde(default)]
    pub created: Vec<HostName>,
    /// Whether all their data is out of the way.
    pub is_set_aside: bool,
    /// The record of the restored cluster.
    pub record: Record,
}

/// The format of [`Restoration`] that this program writes and reads.
pub const FORMAT: u32 = 1;

impl Restoration {
    /// Reads the restoration that is not complete; `None` if there is none.
    pub fn read(home: &Home) -> Outcome<Option<Self>> {
        let read = versioned::read(&path(home), FORMAT);
        read.map_err(|why| unusable(home, why.as_str()))
    }

    /// Whether a restoration is not complete, readable or not.
    pub fn is_there(home: &Home) -> bool {
        path(home).exists()
    }

    /// Writes it atomically.
    pub fn write(&self, home: &Home) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let path = path(home);
        atomic::replace(&path, &text)
            .map_err(|error| cannot_write(&path, &error, "nothing is restored without it"))
    }

    /// Removes it: the restoration is complete, or was taken back.
    pub fn remove(home: &Home) -> Outcome<()> {
        let path = path(home);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot_write(
                &path,
                &error,
                "while it exists, the next task restores again",
            )),
            _ => Ok(()),
        }
    }
}

fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("restore.json")
}

fn unusable(home: &Home, why: &str) -> Failure {
    let path = path(home);
    let name = &home.name;
    let put_aside = format!("mv {0} {0}.old", quoted(path.as_str()));
    let newest = backups::files(home).pop();
    let hint = match newest.as_deref().and_then(Utf8Path::file_name) {
        Some(file) => Hint::heals(
            "repair the file, or put it aside and restore a backup again",
            [
                put_aside,
                format!("cargo xtask restore {name} --from {}", quoted(file)),
            ],
        ),
        None => Hint::makes_safer(
            "repair the file, or put it aside and see what is left",
            [put_aside, format!("cargo xtask verify {name}")],
        ),
    };
    Failure::failed(
        Diagnostic::error(format!("`{path}` cannot be read: {why}"))
            .note("it records how far an interrupted restoration has come")
            .note("without it, members may lack data")
            .hint(hint),
    )
}
