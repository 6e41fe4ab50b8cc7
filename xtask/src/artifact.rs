//! The only writer of rendered files. One function writes them or, with [`Mode::Check`], compares
//! them, so a check reports exactly what a write would change.

mod strangers;

use std::collections::HashSet;
use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::atomic;
use crate::hint::Hint;
use crate::render::{self, Rendered, TARGETS};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Workspace;

pub use strangers::strangers;

/// Whether to write files or only to compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write files that differ.
    Write,
    /// Change nothing, except for removing temporary files of killed runs.
    Check,
}

/// What was found at the path of a rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// The expected text. The file is not touched.
    Same,
    /// Another text.
    Other(String),
    /// No file.
    Nothing,
}

/// Writes one rendered file, or only compares it.
///
/// The write is atomic: an interruption leaves the old file or the new one. It is not flushed to the
/// disk, because a rendered file can be made again.
pub fn put(workspace: &Workspace, rendered: &Rendered, mode: Mode) -> Outcome<Before> {
    let path = workspace.root().join(&rendered.path);
    let before = read(&path).map_err(|error| failure(workspace, "read", &rendered.path, &error))?;
    let before = match before {
        Some(text) if text == rendered.text.as_bytes() => Before::Same,
        Some(text) => Before::Other(String::from_utf8_lossy(&text).into_owned()),
        None => Before::Nothing,
    };
    if mode == Mode::Write && before != Before::Same {
        atomic::replace_unflushed(&path, &rendered.text)
            .map_err(|error| failure(workspace, "write", &rendered.path, &error))?;
    } else {
        atomic::tidy_up(&path);
    }
    Ok(before)
}

/// Files that are marked as generated although no definition renders to them, relative to the
/// workspace and sorted. Removes temporary files of killed runs beside them.
pub fn orphans(workspace: &Workspace, expected: &[Rendered]) -> Outcome<Vec<Utf8PathBuf>> {
    let vagrant = workspace.vagrant();
    let unreadable =
        |error: io::Error| failure(workspace, "read", Utf8Path::new("vagrant"), &error);
    let mut folders = vec![vagrant.clone()];
    match vagrant.read_dir_utf8() {
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(unreadable)?;
                if entry.file_type().map_err(unreadable)?.is_dir() {
                    folders.push(entry.into_path());
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    }
    let expected: HashSet<&str> = expected.iter().map(|file| file.path.as_str()).collect();
    let mut orphans = Vec::new();
    for folder in folders {
        atomic::tidy_up_folder(&folder);
        for target in TARGETS {
            let path = folder.join(target.file);
            let relative = path.strip_prefix(workspace.root()).unwrap_or(&path);
            let is_expected = expected.contains(relative.as_str());
            let is_generated =
                || fs::read_to_string(&path).is_ok_and(|text| render::is_generated(&text));
            if !is_expected && is_generated() {
                orphans.push(relative.to_owned());
            }
        }
    }
    orphans.sort();
    Ok(orphans)
}

fn read(path: &Utf8Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn failure(workspace: &Workspace, verb: &str, path: &Utf8Path, error: &io::Error) -> Failure {
    let typed = workspace.typed(path);
    let folder = workspace.typed(path.parent().unwrap_or(path));
    let hint = match error.kind() {
        io::ErrorKind::IsADirectory => Hint::heals(
            "a folder is in its place; move it away",
            [format!("mv {typed} {typed}.old")],
        ),
        io::ErrorKind::NotADirectory => Hint::informs(
            "a file is in the place of a folder above it",
            [format!("ls -ld {folder}")],
        ),
        io::ErrorKind::PermissionDenied => Hint::informs(
            "check its permissions",
            [format!("ls -ld {typed} {folder}")],
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is mounted read-only: use a writable checkout".into()
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Hint::informs("make room, then render again", [format!("df -h {folder}")])
        }
        _ => Hint::informs("check what is there", [format!("ls -ld {typed}")]),
    };
    let mut diagnostic = Diagnostic::error(format!("cannot {verb} `{path}`: {error}"));
    if verb == "write" {
        diagnostic = diagnostic.note("the old content is unchanged");
    }
    Failure::host(diagnostic.hint(hint))
}
