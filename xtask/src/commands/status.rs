//! `cargo xtask status`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `status`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`status` is not written yet"),
    ))
}
