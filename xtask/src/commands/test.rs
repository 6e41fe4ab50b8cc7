//! `cargo xtask test`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `test`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`test` is not written yet"),
    ))
}
