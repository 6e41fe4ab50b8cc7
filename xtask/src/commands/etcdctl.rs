//! `cargo xtask etcdctl`: runs the etcdctl that fits a started cluster, pointed at its members.

use std::ffi::OsString;

use super::Exit;
use crate::etcd::client_environment;
use crate::etcd::command::command;
use crate::hint::Hint;
use crate::lifecycle::open;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::ClusterName;

/// Run etcdctl against a cluster
///
/// The etcdctl of the very version that the cluster runs, with the endpoints of all members filled
/// in and nothing else of your environment that it would listen to. Everything from the first word
/// that is not an option of this task goes to it; `--` before that is needed only where that word
/// begins with a hyphen.
///
/// Its commands are those of its version. For an etcd 2.x, write `set` for `put`, `rm` for `del` and
/// `ls` for `get --prefix`. Its etcdctl prints its help for a command it does not have, and exits 0.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// What etcdctl is to do
    #[arg(trailing_var_arg = true, required = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask etcdctl put greeting hello
  cargo xtask etcdctl --cluster five endpoint status -w table
  cargo xtask etcdctl --cluster coreos-2015 set greeting hello   on etcd 2.x
  cargo xtask etcdctl -- --help

Exit status:
  that of etcdctl; or
  4  the cluster was never started, or its etcdctl is gone
  5  etcdctl cannot be run";

/// Runs `etcdctl`, which takes this process's place.
///
/// # Errors
/// Fails where the cluster has not been started.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.cluster)?;
    let tools = started.tools()?;
    let shell = process::shell()?;
    let environment = client_environment(tools.version, &started.record.client_urls());
    let etcdctl = command(&shell, &tools.etcdctl)
        .envs(environment)
        .args(&args.arguments);
    let not_started = process::hand_over(etcdctl);
    Err(Failure::host(
        Diagnostic::error(format!("`{}` {}", tools.etcdctl, not_started.ending())).hint(
            Hint::heals(
                "find an etcdctl that works",
                [format!("cargo xtask up {}", args.cluster)],
            ),
        ),
    ))
}
