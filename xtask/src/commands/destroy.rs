//! `cargo xtask destroy`: stops a cluster and removes everything it left.

use std::fs;
use std::io::{self, IsTerminal};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Which, cluster, stop};
use crate::driver::Home;
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::state::Lock;
use crate::ui;
use crate::workspace::Workspace;

/// Stop a cluster and remove everything it left: its data, its logs, what is remembered of it.
///
/// Asks first. The definition and the rendered files stay: `cargo xtask up` makes the cluster anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask destroy five --yes")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

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
        return Ok(Exit::Success);
    }
    if !args.yes && !agreed(&format!("destroy cluster `{name}` with all its data?"))? {
        ui::say("nothing was destroyed");
        return Ok(Exit::Failed);
    }
    let lock = Lock::take(&workspace, name, &format!("destroy {name}"), &ui::say)?;
    stop::stop(&home)?;
    remove(&home).map_err(|error| {
        Failure::new(
            Exit::Failed,
            Diagnostic::error(format!("`{folder}` cannot be removed: {error}"))
                .note("every member is stopped")
                .hint(format!(
                    "mend what is in the way, and run `cargo xtask destroy {name}` again"
                )),
        )
    })?;
    lock.remove();
    ui::say(&format!("{name} is destroyed"));
    Ok(Exit::Success)
}

fn agreed(question: &str) -> Outcome<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::Usage,
            Diagnostic::error("there is nobody to ask: standard input is not a terminal")
                .note("what is destroyed cannot be brought back")
                .hint("add `--yes` if you are sure"),
        ));
    }
    ui::ask(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
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

fn remove_folder(folder: &Utf8Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
