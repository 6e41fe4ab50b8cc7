//! Replaces files atomically: an interruption leaves the old file or the new one.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::OFlag;

use crate::hint::Hint;
use crate::process::{self, quoted};
use crate::report::{Diagnostic, Failure};

/// Replaces the text of a file. The new text is written to a temporary file beside it, flushed to
/// the disk and renamed. Missing parent folders are created. An existing file keeps its
/// permissions, and a symbolic link keeps its target.
///
/// A device or a pipe is written to instead.
pub fn replace(path: &Utf8Path, text: &str) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        // A pipe without a reader must not make the task hang.
        let nonblocking = OFlag::O_NONBLOCK.bits();
        let _has_reader = File::options()
            .write(true)
            .custom_flags(nonblocking)
            .open(path)?;
        let mut file = File::options().write(true).open(path)?;
        return file.write_all(text.as_bytes());
    }
    let folder = put(path, text, File::sync_all)?;
    // The rename is durable only once the folder is flushed.
    File::open(folder)?.sync_all()
}

/// The same without a flush, for files that can be made again: after a power loss, it may be empty.
pub fn replace_unflushed(path: &Utf8Path, text: &str) -> io::Result<()> {
    put(path, text, |_| Ok(())).map(drop)
}

/// Returns the folder of the file.
fn put(path: &Utf8Path, text: &str, flush: fn(&File) -> io::Result<()>) -> io::Result<Utf8PathBuf> {
    let target = path.canonicalize_utf8();
    let path = target.as_deref().unwrap_or(path);
    let folder = path
        .parent()
        // A bare file name has no parent folder.
        .filter(|folder| !folder.as_str().is_empty())
        .unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default();
    remove_leftovers(folder, name);
    // Two runs at the same time must not write to the same file.
    let temporary = folder.join(format!(".{name}.{}.new", std::process::id()));
    let permissions = fs::metadata(path).map(|metadata| metadata.permissions());
    let written = write(&temporary, text, permissions.ok(), flush)
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    Ok(folder.to_owned())
}

/// The failure to write a file. `why`: what the file is for.
pub fn cannot_write(path: &Utf8Path, error: &io::Error, why: &str) -> Failure {
    Failure::host(
        Diagnostic::error(format!("cannot write `{path}`: {error}"))
            .note(why)
            .hint(why_not_writable(path)),
    )
}

/// How to find out why a path cannot be written.
pub fn why_not_writable(path: &Utf8Path) -> Hint {
    // The folder itself may be what could not be created.
    let mut folders = path.ancestors().skip(1);
    let folder = folders.find(|folder| folder.exists()).unwrap_or(path);
    let folder = quoted(folder.as_str());
    Hint::informs(
        "check the permissions and the free space of its folder",
        [format!("ls -ld {folder}; df -h {folder}")],
    )
}

/// Removes temporary files and folders of killed runs.
pub fn tidy_up(path: &Utf8Path) {
    let target = path.canonicalize_utf8();
    let path = target.as_deref().unwrap_or(path);
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
        remove_leftovers(folder, name);
    }
}

/// Removes temporary files of killed runs, of whatever file, from a folder that only this program
/// writes to.
pub fn tidy_up_folder(folder: &Utf8Path) {
    remove_dead(folder, |middle| {
        middle.rsplit_once('.').map(|(_, writer)| writer)
    });
}

/// Skips files of processes that are still alive. A file that cannot be removed does no harm.
fn remove_leftovers(folder: &Utf8Path, name: &str) {
    let start = format!("{name}.");
    remove_dead(folder, |middle| middle.strip_prefix(&start));
}

/// `writer_of`: the process in the middle of a name, between its first dot and `.new`.
fn remove_dead(folder: &Utf8Path, writer_of: impl Fn(&str) -> Option<&str>) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let name = entry.file_name().strip_prefix('.');
        let middle = name.and_then(|name| name.strip_suffix(".new"));
        let writer = middle.and_then(|middle| writer_of(middle)?.parse().ok());
        if writer.is_some_and(|writer| !process::is_there(writer)) {
            let path = entry.path();
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
    }
}

fn write(
    path: &Utf8Path,
    text: &str,
    permissions: Option<Permissions>,
    flush: fn(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = File::create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    flush(&file)
}
