//! `cargo xtask destroy`: stops a cluster and removes everything it left.

use std::fs;
use std::io::{self, IsTerminal};

use super::cluster::Started;
use super::{Which, down};
use crate::driver::{DRIVERS, Home};
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::state::{Lock, Record};
use crate::ui;
use crate::values::ClusterName;
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
    if !folder.exists() {
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
    stop(&workspace, name)?;
    remove(&workspace, name).map_err(|error| {
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

/// Stops every member, also where a damaged record no longer says who they are.
fn stop(workspace: &Workspace, name: &ClusterName) -> Outcome<()> {
    if let Ok(Some(_)) = Record::read(workspace, name) {
        return down::stop(&Started::find(name)?).map(drop);
    }
    let home = Home { workspace, name };
    DRIVERS
        .iter()
        .try_for_each(|driver| driver.stop(&home, &driver.traces(&home), &ui::say))
}

/// Removes the cluster's folder. It is renamed first, so that an interruption leaves either the
/// whole cluster or none of it.
fn remove(workspace: &Workspace, name: &ClusterName) -> io::Result<()> {
    let doomed = workspace.root().join(".state/.destroyed");
    fs::create_dir_all(&doomed)?;
    let place = doomed.join(format!("{name}-{}", std::process::id()));
    fs::rename(workspace.state(name), &place)?;
    fs::remove_dir_all(&doomed)
}
