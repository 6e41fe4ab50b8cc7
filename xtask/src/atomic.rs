//! Files that are replaced as a whole: whatever interrupts it leaves the old file or the new one.

use std::fs::{self, File};
use std::io::{self, Write};

use camino::Utf8Path;

/// Makes this the file's text. It is written beside its place, flushed to the disk and moved there;
/// missing folders above it are made.
///
/// # Errors
/// Whatever the file system says. The old file is then as it was.
pub fn replace(path: &Utf8Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default();
    // Two runs at once must not write into one file.
    let beside = folder.join(format!(".{name}.{}.new", std::process::id()));
    let written = write_through(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    // The new name is on the disk only when the folder is.
    File::open(folder)?.sync_all()
}

fn write_through(path: &Utf8Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
