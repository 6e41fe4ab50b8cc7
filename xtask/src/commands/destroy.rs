//! `cargo xtask destroy`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `destroy`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `destroy`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`destroy` is not written yet"),
    ))
}
