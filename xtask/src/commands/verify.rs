//! `cargo xtask verify`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `verify`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`verify` is not written yet"),
    ))
}
