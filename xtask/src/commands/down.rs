//! `cargo xtask down`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `down`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `down`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`down` is not written yet"),
    ))
}
