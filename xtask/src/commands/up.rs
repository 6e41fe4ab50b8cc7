//! `cargo xtask up`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `up`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `up`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`up` is not written yet"),
    ))
}
