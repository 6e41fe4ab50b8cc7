//! `cargo xtask env`: shell exports that point etcdctl at a started cluster.

use std::fmt::Write as _;

use super::Which;
use super::cluster::Started;
use crate::etcd::client_environment;
use crate::process::quoted;
use crate::report::{Exit, Outcome};
use crate::ui;

/// Print shell exports that point etcdctl at a started cluster.
///
/// Prints lines for a POSIX shell: where the members are, and the folder of the etcdctl that fits
/// them, put before PATH. Where the definition has fleet, FLEETCTL_ENDPOINT as well.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  eval \"$(cargo xtask env)\" && etcdctl member list")]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

/// Runs `env`.
///
/// # Errors
/// Fails where the cluster has not been started.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = Started::find(&args.which.name)?;
    let tools = started.tools()?;
    let endpoints = started.record.client_urls();
    let mut text = String::new();
    for (name, value) in client_environment(tools.version, &endpoints) {
        let _ = writeln!(text, "export {name}={}", quoted(&value));
    }
    if started.record.fleet {
        let _ = writeln!(
            text,
            "export FLEETCTL_ENDPOINT={}",
            quoted(&endpoints.join(","))
        );
    }
    if let Some(folder) = tools.etcdctl.parent() {
        let _ = writeln!(text, "export PATH={}:\"$PATH\"", quoted(folder.as_str()));
    }
    ui::print(&text);
    Ok(Exit::Success)
}
