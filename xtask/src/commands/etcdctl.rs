//! `cargo xtask etcdctl`: runs the etcdctl that matches a started cluster, pointed at its members.

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
/// The etcdctl is of the same version as the running cluster. It gets the endpoints of all members,
/// and no other etcdctl variables from your environment. The first word that is not an option of
/// this task, and everything after it, is passed to etcdctl. If that word begins with a hyphen, put
/// `--` before it.
///
/// Commands depend on the version. With etcd 2.x, use `set` instead of `put`, `rm` instead of `del`
/// and `ls` instead of `get --prefix`. For an unknown command, etcdctl 2.x prints its help and exits
/// with 0.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// The command and options of etcdctl
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
  the exit status of etcdctl, or
  4  the cluster was never started, or its etcdctl is gone
  5  etcdctl cannot be run";

/// Replaces this process with `etcdctl`.
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
                "find a working etcdctl",
                [format!("cargo xtask up {}", args.cluster)],
            ),
        ),
    ))
}
