//! A cache of what can be downloaded or rebuilt. Entries are complete or absent.

use std::fs::{self, File, TryLockError};
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use crate::process::{self, AfterInterrupt, RemovedOnInterrupt};
use crate::reason::Reason;

/// A folder of the workspace's cache.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Utf8PathBuf,
}

impl Cache {
    /// Uses this folder as the cache.
    pub fn at(folder: Utf8PathBuf) -> Self {
        Self { folder }
    }

    /// The folder of the cache.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Locks the cache for writing. Waits for another task that holds the lock; its downloads have
    /// deadlines. The lock ends when it is dropped, and with the process.
    pub fn lock(&self, waiting: impl FnOnce()) -> Result<Locked, Reason> {
        let asked = SystemTime::now();
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
            asked,
            _lock: lock,
            _after_interrupt: process::on_interrupt(
                "hint: the interrupted download is not kept; run the same command again",
            ),
            folder: self.folder.clone(),
        })
    }
}

/// The lock that allows adding to the cache.
#[derive(Debug)]
pub struct Locked {
    asked: SystemTime,
    _lock: File,
    _after_interrupt: AfterInterrupt,
    folder: Utf8PathBuf,
}

impl Locked {
    /// When the lock was requested. Newer entries were added while this task waited.
    pub fn asked(&self) -> SystemTime {
        self.asked
    }

    /// Creates an empty scratch folder in the cache, and removes what an interrupted task left
    /// there.
    pub fn scratch(&self) -> Result<Scratch, Reason> {
        let path = self.folder.join(".unfinished");
        remove(&path)?;
        let removed_on_interrupt = process::remove_on_interrupt(path.as_std_path());
        fs::create_dir(&path).map_err(refused("create", &path))?;
        Ok(Scratch {
            path,
            _removed_on_interrupt: removed_on_interrupt,
        })
    }

    /// Moves a complete file or folder into the cache. After a loss of power it is there completely
    /// or not at all. An entry of the same name is replaced.
    pub fn keep(&self, complete: &Utf8Path, to: &Utf8Path) -> Result<(), Reason> {
        synced(complete)?;
        remove(to)?;
        fs::rename(complete, to).map_err(refused("keep", to))?;
        synced(&self.folder)
    }
}

/// A folder for unfinished work, removed when it is dropped and on an interruption.
#[derive(Debug)]
pub struct Scratch {
    /// The path of the folder.
    pub path: Utf8PathBuf,
    _removed_on_interrupt: RemovedOnInterrupt,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next task removes it first, too.
        let _ = remove(&self.path);
    }
}

/// Puts an error of the file system into words.
pub fn refused(what: &str, path: &Utf8Path) -> impl Fn(io::Error) -> Reason {
    move |error| format!("cannot {what} `{path}`: {error}").into()
}

fn remove(path: &Utf8Path) -> Result<(), Reason> {
    let removed = if path.is_file() {
        fs::remove_file(path)
    } else {
        fs::remove_dir_all(path)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(refused("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Flushes a file or folder to the disk, so that it survives a loss of power.
pub fn synced(path: &Utf8Path) -> Result<(), Reason> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(refused("write", path))
}
