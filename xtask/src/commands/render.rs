//! `cargo xtask render`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `render`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`render` is not written yet"),
    ))
}
