//! The lock on a cluster: `.state/<name>.lock`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::atomic::why_not_writable;
use crate::pause::pause;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Home;

/// The exclusive right to change a cluster. The lock ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: Utf8PathBuf,
}

impl Lock {
    /// Waits until no other task is changing this cluster. Prints once which task it waits for.
    pub fn take(home: &Home, task: &str, say: &dyn Fn(&str)) -> Outcome<Self> {
        let path = path(home);
        Self::try_take(&path, task, say).map_err(|error| {
            Failure::host(
                Diagnostic::error(format!("`{path}` cannot be locked: {error}"))
                    .note("the lock keeps two tasks from changing one cluster at once")
                    .hint(why_not_writable(&path)),
            )
        })
    }

    fn try_take(path: &Utf8Path, task: &str, say: &dyn Fn(&str)) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            let file = File::options()
                .read(true)
                .append(true)
                .create(true)
                .open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    say(&format!(
                        "waiting: {} is changing this cluster",
                        holder(path)
                    ));
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The last holder may have removed the file with the cluster; then this lock protects
            // nothing.
            let current = fs::metadata(path).ok();
            if current.is_some_and(|current| {
                Some(current.ino()) == file.metadata().ok().map(|own| own.ino())
            }) {
                introduce(&file, task);
                return Ok(Self {
                    file,
                    path: path.to_owned(),
                });
            }
        }
    }

    /// The task that is changing this cluster; `None` if there is none or it cannot be found out.
    pub fn holder(home: &Home) -> Option<String> {
        let path = path(home);
        // A shared lock, so that two tasks that test it do not take each other for the holder.
        let is_held = File::open(&path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
        is_held.then(|| holder(&path))
    }

    /// Releases the lock and removes its file: the cluster no longer exists.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn path(home: &Home) -> Utf8PathBuf {
    let file = format!(".state/{}.lock", home.name);
    home.workspace.root().join(file)
}

/// The holder named in the file. It writes its name right after taking the lock, which may be at
/// this moment.
fn holder(path: &Utf8Path) -> String {
    for _ in 0..400 {
        let text = fs::read_to_string(path).unwrap_or_default();
        // An incomplete line is still being written.
        if let Some((holder, _)) = text.split_once('\n') {
            return holder.to_owned();
        }
        pause(Duration::from_millis(5));
    }
    "another task".to_owned()
}

/// Writes the holder's name to the file. A full disk may prevent that, and must not prevent
/// `destroy` from making room.
fn introduce(mut file: &File, task: &str) {
    let process = std::process::id();
    let line = format!("`cargo xtask {task}` (process {process})\n");
    let _ = file.set_len(0);
    let _ = file.write_all(line.as_bytes());
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}
