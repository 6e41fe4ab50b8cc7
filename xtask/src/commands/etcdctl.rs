//! `cargo xtask etcdctl`.

use crate::report::{Diagnostic, Exit, Failure, Outcome};

/// Arguments of `etcdctl`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `etcdctl`.
///
/// # Errors
/// Always, so far.
pub fn run(_args: &Args) -> Outcome<Exit> {
    Err(Failure::new(
        Exit::Failed,
        Diagnostic::error("`etcdctl` is not written yet"),
    ))
}
