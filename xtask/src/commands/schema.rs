//! `cargo xtask schema`.

use super::Exit;
use crate::definition::schema::schema;
use crate::report::Outcome;
use crate::ui::Ui;

/// Print the JSON Schema of definitions, for editors
///
/// The first line of each shipped definition, `#:schema schema.json`, points editors to the copy in
/// `cluster/schema.json`. An editor then completes keys, shows their meaning and underlines errors.
/// The schema does not cover every rule: `cargo xtask render --check` finds all errors.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask schema                           print it
  cargo xtask schema > cluster/schema.json     update the copy after the keys have changed";

/// Runs `schema`.
pub fn run(ui: Ui, _args: &Args) -> Outcome<Exit> {
    ui.print(&format!("{:#}\n", schema()));
    Ok(Exit::Success)
}
