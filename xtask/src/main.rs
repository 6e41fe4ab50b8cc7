//! `cargo xtask`: parses the command line, runs the task, reports how it ended.

use std::process::ExitCode;

use clap::Parser;
use xtask::cli::{self, Cli, usage};
use xtask::report::{Exit, Failure, Outcome};
use xtask::{process, ui};

fn main() -> ExitCode {
    let exit = run()
        .and_then(ui::all_was_printed)
        .unwrap_or_else(|failure| {
            ui::diagnostics::report(&failure.diagnostics);
            failure.kind.into()
        });
    ExitCode::from(exit as u8)
}

fn run() -> Outcome<Exit> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return no_task(&error),
    };
    if !cli.task.may_end_at_once() {
        process::install_interrupt_handler();
    }
    cli.task.run()
}

/// Where there is nothing to run: help was asked for, or the command line is wrong.
fn no_task(error: &clap::Error) -> Outcome<Exit> {
    use clap::error::ErrorKind;
    let text = cli::page(&error.render());
    match error.kind() {
        ErrorKind::DisplayHelp => {
            ui::print(&text);
            Ok(Exit::Success)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ui::say(text.trim_end());
            Ok(Exit::Usage)
        }
        _ => {
            let words = std::env::args_os().skip(1);
            let words: Vec<String> = words
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            Err(Failure::usage(usage::diagnostic(error, &words)))
        }
    }
}
