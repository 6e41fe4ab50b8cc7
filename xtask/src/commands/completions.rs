//! `cargo xtask completions`: completion scripts for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::report::{Exit, Outcome};
use crate::ui;

/// Print a completion script for a shell.
///
/// The script completes a command `xtask`, as cargo gives its own completions no place for aliases.
/// Give your shell that command to use it, for example: alias xtask='cargo xtask'.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  alias xtask='cargo xtask' && source <(cargo xtask completions bash)"
)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs `completions`.
///
/// # Errors
/// Never fails.
pub fn run(args: &Args) -> Outcome<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "xtask", &mut script);
    ui::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Success)
}
