//! `cargo xtask`: parses the command line, runs the task and reports how it ended.

use std::process::ExitCode;

use clap::Parser;
use xtask::cli::{self, Cli, usage};
use xtask::commands::Exit;
use xtask::process;
use xtask::report::{Failure, Outcome};
use xtask::ui::Ui;

fn main() -> ExitCode {
    let ui = Ui::new();
    let exit = run(ui)
        .and_then(|exit| ui.all_was_printed(exit))
        .unwrap_or_else(|failure| {
            ui.report(&failure.diagnostics);
            cli::after_failure(ui);
            failure.kind.into()
        });
    process::end_what_was_given_up();
    ExitCode::from(exit as u8)
}

fn run(ui: Ui) -> Outcome<Exit> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return no_task(ui, &error),
    };
    if !cli.task.may_end_at_once() {
        process::install_interrupt_handler(ui, Exit::Interrupted as u8);
    }
    cli.task.run(ui)
}

/// Ends without running a task: help was requested, or the command line is wrong.
fn no_task(ui: Ui, error: &clap::Error) -> Outcome<Exit> {
    use clap::error::ErrorKind;
    let text = cli::page(&error.render());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            ui.print(&text);
            Ok(Exit::Success)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ui.say(text.trim_end());
            Ok(Exit::Usage)
        }
        _ => Err(Failure::usage(usage::diagnostic(error, &cli::arguments()))),
    }
}
