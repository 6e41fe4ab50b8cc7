//! `cargo xtask down`: stops a cluster and keeps its data.

use super::{Exit, Which};
use crate::advice;
use crate::hint::Hint;
use crate::lifecycle::{definitions, open, status, stop};
use crate::report::Outcome;
use crate::ui::Ui;
use crate::wording::list;
use crate::workspace::Workspace;

/// Stop a cluster and keep its data
///
/// `cargo xtask up` starts the cluster again with the same data and identity. Followers stop first
/// and the leader last: if all were told at once, they would spend seven seconds on handing the
/// leadership to each other. Machines are shut down all at once. A member that does not stop when
/// told to is killed, and `down` reports it.
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
  0    no member runs any more, or none was running
  4    the cluster was never started
  6    a member cannot be stopped
  130  Ctrl-C: members that were not yet stopped may still run";

/// Runs `down`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let home = Workspace::find()?.home(name);
    let stop::Stopped { stopped, kept } = stop::down(ui, &home)?;
    ui.say(&match (stopped.len(), kept.len()) {
        (0, 0) => format!("{name} was not running and has no data"),
        (0, _) => format!("{name} was not running; its data is kept"),
        (1, 1) => format!("{name}: 1 member stopped, its data is kept"),
        (1, _) => format!("{name}: 1 member stopped; its data is gone"),
        (count, 0) => format!("{name}: {count} members stopped; their data is gone"),
        (count, _) if kept.len() < count => {
            format!(
                "{name}: {count} members stopped; only the data of {} is kept",
                list(&kept)
            )
        }
        (count, _) => format!("{name}: {count} members stopped, their data is kept"),
    });
    let snapshot = open::started(name).and_then(|started| status::snapshot(&started));
    if let Some(hint) = snapshot.ok().and_then(|seen| advice::urgent(&seen)) {
        ui.hint(&hint);
    } else if !kept.is_empty() {
        let is_redefined = open::started(name).is_ok_and(|started| open::is_redefined(&started));
        ui.hint(&if is_redefined {
            advice::redefined(name)
        } else if !definitions::exists(&home.workspace, name) {
            advice::undefined(name)
        } else {
            Hint::heals("start it again", [format!("cargo xtask up {name}")])
        });
    }
    if !kept.is_empty() {
        ui.hint(&Hint::heals(
            "or remove it with its data",
            [format!("cargo xtask destroy {name}")],
        ));
    }
    Ok(Exit::Success)
}
