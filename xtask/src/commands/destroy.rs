//! `cargo xtask destroy`: stops a cluster and removes all its data.

use super::{Exit, Which};
use crate::hint::Hint;
use crate::lifecycle::remove::{self, Extras};
use crate::report::Outcome;
use crate::state::backups;
use crate::ui::{self, Ui};
use crate::wording::{list, list_of_words, many};
use crate::workspace::{Home, Workspace};

/// Stop a cluster and remove all its data
///
/// `destroy` removes the cluster's data, its logs, its record, the kept reports of its drills, and the
/// data that restorations replaced and kept. It asks for confirmation first; if standard input is not
/// a terminal, it requires `--yes`. The definition and the rendered files stay: `cargo xtask up`
/// recreates the cluster with the same identity and without its data. The backups in
/// .state/NAME/backups/ stay, too.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask destroy
  cargo xtask destroy five --yes

Exit status:
  0  the cluster is removed, or there was nothing to remove
  1  you answered no, and nothing was changed
  2  standard input is not a terminal, and `--yes` is missing
  6  a member cannot be stopped, or a file cannot be removed";

/// Runs `destroy`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let workspace = Workspace::find()?;
    let home = workspace.home(name);
    if !remove::is_anything_there(&home) {
        ui.say(&format!(
            "nothing to destroy: cluster `{name}` has not been started{}",
            kept_backups(&home)
        ));
        let started = workspace.started();
        if !started.is_empty() {
            ui.hint(&Hint::says(format!(
                "started clusters: {}",
                list_of_words(started)
            )));
        }
        return Ok(Exit::Success);
    }
    if !args.yes && !confirmed(ui, &home)? {
        ui.say("nothing was destroyed");
        return Ok(Exit::Unhealthy);
    }
    let extras = remove::remove(ui, &home)?;
    let (extras, backups) = (with_extras(&extras), kept_backups(&home));
    ui.say(&format!("{name} is destroyed{extras}{backups}"));
    Ok(Exit::Success)
}

/// What else a destroyed cluster takes with it, for the end of a sentence.
fn with_extras(extras: &Extras) -> String {
    let reports = match extras.reports {
        0 => None,
        kept => Some(format!("{} of its drills", many(kept, "report"))),
    };
    let replaced = match extras.replaced {
        0 => None,
        kept => Some(many(kept, "replaced data folder")),
    };
    let extras: Vec<String> = reports.into_iter().chain(replaced).collect();
    match extras.as_slice() {
        [] => String::new(),
        extras => format!(", with {}", list(extras)),
    }
}

/// The backups that stay, for the end of a sentence.
fn kept_backups(home: &Home) -> String {
    let folder = backups::folder(home);
    match backups::files(home).len() {
        0 => String::new(),
        1 => format!("; its backup is kept in {folder}"),
        kept => format!("; its {kept} backups are kept in {folder}"),
    }
}

fn confirmed(ui: Ui, home: &Home) -> Outcome<bool> {
    let name = &home.name;
    let question = format!(
        "destroy cluster `{name}` with all its data{}{}?",
        with_extras(&Extras::of(home)),
        match backups::files(home).len() {
            0 => String::new(),
            kept => format!(" (not its {})", many(kept, "backup")),
        }
    );
    let note = "a destroyed cluster's data can be restored only from a backup";
    ui::confirm::ask(
        ui,
        &question,
        note,
        &format!("cargo xtask destroy {name} --yes"),
    )
}
