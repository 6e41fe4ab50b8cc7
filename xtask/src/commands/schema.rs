//! `cargo xtask schema`.

use crate::definition::schema::schema;
use crate::report::{Exit, Outcome};
use crate::ui;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES)]
pub struct Args {}

const LONG_ABOUT: &str = "\
Print the JSON Schema of definitions, for editors.

The first line of each shipped definition, `#:schema schema.json`, points an editor at the copy in \
`cluster/schema.json`: it then completes keys, shows what they mean and underlines what is wrong. \
What an editor accepts may still be refused: `cargo xtask render --check` has the last word.";

const EXAMPLES: &str = "\
Examples:
  cargo xtask schema                           print it
  cargo xtask schema > cluster/schema.json     after a change to the keys";

/// Runs `schema`.
///
/// # Errors
/// None.
pub fn run(_args: &Args) -> Outcome<Exit> {
    ui::print(&format!("{:#}\n", schema()));
    Ok(Exit::Success)
}
