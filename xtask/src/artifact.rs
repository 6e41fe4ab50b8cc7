//! The only writer of rendered files. The same walk writes them or, in [`Mode::Check`], only
//! compares: what the check says is by construction what a write would do.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::atomic;
use crate::hint::Hint;
use crate::render::{self, Rendered, TARGETS};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Workspace;

/// Whether files are written or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Files become what they should be.
    Write,
    /// Files stay what they are.
    Check,
}

/// What is, or was, in the place of a rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Exactly what it should say. It is not touched.
    Same,
    /// Something else.
    Other(String),
    /// Nothing.
    Nothing,
}

/// Brings one file to what it should be, or only looks.
///
/// It is written beside its place, flushed to the disk and moved there: whatever interrupts this
/// leaves the old file or the new one.
pub fn put(workspace: &Workspace, rendered: &Rendered, mode: Mode) -> Outcome<Before> {
    let path = workspace.root().join(&rendered.path);
    let before = read(&path).map_err(|error| failure(workspace, "read", &rendered.path, &error))?;
    let before = match before {
        Some(text) if text == rendered.text.as_bytes() => Before::Same,
        Some(text) => Before::Other(String::from_utf8_lossy(&text).into_owned()),
        None => Before::Nothing,
    };
    if mode == Mode::Write {
        atomic::tidy_up(&path);
    }
    if mode == Mode::Write && before != Before::Same {
        atomic::replace(&path, &rendered.text)
            .map_err(|error| failure(workspace, "write", &rendered.path, &error))?;
    }
    Ok(before)
}

/// The files that say of themselves that they are rendered while no definition renders to them,
/// relative to the workspace, sorted.
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
    let mut orphans = Vec::new();
    for folder in folders {
        for target in TARGETS {
            let path = folder.join(target.file);
            let relative = path.strip_prefix(workspace.root()).unwrap_or(&path);
            let is_expected = expected.iter().any(|rendered| rendered.path == relative);
            let text = fs::read_to_string(&path).unwrap_or_default();
            if !is_expected && render::is_generated(&text) {
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
            "see who may write there",
            [format!("ls -ld {typed} {folder}")],
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is mounted read-only: use a checkout that can be written to".into()
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Hint::informs("make room, then render again", [format!("df -h {folder}")])
        }
        _ => Hint::informs("look at it", [format!("ls -ld {typed}")]),
    };
    let mut diagnostic = Diagnostic::error(format!("cannot {verb} `{path}`: {error}"));
    if verb == "write" {
        diagnostic = diagnostic.note("what was there before is unchanged");
    }
    Failure::host(diagnostic.hint(hint))
}
