//! `cargo xtask identity`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `identity`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `identity`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`identity` is not written yet"),
    ))
}
