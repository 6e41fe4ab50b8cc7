//! Replaces the data of local members: renames folders within each member's folder, which may be a
//! file system of its own.

use std::fs::{self, File};
use std::io;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{AccessFlags, access};

use super::Local;
use super::folder::MemberFolder;
use crate::atomic::{cannot_write, why_not_writable};
use crate::driver::{Driver, MemberData, copy_data};
use crate::pause::pause;
use crate::process::{self, Signal};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::HostName;
use crate::workspace::Home;

/// How long a killed program may take to end.
const END_OF_WRITERS: Duration = Duration::from_secs(2);

impl MemberData for Local {
    fn immovable(&self, home: &Home, members: &[HostName]) -> Vec<(HostName, Reason)> {
        let why = |member: &HostName| {
            let why = why_immovable(&MemberFolder::of(home, member));
            why.map(|why| (member.clone(), why))
        };
        members.iter().filter_map(why).collect()
    }

    fn staged(&self, home: &Home, member: &HostName) -> Utf8PathBuf {
        MemberFolder::of(home, member).path().join("data-restored")
    }

    fn discard_staged(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        let staged = members.iter().map(|member| self.staged(home, member));
        let staged: Vec<Utf8PathBuf> = staged.collect();
        end_writers(&staged);
        for staged in staged {
            removed(&staged)
                .map_err(|error| cannot_write(&staged, &error, "it is left of a restoration"))?;
            // They were made for it if the cluster was destroyed before. Others are not empty.
            let folders = staged.ancestors().skip(1).take(3);
            folders.for_each(|folder| drop(fs::remove_dir(folder)));
        }
        Ok(())
    }

    /// It is where they are.
    fn deliver(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        let staged = |member: &HostName| self.staged(home, member);
        match members.iter().map(staged).find(|staged| !staged.is_dir()) {
            Some(gone) => Err(Failure::failed(Diagnostic::error(format!(
                "the restored data `{gone}` is gone"
            )))),
            None => Ok(()),
        }
    }

    fn halt(&self, home: &Home, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()> {
        self.stop(home, members, say)
    }

    fn set_aside(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()> {
        for member in members {
            let folder = MemberFolder::of(home, member);
            let data = folder.data();
            if !is_there(&data) {
                continue;
            }
            let to = match aside(&folder, time) {
                // The data was moved before an interruption. This is not it.
                to if is_there(&to) => meanwhile(&folder),
                to => to,
            };
            moved(&data, &to).map_err(|error| {
                Failure::failed(
                    Diagnostic::error(format!(
                        "the data of `{member}` cannot be moved aside: {error}"
                    ))
                    .hint(why_not_writable(&data)),
                )
            })?;
        }
        Ok(())
    }

    fn put_back(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()> {
        for member in members {
            let folder = MemberFolder::of(home, member);
            let (data, aside) = (folder.data(), aside(&folder, time));
            if !is_there(&aside) || is_there(&data) {
                continue;
            }
            moved(&aside, &data).map_err(|error| {
                Failure::failed(
                    Diagnostic::error(format!(
                        "the data of `{member}` cannot be moved back: {error}"
                    ))
                    .note(format!("it is in `{aside}`"))
                    .hint(why_not_writable(&data)),
                )
            })?;
        }
        Ok(())
    }

    fn place(&self, home: &Home, members: &[HostName]) -> Outcome<()> {
        for member in members {
            let folder = MemberFolder::of(home, member);
            let (staged, data) = (self.staged(home, member), folder.data());
            if !is_there(&staged) {
                continue;
            }
            // Somebody may have started the member by hand after an interruption.
            let cleared = match is_there(&data) {
                true => moved(&data, &meanwhile(&folder)),
                false => Ok(()),
            };
            let placed = cleared.and_then(|()| moved(&staged, &data));
            placed.map_err(|error| {
                Failure::failed(
                    Diagnostic::error(format!(
                        "the restored data of `{member}` cannot be put in its place: {error}"
                    ))
                    .hint(why_not_writable(&data)),
                )
            })?;
        }
        Ok(())
    }

    fn release(&self, _home: &Home, _members: &[HostName]) -> Outcome<()> {
        Ok(())
    }

    fn aside(&self, home: &Home, member: &HostName, time: &str) -> Option<String> {
        let aside = aside(&MemberFolder::of(home, member), time);
        is_there(&aside).then(|| aside.into_string())
    }

    fn discard_aside(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()> {
        for member in members {
            let aside = aside(&MemberFolder::of(home, member), time);
            removed(&aside)
                .map_err(|error| cannot_write(&aside, &error, "it is data that was replaced"))?;
        }
        Ok(())
    }

    fn replaced(&self, home: &Home) -> usize {
        let members = self.traces(home).into_iter();
        let folders = members.map(|member| MemberFolder::of(home, &member));
        let entries =
            folders.flat_map(|folder| folder.path().read_dir_utf8().into_iter().flatten());
        entries
            .flatten()
            .filter(|entry| entry.file_name().starts_with(REPLACED))
            .count()
    }

    fn copy(&self, home: &Home, member: &HostName, to: &Utf8Path) -> Outcome<()> {
        copy_data(&MemberFolder::of(home, member).data(), to)
    }
}

/// What the names of replaced data begin with.
const REPLACED: &str = "data-replaced-";

fn aside(folder: &MemberFolder, time: &str) -> Utf8PathBuf {
    folder.path().join(format!("{REPLACED}{time}"))
}

/// The name for data that appeared during an interrupted restoration.
fn meanwhile(folder: &MemberFolder) -> Utf8PathBuf {
    let names = (1..).map(|number| {
        folder
            .path()
            .join(format!("data-replaced-meanwhile-{number}"))
    });
    let mut unused = names.filter(|name| !is_there(name));
    unused.next().unwrap_or_default()
}

/// Whether something has this name, even a broken link.
fn is_there(path: &Utf8Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Why a member's data cannot be renamed; `None` if it can.
fn why_immovable(folder: &MemberFolder) -> Option<Reason> {
    let (path, data) = (folder.path(), folder.data());
    if !is_there(&data) {
        return None;
    }
    if let Err(errno) = access(path.as_std_path(), AccessFlags::W_OK | AccessFlags::X_OK) {
        return Some(format!("`{path}` cannot be changed: {}", errno.desc()).into());
    }
    is_mount_point(&data).then(|| format!("`{data}` is a mount point").into())
}

/// Also finds folders that are bound from the same file system, which have the same device.
fn is_mount_point(data: &Utf8Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let place = data
        .parent()
        .and_then(|folder| folder.canonicalize_utf8().ok());
    let Some((folder, name)) = place.zip(data.file_name()) else {
        return false;
    };
    // As in proc_pid_mountinfo(5).
    let escaped = folder.join(name).into_string();
    let escaped = escaped.replace('\\', "\\134").replace(' ', "\\040");
    let escaped = escaped.replace('\t', "\\011").replace('\n', "\\012");
    let mut mounted = mounts.lines().filter_map(|mount| mount.split(' ').nth(4));
    mounted.any(|mounted| mounted == escaped)
}

/// Ends the programs of a killed restoration that still write to these folders: they would write to what the
/// next one prepares there.
fn end_writers(staged: &[Utf8PathBuf]) {
    let folders: Vec<String> = staged
        .iter()
        .map(|folder| format!("--data-dir={folder}"))
        .collect();
    let writes = |id: &i32| {
        let words = process::command_line(*id).unwrap_or_default();
        words.iter().any(|word| word == "restore")
            && words.iter().any(|word| folders.contains(word))
    };
    let writers: Vec<i32> = process::all().into_iter().filter(writes).collect();
    for id in &writers {
        let _ = process::signal(*id, Signal::SIGKILL);
    }
    let deadline = Instant::now() + END_OF_WRITERS;
    while writers.iter().any(writes) && Instant::now() < deadline {
        pause(Duration::from_millis(5));
    }
}

/// Renames a folder, durably.
fn moved(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn removed(folder: &Utf8Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
