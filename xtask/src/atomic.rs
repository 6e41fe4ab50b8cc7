//! Files that are replaced as a whole: whatever interrupts it leaves the old file or the new one.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};

use camino::Utf8Path;

use crate::process;

/// Makes this the file's text. It is written beside its place, flushed to the disk and moved there;
/// missing folders above it are made. A file that is there keeps its permissions, and a link to a file
/// keeps leading to it.
pub fn replace(path: &Utf8Path, text: &str) -> io::Result<()> {
    let target = path.canonicalize_utf8();
    let path = target.as_deref().unwrap_or(path);
    let folder = path
        .parent()
        // A bare name has no folder before it.
        .filter(|folder| !folder.as_str().is_empty())
        .unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default();
    remove_leftovers(folder, name);
    // Two runs at once must not write into one file.
    let beside = folder.join(format!(".{name}.{}.new", std::process::id()));
    let permissions = fs::metadata(path).map(|metadata| metadata.permissions());
    let written =
        write_through(&beside, text, permissions.ok()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    // The new name is on the disk only when the folder is.
    File::open(folder)?.sync_all()
}

/// Removes what runs that were killed left beside this file while they wrote it.
pub fn tidy_up(path: &Utf8Path) {
    let target = path.canonicalize_utf8();
    let path = target.as_deref().unwrap_or(path);
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
        remove_leftovers(folder, name);
    }
}

/// Whoever still writes one is alive. That one cannot be removed changes nothing.
fn remove_leftovers(folder: &Utf8Path, name: &str) {
    let start = format!(".{name}.");
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let middle = entry.file_name().strip_prefix(&start);
        let writer = middle.and_then(|middle| middle.strip_suffix(".new")?.parse().ok());
        if writer.is_some_and(|writer| !process::is_there(writer)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn write_through(path: &Utf8Path, text: &str, permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = File::create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
