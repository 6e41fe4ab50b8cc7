//! `cargo xtask down`: stops a cluster and keeps its data.

use super::{Exit, Which};
use crate::advice;
use crate::hint::Hint;
use crate::lifecycle::{open, stop};
use crate::report::Outcome;
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Stop a cluster and keep its data
///
/// `cargo xtask up` starts it again with its data and its identity. The followers stop first and the
/// leader last: told all at once, they would spend seven seconds on handing the leadership to each
/// other. Machines are shut down all at once. A member that does not end when it is told to is killed,
/// and that is said.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask down five

Exit status:
  0  no member runs any more, whether or not one did before
  4  the cluster was never started
  6  a member cannot be stopped";

/// Runs `down`.
///
/// # Errors
/// Fails where the cluster has not been started, or a member cannot be stopped.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let home = Workspace::find()?.home(name);
    let stop::Stopped { stopped, kept } = stop::down(ui, &home)?;
    ui.say(&match (stopped.len(), kept.len()) {
        (0, 0) => format!("{name} was not running, and no data of it is here"),
        (0, _) => format!("{name} was not running; its data is kept"),
        (1, 1) => format!("{name}: 1 member stopped, its data is kept"),
        (1, _) => format!("{name}: 1 member stopped; its data is not here any more"),
        (count, 0) => format!("{name}: {count} members stopped; no data of them is here any more"),
        (count, _) if kept.len() < count => {
            let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
            format!(
                "{name}: {count} members stopped; only the data of {} is kept",
                kept.join(", ")
            )
        }
        (count, _) => format!("{name}: {count} members stopped, their data is kept"),
    });
    if !kept.is_empty() {
        let is_redefined = open::started(name).is_ok_and(|started| open::is_redefined(&started));
        ui.hint(&if is_redefined {
            advice::redefined(name)
        } else {
            Hint::heals("start it again", [format!("cargo xtask up {name}")])
        });
        ui.hint(&Hint::heals(
            "or remove it with its data",
            [format!("cargo xtask destroy {name}")],
        ));
    }
    Ok(Exit::Success)
}
