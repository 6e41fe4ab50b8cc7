//! `cargo xtask schema`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `schema`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`schema` is not written yet"),
    ))
}
