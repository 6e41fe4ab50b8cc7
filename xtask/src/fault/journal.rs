//! The journal of a drill: what it did and has not yet undone, in `.state/<cluster>/drill.json`.

use std::fs;
use std::io;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::undo::Undo;
use crate::atomic::{self, cannot_write};
use crate::hint::Hint;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::versioned;
use crate::workspace::Home;

/// The steps to undo in a cluster. Each is on disk before the step itself is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The version of this format.
    format: u32,
    /// The name of the fault.
    pub fault: String,
    /// What has to be undone, in the order of the injection.
    pub(super) undo: Vec<Undo>,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

impl Journal {
    /// Creates the journal of a fault that is about to be injected.
    pub(super) fn of(fault: &str) -> Self {
        Self {
            format: FORMAT,
            fault: fault.to_owned(),
            undo: Vec::new(),
        }
    }

    /// Reads the journal of a running or killed drill; `None` if there is nothing to undo.
    pub fn read(home: &Home) -> Outcome<Option<Self>> {
        let read = versioned::read(&path(home), FORMAT);
        let journal: Option<Self> = read.map_err(|why| unusable(home, why.as_str()))?;
        Ok(journal.map(|journal| Self {
            // Whatever the file says reaches a terminal.
            fault: journal.fault.escape_debug().to_string(),
            ..journal
        }))
    }

    /// Writes the journal atomically. An empty journal is removed.
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
        let why = "it records what a drill must undo, so nothing is done without it";
        written.map_err(|error| cannot_write(&path, &error, why))
    }
}

fn path(home: &Home) -> Utf8PathBuf {
    home.folder().join("drill.json")
}

fn unusable(home: &Home, why: &str) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{}` cannot be read: {why}", path(home)))
            .note("it records what an interrupted drill did to the cluster and has not undone")
            .hint("restore the file")
            .hint(Hint::heals(
                "or remove it, if you know that nothing is left to undo",
                [format!("rm {}", quoted(path(home).as_str()))],
            )),
    )
}
