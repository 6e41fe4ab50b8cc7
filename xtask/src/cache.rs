//! What can be fetched or made again: kept whole, or not at all.

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
    /// The cache in this folder.
    pub fn at(folder: Utf8PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// The right to add something. Waits for another task that is at it, which has deadlines of its
    /// own. Ends when it is dropped, and with the process.
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

/// The right to add to the cache.
#[derive(Debug)]
pub struct Locked {
    asked: SystemTime,
    _lock: File,
    _after_interrupt: AfterInterrupt,
    folder: Utf8PathBuf,
}

impl Locked {
    /// When it was asked for. What is newer was added while it was waited for.
    pub fn asked(&self) -> SystemTime {
        self.asked
    }

    /// An empty folder beside the kept ones. What an interrupted task left in it is removed.
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

    /// Keeps a file or a folder of the scratch: from here on it is in the cache, or, after a loss of
    /// power, not at all. What was kept under this name before is replaced.
    pub fn keep(&self, complete: &Utf8Path, to: &Utf8Path) -> Result<(), Reason> {
        synced(complete)?;
        remove(to)?;
        fs::rename(complete, to).map_err(refused("keep", to))?;
        synced(&self.folder)
    }
}

/// A folder for what is not finished; removed when it is dropped, and by an interruption.
#[derive(Debug)]
pub struct Scratch {
    /// Where it is.
    pub path: Utf8PathBuf,
    _removed_on_interrupt: RemovedOnInterrupt,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next one begins with removing it as well.
        let _ = remove(&self.path);
    }
}

/// What the file system refused, in words.
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

/// Has a file or a folder on the disk, so that a loss of power leaves it as it is.
pub fn synced(path: &Utf8Path) -> Result<(), Reason> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(refused("write", path))
}
