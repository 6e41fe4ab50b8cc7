//! What a drill has done and not yet undone: `.state/<cluster>/drill.json`.

use std::fs;
use std::io;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::undo::Undo;
use crate::atomic;
use crate::hint::Hint;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Home;

/// What was done to a cluster and is to be undone. It is on disk before the thing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The version of this format.
    format: u32,
    /// The fault that it was done for.
    pub fault: String,
    /// What has to be done about it, in the order in which it came to be.
    pub(super) undo: Vec<Undo>,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

impl Journal {
    /// The journal of a fault that is about to be injected.
    pub(super) fn of(fault: &str) -> Self {
        Self {
            format: FORMAT,
            fault: fault.to_owned(),
            undo: Vec::new(),
        }
    }

    /// The journal that a drill has left, or is writing; none where there is nothing to undo.
    ///
    /// # Errors
    /// Fails where there is one that cannot be read.
    pub fn read(home: &Home) -> Outcome<Option<Self>> {
        let path = path(home);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(home, &error.to_string())),
        };
        match serde_json::from_str::<Self>(&text) {
            Ok(journal) if journal.format == FORMAT => Ok(Some(journal)),
            Ok(journal) => {
                let why = format!(
                    "it has format {}, and this program reads {FORMAT}",
                    journal.format
                );
                Err(unusable(home, &why))
            }
            Err(error) => Err(unusable(home, &error.to_string())),
        }
    }

    /// Writes it, in one piece or not at all. An empty one is no file.
    ///
    /// # Errors
    /// Fails where the file system does.
    pub(super) fn write(&self, home: &Home) -> Outcome<()> {
        let path = path(home);
        let written = if self.undo.is_empty() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        } else {
            let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
            atomic::replace(&path, &text)
        };
        written.map_err(|error| {
            Failure::host(Diagnostic::error(format!("cannot write `{path}`: {error}"))
                    .note("it says what has to be undone after a drill, so nothing is done without it")
                    .hint("see who may write there, and whether its disk has room"),
            )
        })
    }
}

fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("drill.json")
}

fn unusable(home: &Home, why: &str) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{}` cannot be read: {why}", path(home)))
            .note("it says what an interrupted drill has done to the cluster and not undone")
            .hint("restore the file")
            .hint(Hint::heals(
                "or remove it, where you know that nothing is left to undo",
                [format!("rm {}", quoted(path(home).as_str()))],
            )),
    )
}
