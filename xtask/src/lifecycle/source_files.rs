//! Reads the text files of `cluster/`.

use std::fs;
use std::io;

use camino::Utf8Path;

use crate::report::{Diagnostic, Failure, Outcome, Source};
use crate::wording::count;
use crate::workspace::Workspace;

/// Much larger files are not written by people.
const MOST_BYTES: usize = 64 << 10;

/// What a file is, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Why it is read.
    why_read: &'static str,
    /// What to do if it is not a file.
    way_out: &'static str,
    /// Why it should not be large.
    usual_size: &'static str,
}

/// A cluster's definition.
pub(super) const DEFINITION: Kind = Kind {
    why_read: "everything in `cluster/` that ends in `.toml` is read as a definition",
    way_out: "move it elsewhere, or rename it",
    usual_size: "a definition has a few kilobytes, so this is probably another file",
};

/// The file that `machine.user_data` names.
pub(super) const USER_DATA: Kind = Kind {
    why_read: "it is merged into the user-data of the machines",
    way_out: "write the name of a cloud-config",
    usual_size: "every machine reads all of its user-data at its first boot",
};

/// Reads a file of `cluster/`.
pub(super) fn read_source(workspace: &Workspace, path: &Utf8Path, kind: Kind) -> Outcome<Source> {
    let shown = path.strip_prefix(workspace.root()).unwrap_or(path);
    let unreadable = |error: io::Error| {
        Failure::definition(
            Diagnostic::error(format!("`{shown}` cannot be read")).note(error.to_string()),
        )
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "not a regular file"
        };
        return Err(Failure::definition(
            Diagnostic::error(format!("`{shown}` is {what}"))
                .note(kind.why_read)
                .hint(kind.way_out),
        ));
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if size > MOST_BYTES {
        return Err(Failure::definition(
            Diagnostic::error(format!(
                "`{shown}` is {} bytes; the limit is {}",
                count(size),
                count(MOST_BYTES)
            ))
            .note(kind.usual_size),
        ));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source {
            path: shown.to_owned(),
            text,
        }),
        Err(error) => Err(Failure::definition(not_utf8(shown, &error))),
    }
}

fn not_utf8(shown: &Utf8Path, error: &std::string::FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    let valid = error.utf8_error().valid_up_to();
    let (before, rest) = bytes.split_at(valid);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let byte = rest.first().copied().unwrap_or_default();
    let diagnostic = Diagnostic::error(format!("`{shown}` is not UTF-8")).note(format!(
        "line {line} has the byte 0x{byte:02x}, which is not valid UTF-8 there"
    ));
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        diagnostic.hint("the file is UTF-16: save it as UTF-8")
    } else {
        diagnostic.hint("save the file as UTF-8")
    }
}
