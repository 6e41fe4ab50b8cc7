//! `cargo xtask env`: shell exports that point etcdctl at a started cluster.

use std::fmt::Write as _;
use std::io::IsTerminal;

use super::{Exit, Which};
use crate::etcd::client_environment;
use crate::hint::Hint;
use crate::lifecycle::open;
use crate::plan::etcdctl_words::shell_speaks_v2;
use crate::process::quoted;
use crate::report::Outcome;
use crate::ui::Ui;

/// Print shell exports that point etcdctl at a cluster
///
/// The lines are for a POSIX shell. They set the members' endpoints, and prepend the folder of the
/// matching etcdctl to PATH. If the definition enables fleet, they also set FLEETCTL_ENDPOINT, and
/// etcdctl uses the v2 API, as fleet does: `etcdctl ls /` shows fleet's keys. Variables that an
/// earlier `env` of another cluster set, and that this cluster does not need, are unset. The cluster
/// may be stopped.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

const AFTER_HELP: &str = "\
Examples:
  eval \"$(cargo xtask env)\" && etcdctl member list
  eval \"$(cargo xtask env five)\"
  eval \"$(cargo xtask env coreos-2015)\" && etcdctl ls /

Exit status:
  4  the cluster was never started, or its etcdctl is gone";

/// Every variable that `env` may set, except PATH.
const VARIABLES: &[&str] = &[
    "ETCDCTL_API",
    "ETCDCTL_ENDPOINT",
    "ETCDCTL_ENDPOINTS",
    "ETCDCTL_PEERS",
    "FLEETCTL_ENDPOINT",
];

/// Runs `env`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.which.name)?;
    let tools = started.tools()?;
    let endpoints = started.record.client_urls();
    let mut variables = client_environment(tools.version, &endpoints);
    if started.record.fleet {
        // fleetctl of 2015 expects the URL of a single member in this variable.
        let first = endpoints.first().cloned().unwrap_or_default();
        variables.push(("FLEETCTL_ENDPOINT", first));
    }
    if !tools.version.is_v2() && shell_speaks_v2(tools.version, started.record.fleet) {
        variables.retain(|(name, _)| *name != "ETCDCTL_API");
        variables.push(("ETCDCTL_API", "2".to_owned()));
    }
    let is_set = |name: &&&str| variables.iter().any(|(set, _)| set == *name);
    let unset: Vec<&str> = VARIABLES
        .iter()
        .filter(|name| !is_set(name))
        .copied()
        .collect();
    let mut text = format!("unset {}\n", unset.join(" "));
    for (name, value) in &variables {
        let _ = writeln!(text, "export {name}={}", quoted(value));
    }
    if let Some(folder) = tools.etcdctl.parent() {
        let _ = writeln!(text, "export PATH={}:\"$PATH\"", quoted(folder.as_str()));
    }
    ui.print(&text);
    if std::io::stdout().is_terminal() {
        let name = &started.home.name;
        ui.hint(&Hint::informs(
            "set the variables in this shell",
            [format!("eval \"$(cargo xtask env {name})\"")],
        ));
    }
    Ok(Exit::Success)
}
