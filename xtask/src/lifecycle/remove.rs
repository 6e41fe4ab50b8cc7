//! Removing a cluster with everything that it left.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::{open, stop};
use crate::driver::DRIVERS;
use crate::hint::Hint;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::Lock;
use crate::ui::Ui;
use crate::workspace::Home;

/// Whether there is anything of a cluster to remove.
pub fn is_anything_there(home: &Home) -> bool {
    open::has_traces(home) || doomed(home).exists()
}

/// Ends every member and removes all of the cluster's state.
///
/// # Errors
/// Fails where a member cannot be stopped, or something cannot be removed.
pub fn remove(ui: Ui, home: &Home) -> Outcome<()> {
    let name = &home.name;
    let lock = Lock::take(home, &format!("destroy {name}"), &ui.saying())?;
    end_all_members(ui, home)?;
    remove_state(home).map_err(|error| {
        let folder = home.folder();
        Failure::failed(
            Diagnostic::error(format!("`{folder}` cannot be removed: {error}"))
                .note("every member is stopped")
                .hint(Hint::heals(
                    "mend what is in the way, and run this again",
                    [format!("cargo xtask destroy {name}")],
                )),
        )
    })?;
    remove_serial_logs(home);
    lock.remove();
    Ok(())
}

/// Machines are removed as they are; processes are stopped in good order, which is as fast.
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
    stop::stop(ui, home).map(drop)
}

/// Removes the cluster's folder. It is moved aside first, so that an interruption leaves either the
/// whole cluster or none of it.
fn remove_state(home: &Home) -> io::Result<()> {
    let folder = home.folder();
    let doomed = doomed(home);
    // What an interrupted run left.
    remove_folder(&doomed)?;
    // Where it cannot be moved, as on a full disk, it is removed where it is.
    let _ = fs::rename(&folder, &doomed);
    remove_folder(&doomed)?;
    remove_folder(&folder)
}

/// Where the cluster's folder is moved to while it is removed. No cluster can have this name.
fn doomed(home: &Home) -> Utf8PathBuf {
    let name = &home.name;
    home.workspace
        .root()
        .join(format!(".state/.destroyed-{name}"))
}

/// What its machines wrote to their serial ports, where the definition asks for that (`log/` in
/// `vagrant/Vagrantfile`). What somebody else put there stays, and so does what cannot be removed: the
/// machines of a cluster made anew write over it.
fn remove_serial_logs(home: &Home) {
    let folder = home.workspace.root().join(render::folder(&home.name));
    let folder = folder.join("log");
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().ends_with("-serial.txt")) {
        let _ = fs::remove_file(entry.path());
    }
    // It stays where there is something left in it.
    let _ = fs::remove_dir(&folder);
}

fn remove_folder(folder: &Utf8Path) -> io::Result<()> {
    // A task that only looks may note something there in this moment.
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
