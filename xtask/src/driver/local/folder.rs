//! A member's folder: `.state/<cluster>/members/<member>/`.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::process::{self, Process};
use crate::atomic;
use crate::observation::LOG_FOLDERS;
use crate::pause::pause;
use crate::values::HostName;
use crate::workspace::Home;

/// How much is read of what a member has said, in bytes: why it ended is said last.
const LONGEST_LAST_WORDS: u64 = 1 << 20;

/// Where a member keeps everything that is its own.
///
/// Whether something runs on it is told by a lock: a member's process has the folder's lock file as
/// its standard input and holds a lock on it, from before its first moment until it ends, however it
/// ends and whatever becomes of the task that started it. A process ID alone could have gone to
/// another process since, and a path alone could be on anybody's command line.
#[derive(Debug, Clone)]
pub(super) struct MemberFolder {
    path: Utf8PathBuf,
    started: Utf8PathBuf,
}

/// How long a look at the lock by another task may keep it from being taken, and how long a process
/// that has it may take to be found. Both are a matter of milliseconds.
const MOMENT: Duration = Duration::from_secs(1);

impl MemberFolder {
    /// The folder of this member.
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

    /// What etcd keeps.
    pub(super) fn data(&self) -> Utf8PathBuf {
        self.path.join("data")
    }

    /// What etcd says.
    pub(super) fn log(&self) -> Utf8PathBuf {
        self.path.join("etcd.log")
    }

    /// How long the log was before the member was started last.
    fn log_start_file(&self) -> Utf8PathBuf {
        self.path.join("log-start")
    }

    /// What etcd has said since it was started last, or the last of it; none where that cannot be told, or where
    /// its data is not what it was then.
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

    /// Whether somebody has put other data there since the log was written last.
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

    /// Notes where in its log a member that is about to be started begins. Where that cannot be noted, as on a
    /// full disk, nothing is told later of why it ended.
    pub(super) fn note_log_start(&self) {
        let length = fs::metadata(self.log()).map_or(0, |log| log.len());
        if fs::write(self.log_start_file(), length.to_string()).is_err() {
            let _ = fs::remove_file(self.log_start_file());
        }
    }

    /// The process ID of the member. It spares a search and proves nothing.
    pub(super) fn pid_file(&self) -> Utf8PathBuf {
        self.path.join("pid")
    }

    fn lock_file(&self) -> Utf8PathBuf {
        self.path.join("lock")
    }

    /// Whether etcd would find a log to go on from. Until it has one it begins anew.
    pub(super) fn has_data(&self) -> bool {
        LOG_FOLDERS.iter().any(|folder| {
            let log = fs::read_dir(self.data().join(folder));
            log.is_ok_and(|mut files| files.next().is_some())
        })
    }

    /// Makes the folder of the data, and notes how it is, outside of the member's folder: a member that has
    /// no data yet is about to be started. Whether it then gets some, nobody may be there to see.
    ///
    /// # Errors
    /// Whatever the file system says.
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

    /// Whether it has data, or may have had some: it was started, and what etcd keeps is not as that would be
    /// if etcd had never come so far.
    pub(super) fn had_data(&self) -> bool {
        self.has_data() || (self.started.exists() && !self.never_had_data())
    }

    /// Whether what etcd keeps is the same folder as when it was started, and either untouched or with what
    /// etcd makes before its log. What somebody has emptied or replaced is neither.
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

    /// Takes the right to run on this folder, for whoever gets the file as standard input. None
    /// where a process has it.
    ///
    /// # Errors
    /// Whatever the file system says.
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
                    // What is written there from now on is by the process that is about to start.
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

    /// Whether a process has the right to run on this folder.
    pub(super) fn is_claimed(&self) -> bool {
        let Ok(file) = File::open(self.lock_file()) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// The process that runs on this folder. `strays`: every etcd that runs on any.
    pub(super) fn process(&self, strays: impl FnOnce() -> Vec<process::Etcd>) -> Option<Process> {
        for () in moment() {
            if !self.is_claimed() {
                // Its lock file may have been removed under it.
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
            // Where the system does not tell, as outside of Linux, the command line does.
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

/// Which folder this is, and when something in it was made or removed last.
fn state_of(folder: &Utf8Path) -> io::Result<String> {
    let now = fs::metadata(folder)?;
    let (seconds, nanoseconds) = (now.mtime(), now.mtime_nsec());
    Ok(format!("{} {seconds}.{nanoseconds:09}\n", now.ino()))
}

fn members_folder(home: &Home) -> Utf8PathBuf {
    home.folder().join("members")
}

/// Again and again for a moment, at least once.
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
