//! The project's cache of binaries: folders that are complete or not there.

use std::fs::{self, File, TryLockError};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::process::{self, AfterInterrupt};
use crate::values::EtcdVersion;

/// The folder that unpacked releases and packages are kept in.
pub(super) struct Cache {
    folder: Utf8PathBuf,
}

impl Cache {
    /// The cache inside the workspace's own.
    pub(super) fn of(workspace_cache: &Utf8Path) -> Self {
        Self {
            folder: workspace_cache.join("etcd"),
        }
    }

    /// Where a release is kept. The checksum is part of the name: a definition may bring its own
    /// build of a version, and never gets another one.
    pub(super) fn release(
        &self,
        version: EtcdVersion,
        architecture: &str,
        sha256: &str,
    ) -> Utf8PathBuf {
        let checksum = sha256.get(..12).unwrap_or(sha256);
        self.folder
            .join(format!("{version}-{architecture}-{checksum}"))
    }

    /// Where a package is kept.
    pub(super) fn package(&self, version: &str, architecture: &str) -> Utf8PathBuf {
        self.folder
            .join(format!("package-{version}-{architecture}"))
    }

    /// Every package that is kept, for this architecture, in the order of their names.
    pub(super) fn packages(&self, architecture: &str) -> Vec<Utf8PathBuf> {
        let ours = |folder: &Utf8PathBuf| {
            folder.file_name().is_some_and(|name| {
                name.starts_with("package-") && name.ends_with(&format!("-{architecture}"))
            })
        };
        let mut packages: Vec<Utf8PathBuf> = self
            .folder
            .read_dir_utf8()
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.into_path()))
            .filter(ours)
            .collect();
        packages.sort();
        packages
    }

    /// The right to add something. Waits for another task that is at it, which has deadlines of its
    /// own. Ends when it is dropped, and with the process.
    ///
    /// # Errors
    /// Says what the file system refused.
    pub(super) fn lock(&self, waiting: impl FnOnce()) -> Result<Locked, String> {
        fs::create_dir_all(&self.folder).map_err(refused("create", &self.folder))?;
        let path = self.folder.join(".lock");
        let lock = File::create(&path).map_err(refused("create", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                lock.lock().map_err(refused("lock", &path))?;
            }
            Err(TryLockError::Error(error)) => return Err(refused("lock", &path)(error)),
        }
        Ok(Locked {
            _lock: lock,
            _after_interrupt: process::on_interrupt(
                "hint: nothing is kept of what was half fetched; run the same again",
            ),
            folder: self.folder.clone(),
        })
    }
}

/// The right to add to the cache.
pub(super) struct Locked {
    _lock: File,
    _after_interrupt: AfterInterrupt,
    folder: Utf8PathBuf,
}

impl Locked {
    /// An empty folder beside the kept ones. What an interrupted task left in it is removed.
    ///
    /// # Errors
    /// Says what the file system refused.
    pub(super) fn scratch(&self) -> Result<Scratch, String> {
        let path = self.folder.join(".unfinished");
        remove(&path)?;
        fs::create_dir(&path).map_err(refused("create", &path))?;
        Ok(Scratch { path })
    }

    /// Keeps etcd's binaries from a folder of the scratch: from here on they are in the cache, or,
    /// after a loss of power, not at all.
    ///
    /// # Errors
    /// Says what the file system refused, or which binary is missing.
    pub(super) fn keep(
        &self,
        scratch: &Scratch,
        from: &Utf8Path,
        to: &Utf8Path,
    ) -> Result<(), String> {
        let complete = scratch.path.join("complete");
        fs::create_dir(&complete).map_err(refused("create", &complete))?;
        for name in ["etcd", "etcdctl", "etcdutl"] {
            let source = from.join(name);
            if name == "etcdutl" && !source.exists() {
                // It came with 3.5.
                continue;
            }
            // A link would lead out of the folder that is kept.
            if !source.symlink_metadata().is_ok_and(|found| found.is_file()) {
                return Err(format!("it holds no `{name}`"));
            }
            let target = complete.join(name);
            fs::rename(&source, &target).map_err(refused("keep", &target))?;
            synced(&target)?;
        }
        synced(&complete)?;
        remove(to)?;
        fs::rename(&complete, to).map_err(refused("keep", to))?;
        synced(&self.folder)
    }
}

/// A folder for what is not finished; removed when it is dropped.
pub(super) struct Scratch {
    /// Where it is.
    pub(super) path: Utf8PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next one begins with removing it as well.
        let _ = remove(&self.path);
    }
}

/// What the file system refused, in words.
pub(super) fn refused(what: &str, path: &Utf8Path) -> impl Fn(io::Error) -> String {
    move |error| format!("cannot {what} `{path}`: {error}")
}

fn remove(folder: &Utf8Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(refused("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

fn synced(path: &Utf8Path) -> Result<(), String> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(refused("write", path))
}
