//! The right to change one cluster: `.state/<name>.lock`.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::hint::Hint;
use crate::pause::pause;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workspace::Home;

/// The right to change one cluster. Ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: Utf8PathBuf,
}

impl Lock {
    /// Waits until nobody else is changing this cluster. Says once whom it waits for.
    ///
    /// # Errors
    /// Fails where the file system does.
    pub fn take(home: &Home, task: &str, say: &dyn Fn(&str)) -> Outcome<Self> {
        let path = path(home);
        Self::try_take(&path, task, say).map_err(|error| {
            Failure::host(Diagnostic::error(format!("`{path}` cannot be locked: {error}"))
                    .note("the lock keeps two tasks from changing one cluster at once")
                    .hint(Hint::informs(
                        "see whether its folder is one, who may write there, and whether its disk has room",
                        [format!("ls -ld {0}; df -h {0}", quoted(path.parent().unwrap_or(&path).as_str()))],
                    )),
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
            // Whoever held it may have removed the file with the cluster: then this locks nothing.
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

    /// Who is changing this cluster right now, in words; nobody where that cannot be found out.
    pub fn holder(home: &Home) -> Option<String> {
        let path = path(home);
        // Shared, so that two who ask do not take each other for one who changes something.
        let is_held = File::open(&path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
        is_held.then(|| holder(&path))
    }

    /// Gives the lock up together with its file: the cluster is no more.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn path(home: &Home) -> Utf8PathBuf {
    let file = format!(".state/{}.lock", home.name);
    home.workspace.root().join(file)
}

/// Who has the lock, as it says in the file. It says so right after it took the lock, which may be
/// in this moment.
fn holder(path: &Utf8Path) -> String {
    for _ in 0..400 {
        let text = fs::read_to_string(path).unwrap_or_default();
        // A line without its end is still being written.
        if let Some((holder, _)) = text.split_once('\n') {
            return holder.to_owned();
        }
        pause(Duration::from_millis(5));
    }
    "another task".to_owned()
}

/// Says in the file who has it. A full disk may refuse that, and must not keep anybody from making
/// room by `destroy`.
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
