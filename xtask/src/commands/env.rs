//! `cargo xtask env`: shell commands that point etcdctl at a started cluster.

use std::io::IsTerminal;

use clap::ValueEnum;

use super::{Exit, Which};
use crate::etcd::client_environment;
use crate::hint::Hint;
use crate::lifecycle::open;
use crate::plan::etcdctl_words::shell_speaks_v2;
use crate::report::{Diagnostic, Outcome};
use crate::ui::Ui;
use crate::ui::shell::{Shell, Variables, command, nowhere};

/// Print shell commands that point etcdctl at a cluster
///
/// They set the members' endpoints, and prepend the folder of the matching etcdctl to PATH. For a
/// cluster with TLS, they also name the certificate of this host's tools, and its key. If the
/// definition enables fleet, they also set FLEETCTL_ENDPOINT, and etcdctl uses the v2 API, as fleet
/// does: `etcdctl ls /` shows fleet's keys. Variables that an earlier `env` of another cluster set,
/// and that this cluster does not need, are unset. The formats dotenv and JSON leave PATH alone. The
/// cluster may be stopped.
///
/// The assignment in the examples fails if this task or cargo fails, but leaves the variables of an
/// earlier `env` in place: chain what follows with `&&`. If this task fails, it prints commands that
/// unset the variables and fail, which `eval "$(cargo xtask env)"` runs.
///
/// etcdctl then asks all members. To ask one of them, set its URL for one command:
/// `ETCDCTL_ENDPOINTS=URL etcdctl snapshot save FILE`. etcdctl 3.x refuses `--endpoints` while the
/// variable is set; `cargo xtask etcdctl` has `--member`, and lets `--endpoints` win.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The shell
    #[arg(long, value_enum, default_value_t = Shell::Posix)]
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  e=$(cargo xtask env) && eval \"$e\"
  e=$(cargo xtask env five) && eval \"$e\" && etcdctl member list
  e=$(cargo xtask env coreos-2015) && eval \"$e\" && etcdctl ls /
  cargo xtask env --shell fish | source
  cargo xtask env --shell dotenv > etcd.env

Exit status:
  4  the cluster was never started, or its etcdctl is gone

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, etcdctl (its path), variables (each name with its value), unset[] (names)";

/// Every variable that `env` may set, except PATH.
const VARIABLES: &[&str] = &[
    "ETCDCTL_API",
    "ETCDCTL_CACERT",
    "ETCDCTL_CERT",
    "ETCDCTL_ENDPOINT",
    "ETCDCTL_ENDPOINTS",
    "ETCDCTL_KEY",
    "ETCDCTL_PEERS",
    "FLEETCTL_ENDPOINT",
];

/// Runs `env`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.which.name)?;
    let tools = started.tools()?;
    let endpoints = started.record.client_urls();
    let mut variables = client_environment(&tools, Some(&endpoints));
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
    let unset = VARIABLES.iter().filter(|name| !is_set(name)).copied();
    let variables = Variables {
        cluster: started.home.name.to_string(),
        unset: unset.collect(),
        set: variables,
        etcdctl: tools.etcdctl,
    };
    if variables.etcdctl.as_str().contains(':') {
        ui.report(&[Diagnostic::warning(format!(
            "PATH cannot hold the folder of `{}`, because of its colon",
            variables.etcdctl
        ))
        .hint("call etcdctl by its path, or move the checkout")]);
    }
    ui.print(&variables.render(args.shell));
    if std::io::stdout().is_terminal() {
        let name = &started.home.name;
        if let Some(command) = command(args.shell, name.as_str()) {
            ui.hint(&Hint::informs("set the variables in this shell", [command]));
        }
    }
    Ok(Exit::Success)
}

/// Prints what keeps a shell from using another cluster after this task failed for any reason. Its arguments
/// may be wrong.
pub fn print_nowhere(ui: Ui, arguments: &[String]) {
    let named = arguments.iter().enumerate().find_map(|(at, word)| {
        let next = || arguments.get(at + 1).map(String::as_str);
        match word.strip_prefix("--shell")? {
            "" => next(),
            rest => rest.strip_prefix('='),
        }
    });
    let shell = named.and_then(|name| Shell::from_str(name, false).ok());
    if !std::io::stdout().is_terminal() {
        ui.print(&nowhere(shell.unwrap_or(Shell::Posix), VARIABLES));
    }
}
