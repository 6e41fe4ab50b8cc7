//! The backups of a cluster: `.state/<name>/backups/` holds a snapshot `<time>.db` and its manifest
//! `<time>.db.json` each. They outlive the cluster.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::atomic;
use crate::backup::{Backup, FORMAT, Manifest};
use crate::etcd::snapshot;
use crate::process::{self, RemovedOnInterrupt};
use crate::reason::Reason;
use crate::state::{file_time, versioned};
use crate::workspace::{BACKUPS, Home};

/// The folder of a cluster's backups.
pub fn folder(home: &Home) -> Utf8PathBuf {
    home.folder().join(BACKUPS)
}

/// The cluster's snapshots that have a manifest, from the oldest to the newest. Only their names are
/// looked at.
pub fn files(home: &Home) -> Vec<Utf8PathBuf> {
    let entries = folder(home).read_dir_utf8().into_iter().flatten().flatten();
    let is_backup = |path: &Utf8PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name.ends_with(".db") && !name.starts_with('.') && manifest_of(path).exists()
    };
    let paths = entries.map(Utf8DirEntry::into_path);
    let mut files: Vec<Utf8PathBuf> = paths.filter(is_backup).collect();
    files.sort_by_cached_key(|file| age(file));
    files
}

/// The time in the name of a snapshot, and its number among those of one second.
fn age(file: &Utf8Path) -> (String, u32) {
    let stem = file.file_stem().unwrap_or_default();
    let (time, number) = stem.split_once("Z-").unwrap_or((stem, "1"));
    let time = time.trim_end_matches('Z').to_owned();
    (time, number.parse().unwrap_or_default())
}

/// Whether [`new_file`] gave a snapshot its name.
pub fn is_named_by_time(file: &Utf8Path) -> bool {
    let (time, number) = age(file);
    file_time::is_time(&format!("{time}Z")) && number > 0
}

/// The file for a new backup at this time, whose name no other backup has.
pub fn new_file(home: &Home, time: &str) -> Utf8PathBuf {
    let time = file_time::written(time);
    let names = (1..).map(|number| match number {
        1 => format!("{time}.db"),
        _ => format!("{time}-{number}.db"),
    });
    let mut files = names.map(|name| folder(home).join(name));
    let is_there = |path: &Utf8Path| fs::symlink_metadata(path).is_ok();
    let is_free = |file: &Utf8PathBuf| !is_there(file) && !is_there(&manifest_of(file));
    files.find(is_free).unwrap_or_default()
}

/// The manifest beside a snapshot.
pub fn manifest_of(file: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{file}.json"))
}

/// Reads the manifest of a snapshot.
pub fn manifest(file: &Utf8Path) -> Result<Manifest, Reason> {
    let path = manifest_of(file);
    let unreadable = |why: Reason| Reason::from(format!("its manifest cannot be read: {why}"));
    let read = versioned::read(&path, FORMAT).map_err(unreadable)?;
    read.ok_or_else(|| format!("it has no manifest `{path}`").into())
}

/// Reads a backup, and compares the snapshot with its manifest.
pub fn read(file: &Utf8Path) -> Backup {
    let manifest = manifest(file).and_then(|manifest| {
        is_intact(file, &manifest)?;
        Ok(manifest)
    });
    Backup {
        file: file.to_owned(),
        manifest,
    }
}

/// Fails if the snapshot is not the one that its manifest describes.
fn is_intact(file: &Utf8Path, manifest: &Manifest) -> Result<(), Reason> {
    let size = fs::metadata(file).map_err(Reason::of)?.len();
    if size != manifest.size {
        let expected = manifest.size;
        return Err(format!("its size is {size} bytes, but its manifest says {expected}").into());
    }
    let found = snapshot::digests(file).map_err(Reason::of)?;
    if found.sha256 != manifest.sha256 {
        return Err("its SHA-256 is not the one in its manifest".into());
    }
    if !found.is_complete {
        return Err("it does not end with the SHA-256 that etcd appends".into());
    }
    Ok(())
}

/// Replaces the manifest of a backup, which keeps its permissions.
pub fn write_manifest(file: &Utf8Path, manifest: &Manifest) -> io::Result<()> {
    atomic::replace(&manifest_of(file), &text(manifest))
}

/// Removes a backup. An interruption leaves a manifest alone, which is no backup.
pub fn remove(file: &Utf8Path) -> io::Result<()> {
    fs::remove_file(file)?;
    fs::remove_file(manifest_of(file))
}

/// Creates the folder of the cluster's backups, and removes what killed runs left there.
pub fn prepare(home: &Home) -> io::Result<()> {
    let folder = folder(home);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    tidy_up(home);
    Ok(())
}

/// Removes what killed runs left in the folder: incomplete backups, and manifests alone.
pub fn tidy_up(home: &Home) {
    let folder = folder(home);
    atomic::tidy_up_folder(&folder);
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let snapshot = entry.path().as_str().strip_suffix(".json");
        let is_alone =
            |snapshot: &str| snapshot.ends_with(".db") && fs::symlink_metadata(snapshot).is_err();
        if snapshot.is_some_and(is_alone) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A backup that is being made, in a hidden folder beside its place. The folder is removed when this
/// is dropped and on an interruption; if this process is killed, the next backup removes it.
#[derive(Debug)]
pub struct Unfinished {
    folder: Utf8PathBuf,
    _removed_on_interrupt: RemovedOnInterrupt,
}

impl Unfinished {
    /// Creates the folder for a backup at this absolute path.
    pub fn of(file: &Utf8Path) -> io::Result<Self> {
        atomic::tidy_up(file);
        let name = file.file_name().unwrap_or_default();
        let folder = file.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let removed_on_interrupt = process::remove_on_interrupt(folder.as_std_path());
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self {
            folder,
            _removed_on_interrupt: removed_on_interrupt,
        })
    }

    /// The snapshot in it.
    pub fn snapshot(&self) -> Utf8PathBuf {
        self.folder.join("snapshot.db")
    }

    /// Moves the snapshot to its place, after its manifest: a snapshot never lies there without one.
    /// Everything is flushed to the disk.
    pub fn finish(self, manifest: &Manifest, file: &Utf8Path) -> io::Result<()> {
        let (snapshot, beside) = (self.snapshot(), self.folder.join("manifest.json"));
        fs::set_permissions(&snapshot, Permissions::from_mode(0o600))?;
        File::open(&snapshot)?.sync_all()?;
        let mut options = OpenOptions::new();
        let mut written = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        written.write_all(text(manifest).as_bytes())?;
        written.sync_all()?;
        move_to_new(&beside, &manifest_of(file))?;
        move_to_new(&snapshot, file).inspect_err(|_| {
            let _ = fs::remove_file(manifest_of(file));
        })?;
        match file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

/// Renames a file, unless something has that name.
fn move_to_new(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    let flags = RenameFlags::RENAME_NOREPLACE;
    match renameat2(
        AT_FDCWD,
        from.as_std_path(),
        AT_FDCWD,
        to.as_std_path(),
        flags,
    ) {
        // NFS knows no such flag.
        Err(Errno::EINVAL) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        moved => Ok(moved?),
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn text(manifest: &Manifest) -> String {
    serde_json::to_string_pretty(manifest).unwrap_or_default() + "\n"
}
