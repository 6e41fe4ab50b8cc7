//! `cargo xtask destroy`: stops a cluster and removes everything it left.

use std::fs;
use std::io::{self, IsTerminal};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Which, cluster, stop};
use crate::driver::{DRIVERS, Home};
use crate::hint::Hint;
use crate::render;
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::state::Lock;
use crate::ui;
use crate::values::ClusterName;
use crate::workspace::Workspace;

/// Stop a cluster and remove everything it left
///
/// Its data, its logs and what is remembered of it. Asks first, and where there is nobody to ask it
/// wants `--yes`. The definition and the rendered files stay: `cargo xtask up` makes the cluster anew,
/// with the same identity and without its data.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask destroy
  cargo xtask destroy five --yes

Exit status:
  0  there is nothing of the cluster any more, whether or not there was
  1  you said no, and nothing was changed
  2  there is nobody to ask, and `--yes` is missing
  6  a member cannot be stopped, or a file not be removed";

/// Runs `destroy`.
///
/// # Errors
/// Fails where it may not ask and was not told not to, or where something cannot be removed.
pub fn run(args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let workspace = Workspace::find()?;
    let folder = workspace.state(name);
    let home = Home {
        workspace: &workspace,
        name,
    };
    if !cluster::has_traces(&home) && !doomed(&home).exists() {
        ui::say(&format!(
            "nothing to destroy: cluster `{name}` has not been started"
        ));
        let started = workspace.started();
        if !started.is_empty() {
            let names: Vec<String> = started.iter().map(|name| format!("`{name}`")).collect();
            ui::hint(&Hint::says(format!(
                "available clusters: {}",
                names.join(", ")
            )));
        }
        return Ok(Exit::Success);
    }
    if !args.yes && !agreed(name)? {
        ui::say("nothing was destroyed");
        return Ok(Exit::Unhealthy);
    }
    let lock = Lock::take(&workspace, name, &format!("destroy {name}"), &ui::say)?;
    end_all_members(&home)?;
    remove(&home).map_err(|error| {
        Failure::failed(
            Diagnostic::error(format!("`{folder}` cannot be removed: {error}"))
                .note("every member is stopped")
                .hint(Hint::heals(
                    "mend what is in the way, and run this again",
                    [format!("cargo xtask destroy {name}")],
                )),
        )
    })?;
    remove_serial_logs(&home);
    lock.remove();
    ui::say(&format!("{name} is destroyed"));
    Ok(Exit::Success)
}

/// Machines are removed as they are; processes are stopped in good order, which is as fast.
fn end_all_members(home: &Home<'_>) -> Outcome<()> {
    for driver in DRIVERS {
        if let Some(machines) = driver.machines() {
            let members = driver.traces(home);
            machines.destroy(home, &members)?;
            for member in members {
                ui::say(&format!("{member}: destroyed"));
            }
        }
    }
    stop::stop(home).map(drop)
}

fn agreed(name: &ClusterName) -> Outcome<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            Diagnostic::error("there is nobody to ask: standard input is not a terminal")
                .note("what is destroyed cannot be brought back")
                .hint(Hint::heals(
                    "if you are sure",
                    [format!("cargo xtask destroy {name} --yes")],
                )),
        ));
    }
    ui::ask(&format!(
        "destroy cluster `{name}` with all its data? [y/N] "
    ));
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    if !answer.ends_with('\n') {
        // Ctrl-D leaves the cursor behind the question.
        ui::say("");
    }
    let answer = answer.trim().to_ascii_lowercase();
    Ok(read.is_ok() && matches!(answer.as_str(), "y" | "yes"))
}

/// Removes the cluster's folder. It is moved aside first, so that an interruption leaves either the
/// whole cluster or none of it.
fn remove(home: &Home<'_>) -> io::Result<()> {
    let folder = home.workspace.state(home.name);
    let doomed = doomed(home);
    // What an interrupted run left.
    remove_folder(&doomed)?;
    // Where it cannot be moved, as on a full disk, it is removed where it is.
    let _ = fs::rename(&folder, &doomed);
    remove_folder(&doomed)?;
    remove_folder(&folder)
}

/// Where the cluster's folder is moved to while it is removed. No cluster can have this name.
fn doomed(home: &Home<'_>) -> Utf8PathBuf {
    let name = home.name;
    home.workspace
        .root()
        .join(format!(".state/.destroyed-{name}"))
}

/// What its machines wrote to their serial ports, where the definition asks for that (`log/` in
/// `vagrant/Vagrantfile`). What somebody else put there stays, and so does what cannot be removed: the
/// machines of a cluster made anew write over it.
fn remove_serial_logs(home: &Home<'_>) {
    let folder = home.workspace.root().join(render::folder(home.name));
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
