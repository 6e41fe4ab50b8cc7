//! `cargo xtask env`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `env`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `env`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`env` is not written yet"),
    ))
}
