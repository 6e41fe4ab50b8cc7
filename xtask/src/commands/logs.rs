//! `cargo xtask logs`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `logs`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`logs` is not written yet"),
    ))
}
