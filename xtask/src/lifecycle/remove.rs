//! Removes a cluster and everything it left.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::{open, stop};
use crate::driver::DRIVERS;
use crate::hint::Hint;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::{Lock, drill_reports};
use crate::ui::Ui;
use crate::workspace::Home;

/// Whether a cluster has left anything to remove.
pub fn is_anything_there(home: &Home) -> bool {
    open::has_traces(home) || doomed(home).exists()
}

/// Stops every member and removes all of the cluster's state. Returns how many reports of drills were
/// in it.
pub fn remove(ui: Ui, home: &Home) -> Outcome<usize> {
    let name = &home.name;
    let lock = Lock::take(home, &format!("destroy {name}"), &ui.saying())?;
    end_all_members(ui, home)?;
    let reports = drill_reports::all(home).len();
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
    Ok(reports)
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
/// cluster or nothing.
fn remove_state(home: &Home) -> io::Result<()> {
    let folder = home.folder();
    let doomed = doomed(home);
    // Left by an interrupted run.
    remove_folder(&doomed)?;
    // If it cannot be renamed, as on a full disk, it is removed in place.
    let _ = fs::rename(&folder, &doomed);
    remove_folder(&doomed)?;
    remove_folder(&folder)
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
