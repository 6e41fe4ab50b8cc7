//! Removes a cluster and everything it left.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::{backup, open, stop};
use crate::driver::DRIVERS;
use crate::hint::Hint;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::{Lock, backups, drill_reports};
use crate::ui::Ui;
use crate::workspace::{BACKUPS, Home};

/// Whether a cluster has left anything to remove.
pub fn is_anything_there(home: &Home) -> bool {
    open::has_traces(home) || doomed(home).exists()
}

/// What people may miss of a removed cluster.
pub struct Extras {
    /// The number of kept reports of drills.
    pub reports: usize,
    /// The number of members' data folders that a restoration replaced and kept, as far as they are on this
    /// host.
    pub replaced: usize,
}

impl Extras {
    /// Counts them.
    pub fn of(home: &Home) -> Self {
        let replaced = DRIVERS.iter().map(|driver| driver.data().replaced(home));
        Self {
            reports: drill_reports::all(home).len(),
            replaced: replaced.sum(),
        }
    }
}

/// Stops every member and removes all of the cluster's state, except for its backups. Returns what
/// else was in it.
pub fn remove(ui: Ui, home: &Home) -> Outcome<Extras> {
    let name = &home.name;
    let lock = Lock::take(home, &format!("destroy {name}"), &ui.saying())?;
    end_all_members(ui, home)?;
    backup::end_leftovers(home)?;
    backups::tidy_up(home);
    let extras = Extras::of(home);
    remove_state(home).map_err(|error| {
        let folder = home.folder();
        Failure::failed(
            Diagnostic::error(format!("`{folder}` cannot be removed: {error}"))
                .note("every member is stopped")
                .hint(Hint::heals(
                    "fix the cause, then run this again",
                    [format!("cargo xtask destroy {name}")],
                )),
        )
    })?;
    remove_serial_logs(home);
    lock.remove();
    Ok(extras)
}

/// Machines are destroyed without a shutdown. Processes are stopped cleanly, which is as fast.
fn end_all_members(ui: Ui, home: &Home) -> Outcome<()> {
    for driver in DRIVERS {
        if let Some(machines) = driver.machines() {
            let members = driver.traces(home);
            machines.destroy(home, &members)?;
            for member in members {
                ui.say(&format!("{member}: destroyed"));
            }
        }
    }
    stop::stop(ui, home, "destroy").map(drop)
}

/// Removes the cluster's folder. It is renamed first, so that an interruption leaves the whole
/// cluster or nothing. Its backups are moved back before anything is removed.
fn remove_state(home: &Home) -> io::Result<()> {
    let folder = home.folder();
    let doomed = doomed(home);
    // Left by an interrupted run.
    keep_backups(&doomed, &folder)?;
    remove_folder(&doomed)?;
    // If it cannot be renamed, as on a full disk, it is removed in place.
    let _ = fs::rename(&folder, &doomed);
    keep_backups(&doomed, &folder)?;
    remove_folder(&doomed)?;
    remove_all_but_backups(&folder)
}

/// Whether a killed `destroy` has moved backups away.
pub fn has_moved_backups(home: &Home) -> bool {
    doomed(home).join(BACKUPS).exists()
}

/// Moves the backups back that a killed `destroy` had moved away with the cluster.
pub fn recover_backups(home: &Home) -> Outcome<()> {
    let doomed = doomed(home);
    keep_backups(&doomed, &home.folder()).map_err(|error| {
        Failure::host(
            Diagnostic::error(format!(
                "the backups in `{doomed}` cannot be moved back: {error}"
            ))
            .note("a killed `destroy` left them there"),
        )
    })
}

/// Moves each backup from one folder of the cluster to another.
fn keep_backups(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    let (from, to) = (from.join(BACKUPS), to.join(BACKUPS));
    if !from.exists() {
        return Ok(());
    }
    if to.exists() {
        for entry in from.read_dir_utf8()? {
            let entry = entry?;
            fs::rename(entry.path(), to.join(entry.file_name()))?;
        }
        return fs::remove_dir(&from);
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(&from, &to)
}

fn remove_all_but_backups(folder: &Utf8Path) -> io::Result<()> {
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.into_path();
        if path.ends_with(BACKUPS) {
            // Fails, as it should, if there are backups.
            let _ = fs::remove_dir(&path);
        } else if path.is_dir() && !path.is_symlink() {
            remove_folder(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// The name of the folder while it is removed. No cluster can have this name.
fn doomed(home: &Home) -> Utf8PathBuf {
    let name = &home.name;
    home.workspace
        .root()
        .join(format!(".state/.destroyed-{name}"))
}

/// Removes the serial logs of the cluster's machines (`log/` in `vagrant/Vagrantfile`). Other files
/// stay. A log that cannot be removed is overwritten when the cluster is started again.
fn remove_serial_logs(home: &Home) {
    let folder = home.workspace.root().join(render::folder(&home.name));
    let folder = folder.join("log");
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().ends_with("-serial.txt")) {
        let _ = fs::remove_file(entry.path());
    }
    // Fails, as it should, if the folder is not empty.
    let _ = fs::remove_dir(&folder);
}

fn remove_folder(folder: &Utf8Path) -> io::Result<()> {
    // A task that only looks may add a file at the same moment.
    let mut again = 3;
    loop {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && again > 0 => {
                again -= 1;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(()),
        }
    }
}
