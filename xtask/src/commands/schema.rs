//! `cargo xtask schema`.

use super::Exit;
use crate::definition::schema::schema;
use crate::report::Outcome;
use crate::ui::Ui;

/// Print the JSON Schema of definitions, for editors
///
/// The first line of each shipped definition, `#:schema schema.json`, points an editor at the copy
/// in `cluster/schema.json`: it then completes keys, shows what they mean and underlines what is
/// wrong. What an editor accepts may still be refused: `cargo xtask render --check` has the last
/// word.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask schema                           print it
  cargo xtask schema > cluster/schema.json     after a change to the keys";

/// Runs `schema`.
///
/// # Errors
/// None.
pub fn run(ui: Ui, _args: &Args) -> Outcome<Exit> {
    ui.print(&format!("{:#}\n", schema()));
    Ok(Exit::Success)
}
