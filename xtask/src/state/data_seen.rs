//! Which members were seen with data: one empty file `.state/<name>/had-data/<member>` each.
//!
//! Tasks that only look at a cluster do not hold its lock. With one file per fact, which is only
//! ever added, no task can undo the note of another.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use crate::values::HostName;
use crate::workspace::Home;

/// The members of a cluster that were seen with data.
#[derive(Debug)]
pub struct DataSeen {
    path: Utf8PathBuf,
    /// The cluster's folder. It is kept open, so that a note cannot end up in the folder of a newer
    /// cluster of the same name.
    folder: Option<File>,
}

/// The folder within the cluster's folder.
const FOLDER: &str = "had-data";

impl DataSeen {
    /// Opens the notes. Call it before looking at the cluster.
    pub fn of(home: &Home) -> Self {
        let path = home.folder();
        Self {
            folder: File::open(&path).ok(),
            path,
        }
    }

    /// Whether the cluster was not destroyed in the meantime.
    pub fn is_still_there(&self) -> bool {
        let id = |file: &File| file.metadata().ok().map(|data| (data.dev(), data.ino()));
        let now = File::open(&self.path).ok();
        let (then, now) = (self.folder.as_ref().and_then(id), now.as_ref().and_then(id));
        then.is_some() && then == now
    }

    /// Notes that a member has data. Ignores failures, such as a full disk, which must not prevent
    /// a look.
    pub fn note(&self, member: &HostName) {
        let _ = self.try_note(member);
    }

    fn try_note(&self, member: &HostName) -> Result<(), Errno> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        match mkdirat(folder, FOLDER, Mode::from_bits_truncate(0o755)) {
            Err(errno) if errno != Errno::EEXIST => return Err(errno),
            _ => {}
        }
        let file = Utf8Path::new(FOLDER).join(member.as_str());
        let new = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        match openat(folder, file.as_str(), new, Mode::from_bits_truncate(0o644)) {
            Err(Errno::EEXIST) => return Ok(()),
            Err(errno) => return Err(errno),
            Ok(_) => {}
        }
        // The new names are durable only once their folders are flushed.
        let names = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let names = openat(folder, FOLDER, names, Mode::empty())?;
        let _ = File::from(names).sync_all();
        let _ = folder.sync_all();
        Ok(())
    }

    /// The members that were seen with data.
    pub fn members(&self) -> Vec<HostName> {
        let files = self.path.join(FOLDER).read_dir_utf8();
        let files = files.into_iter().flatten().flatten();
        files
            .filter_map(|file| file.file_name().parse().ok())
            .collect()
    }
}
