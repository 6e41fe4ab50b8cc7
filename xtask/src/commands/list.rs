//! `cargo xtask list`: shows every cluster of this checkout.

use clap::ValueEnum;

use super::Exit;
use crate::advice;
use crate::hint::Hint;
use crate::lifecycle::list;
use crate::report::Outcome;
use crate::ui::Ui;
use crate::ui::list::{json, table};
use crate::workspace::Workspace;

/// List every cluster of this checkout
///
/// Lists the defined clusters and those that were started, also if their definition is gone. Looks
/// at all of them at the same time, and changes nothing.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask list
  cargo xtask list --format json | jq -r '.clusters[] | select(.running > 0).name'

Exit status:
  4  a started cluster could not be looked at; all others are listed

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format
  clusters[]: name, defined (whether its definition exists), has_errors (the definition), started,
    driver, running_version, members, running (members that run), leader (name or null),
    endpoints[] (client URLs), differences[] (of the definition from what runs, in words), error
Unknown values are null, and so are those of a cluster that was not started; its lists are empty.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `list`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let clusters = list::clusters(&Workspace::find()?)?;
    ui.print(&match args.format {
        Format::Table => table(&clusters, ui.width()),
        Format::Json => json(&clusters),
    });
    let mut exit = Exit::Success;
    for cluster in &clusters {
        let name = &cluster.name;
        if let Some(Err(failure)) = &cluster.seen {
            ui.report(&failure.diagnostics);
            exit = Exit::CouldNotLook;
        }
        if let Format::Json = args.format {
            continue;
        }
        if let Some(Ok(snapshot)) = &cluster.seen
            && let Some(hint) = advice::urgent(snapshot)
        {
            let text = format!("`{name}`: {}", hint.text);
            ui.hint(&Hint { text, ..hint });
            continue;
        }
        let runs = matches!(&cluster.seen, Some(Ok(seen)) if seen.running() > 0);
        if cluster.has_errors {
            let check = format!("cargo xtask render {name} --check");
            ui.hint(&Hint::informs(
                format!("the definition of `{name}` has errors"),
                [check],
            ));
        } else if !cluster.is_defined && !matches!(cluster.seen, Some(Err(_))) {
            let (what, task) = if runs {
                ("stop it", "down")
            } else {
                ("remove what is left", "destroy")
            };
            ui.hint(&Hint::makes_safer(
                format!("the definition of `{name}` is gone; restore it, or {what}"),
                [format!("cargo xtask {task} {name}")],
            ));
        } else if runs && matches!(&cluster.seen, Some(Ok(seen)) if !seen.changes.is_empty()) {
            let hint = advice::see_changes(name);
            let text = format!("`{name}` does not run as defined; {}", hint.text);
            ui.hint(&Hint { text, ..hint });
        }
    }
    Ok(exit)
}
