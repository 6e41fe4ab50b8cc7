//! `cargo xtask completions`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `completions`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`completions` is not written yet"),
    ))
}
