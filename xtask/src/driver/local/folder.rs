//! A member's folder: `.state/<cluster>/members/<member>/`.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::process::{self, Process};
use crate::atomic;
use crate::observation::{LOG_FOLDERS, Look};
use crate::pause::pause;
use crate::values::HostName;
use crate::workspace::Home;

/// How many bytes to read from the end of a log. The reason for an exit comes last.
const LONGEST_LAST_WORDS: u64 = 1 << 20;

/// A member's own folder.
///
/// A lock shows whether a process uses it: a member's process has the folder's lock file as its
/// standard input and holds a lock on it from its start to its end, whatever happens to the task
/// that started it. A process ID could have been reused, and a path could be on anybody's command
/// line.
#[derive(Debug, Clone)]
pub(super) struct MemberFolder {
    path: Utf8PathBuf,
    started: Utf8PathBuf,
}

/// How long another task's test of the lock may keep it from being taken, and how long it may take
/// to find the process that holds it. Both take milliseconds.
const MOMENT: Duration = Duration::from_secs(1);

impl MemberFolder {
    /// The folder of a member.
    pub(super) fn of(home: &Home, member: &HostName) -> Self {
        Self {
            path: members_folder(home).join(member.as_str()),
            started: home.folder().join("started").join(member.as_str()),
        }
    }

    /// The members that have a folder.
    pub(super) fn all(home: &Home) -> Vec<HostName> {
        let folders = fs::read_dir(members_folder(home))
            .into_iter()
            .flatten()
            .flatten();
        folders
            .filter_map(|folder| folder.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// etcd's data folder.
    pub(super) fn data(&self) -> Utf8PathBuf {
        self.path.join("data")
    }

    /// etcd's log.
    pub(super) fn log(&self) -> Utf8PathBuf {
        self.path.join("etcd.log")
    }

    /// Holds the length of the log before the last start.
    fn log_start_file(&self) -> Utf8PathBuf {
        self.path.join("log-start")
    }

    /// The log since the last start, or its end; `None` if that is unknown, or if the data was
    /// replaced since then.
    pub(super) fn said(&self) -> Option<String> {
        let start: u64 = fs::read_to_string(self.log_start_file())
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let mut log = File::open(self.log()).ok()?;
        let log_is = log.metadata().ok()?;
        if self.data_has_changed_since(&log_is) {
            return None;
        }
        let start = start.max(log_is.len().saturating_sub(LONGEST_LAST_WORDS));
        log.seek(SeekFrom::Start(start)).ok()?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the data was changed after the last line of the log.
    fn data_has_changed_since(&self, log: &fs::Metadata) -> bool {
        let written = (log.mtime(), log.mtime_nsec());
        let data = self.data();
        let folders = ["", "member", "member/snap", "member/wal", "wal", "snap"];
        let folders = folders.iter().map(|folder| data.join(folder));
        let entries = folders
            .clone()
            .filter_map(|folder| folder.read_dir_utf8().ok());
        let entries = entries
            .flatten()
            .flatten()
            .map(camino::Utf8DirEntry::into_path);
        folders.chain(entries).any(|path| {
            let there = fs::symlink_metadata(path);
            there.is_ok_and(|there| (there.ctime(), there.ctime_nsec()) > written)
        })
    }

    /// Notes the length of the log before a start. If that fails, as on a full disk, the reason for
    /// an exit cannot be reported later.
    pub(super) fn note_log_start(&self) {
        let length = fs::metadata(self.log()).map_or(0, |log| log.len());
        if fs::write(self.log_start_file(), length.to_string()).is_err() {
            let _ = fs::remove_file(self.log_start_file());
        }
    }

    /// The member's process ID. It only saves a search; the lock is the proof.
    pub(super) fn pid_file(&self) -> Utf8PathBuf {
        self.path.join("pid")
    }

    fn lock_file(&self) -> Utf8PathBuf {
        self.path.join("lock")
    }

    /// Whether etcd would find a write-ahead log to resume from. Without one it bootstraps.
    pub(super) fn has_data(&self) -> bool {
        LOG_FOLDERS.iter().any(|folder| {
            let log = fs::read_dir(self.data().join(folder));
            log.is_ok_and(|mut files| files.next().is_some())
        })
    }

    /// The same for a verdict: what this user may not read is no proof. `has_database`: whether this etcd keeps its keys
    /// in a database, as from 3.0 on.
    pub(super) fn data_on_disk(&self, has_database: bool) -> Look<bool> {
        let unknown = |error| Look::Failed(format!("could not be inspected: {error}"));
        let mut has_log = false;
        for folder in LOG_FOLDERS {
            let log = fs::read_dir(self.data().join(folder));
            match log.map(|mut files| files.next().is_some()) {
                Ok(has_files) => has_log |= has_files,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return unknown(error),
            }
        }
        match fs::symlink_metadata(self.data().join("member/snap/db")) {
            Err(error) if has_database && error.kind() == io::ErrorKind::NotFound => {
                Look::Seen(false)
            }
            Err(error) if has_database => unknown(error),
            _ => Look::Seen(has_log),
        }
    }

    /// Creates the data folder of a member without data, and notes its state outside of the
    /// member's folder. It shows later whether etcd wrote data that was lost afterwards.
    pub(super) fn prepare(&self) -> io::Result<()> {
        if self.has_data() {
            return Ok(());
        }
        let data = self.data();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&data)?;
        atomic::replace(&self.started, &state_of(&data)?)
    }

    /// Whether the member has data, or may have had some: it was started, and its data folder does
    /// not look as if etcd never got that far.
    pub(super) fn had_data(&self) -> bool {
        self.has_data() || (self.started.exists() && !self.never_had_data())
    }

    /// Whether the data folder is the one noted at the start, and either untouched or with only
    /// what etcd creates before its log. An emptied or replaced folder is neither.
    fn never_had_data(&self) -> bool {
        let data = self.data();
        let then = fs::read_to_string(&self.started).unwrap_or_default();
        let Ok(now) = state_of(&data) else {
            return false;
        };
        let folder = |state: &str| state.split(' ').next().map(str::to_owned);
        let is_begun = || data.join("member/snap").is_dir() || data.join("snap").is_dir();
        then == now || (folder(&then) == folder(&now) && is_begun())
    }

    /// Locks the folder for the process that gets the file as its standard input. `None` if another
    /// process holds the lock.
    pub(super) fn claim(&self) -> io::Result<Option<File>> {
        fs::create_dir_all(&self.path)?;
        let file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(self.lock_file())?;
        for () in moment() {
            match file.try_lock() {
                Ok(()) => {
                    // From now on, only the process that is about to start writes there.
                    return match fs::remove_file(self.pid_file()) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                        _ => Ok(Some(file)),
                    };
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether a process holds the folder's lock.
    pub(super) fn is_claimed(&self) -> bool {
        let Ok(file) = File::open(self.lock_file()) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// The process that uses this folder. `strays`: finds all etcd processes of the host.
    pub(super) fn process(&self, strays: impl FnOnce() -> Vec<process::Etcd>) -> Option<Process> {
        for () in moment() {
            if !self.is_claimed() {
                // The lock file may have been removed.
                let data = self.data();
                return strays()
                    .into_iter()
                    .find(|etcd| etcd.data == data)
                    .map(|etcd| Process::stray(etcd.id, self.clone()));
            }
            if let Some(id) = self.claimant() {
                return Some(Process::claimant(id, self.clone()));
            }
        }
        Some(Process::unseen(self.clone()))
    }

    fn claimant(&self) -> Option<i32> {
        let lock = fs::metadata(self.lock_file()).ok()?;
        let data = self.data();
        let holds = |id: &i32| {
            // If the system does not say, as outside of Linux, the command line decides.
            crate::process::reads_from(*id, &lock)
                .unwrap_or_else(|| process::data_folder(*id).is_some_and(|folder| folder == data))
        };
        let noted = fs::read_to_string(self.pid_file()).ok();
        noted
            .and_then(|text| text.trim().parse().ok())
            .filter(holds)
            .or_else(|| crate::process::all().into_iter().find(holds))
    }
}

/// Identifies the folder and its last change.
fn state_of(folder: &Utf8Path) -> io::Result<String> {
    let now = fs::metadata(folder)?;
    let (seconds, nanoseconds) = (now.mtime(), now.mtime_nsec());
    Ok(format!("{} {seconds}.{nanoseconds:09}\n", now.ino()))
}

fn members_folder(home: &Home) -> Utf8PathBuf {
    home.folder().join("members")
}

/// Repeats for a moment, at least once.
fn moment() -> impl Iterator<Item = ()> {
    let begun = Instant::now();
    let mut first = true;
    std::iter::from_fn(move || {
        if !std::mem::take(&mut first) {
            if begun.elapsed() > MOMENT {
                return None;
            }
            pause(Duration::from_millis(2));
        }
        Some(())
    })
}
