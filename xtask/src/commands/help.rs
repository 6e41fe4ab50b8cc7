//! `cargo xtask help`: the manual page of the program, or of a task.

use super::Exit;
use crate::cli::{self, usage};
use crate::report::{Failure, Outcome};
use crate::ui::Ui;

/// Print the manual page of a task, or of the whole program
///
/// `cargo xtask help TASK` prints the same page as `cargo xtask TASK --help`. `-h` prints only the
/// options.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The task
    task: Option<String>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask help            all tasks
  cargo xtask help verify     one task";

/// Runs `help`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let mut command = cli::command();
    let page = match &args.task {
        None => command.render_long_help(),
        Some(task) => match command.find_subcommand_mut(task) {
            Some(task) => task.render_long_help(),
            None => {
                let no_such_task = usage::no_such_task(task);
                return Err(Failure::usage(no_such_task));
            }
        },
    };
    ui.print(&cli::page(&page));
    Ok(Exit::Success)
}
