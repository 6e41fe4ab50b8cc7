//! `cargo xtask`: parses the command line, runs the task, reports how it ended.

use std::process::ExitCode;

use clap::Parser;
use xtask::cli::Cli;
use xtask::{process, ui};

fn main() -> ExitCode {
    let cli = Cli::parse();
    process::install_interrupt_handler();
    let exit = cli.task.run().unwrap_or_else(|failure| {
        ui::diagnostics::report(&failure.diagnostics);
        failure.exit
    });
    ExitCode::from(exit as u8)
}
