//! `cargo xtask etcdctl`: runs the etcdctl that matches a started cluster, pointed at its members.

use std::ffi::OsString;

use super::Exit;
use crate::etcd::client_environment;
use crate::etcd::command::client;
use crate::hint::Hint;
use crate::lifecycle::open;
use crate::observation::Condition;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Started;
use crate::values::{ClusterName, HostName};

/// Run etcdctl against a cluster
///
/// The etcdctl is of the same version as the running cluster. It gets the endpoints of all members,
/// and no other etcdctl variables from your environment. The first word that is not an option of
/// this task, and everything after it, is passed to etcdctl; `--` ends the options of this task.
///
/// Some commands, such as `snapshot save`, work on a single member: name it with `--member`, or pass
/// `--endpoints` to etcdctl.
///
/// Commands depend on the version. With etcd 2.x, use `set` instead of `put`, `rm` instead of `del`
/// and `ls` instead of `get --prefix`. Later versions use the v3 API here, also where `env` selects
/// the v2 API for fleet. For an unknown command, etcdctl 2.x prints its help and exits
/// with 0.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// Ask this member alone, by the name that `cargo xtask status` shows
    #[arg(long, short, value_name = "MEMBER")]
    member: Option<HostName>,
    /// The command and options of etcdctl
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "ARGUMENTS"
    )]
    arguments: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask etcdctl put greeting hello
  cargo xtask etcdctl --cluster five endpoint status -w table
  cargo xtask etcdctl --member core-01 snapshot save backup.db
  cargo xtask etcdctl --cluster coreos-2015 set greeting hello   on etcd 2.x
  cargo xtask etcdctl -- --help

Exit status:
  the exit status of etcdctl, or
  2  the cluster has no such member
  4  the cluster was never started, no member runs, or its etcdctl is gone
  5  etcdctl cannot be run";

/// Replaces this process with `etcdctl`.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.cluster)?;
    let tools = started.tools()?;
    refuse_if_stopped(&started)?;
    let shell = process::shell()?;
    let environment = client_environment(&tools, endpoints(&started, args)?.as_deref());
    let etcdctl = client(&shell, &tools)
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

/// Fails if no member runs: another cluster may have taken their addresses. Machines are not checked, because that takes too long.
fn refuse_if_stopped(started: &Started) -> Outcome<()> {
    let Started {
        home,
        record,
        driver,
        ..
    } = started;
    if driver.machines().is_some() {
        return Ok(());
    }
    let conditions = driver.conditions(home, &record.names())?;
    if conditions.iter().any(Condition::is_running) {
        return Ok(());
    }
    let name = &home.name;
    Err(Failure::could_not_look(
        Diagnostic::error(format!("no member of `{name}` runs"))
            .hint(Hint::heals("start it", [format!("cargo xtask up {name}")])),
    ))
}

/// The members to ask; `None` if the arguments name endpoints, which etcdctl 3.x refuses beside the variable.
fn endpoints(started: &Started, args: &Args) -> Outcome<Option<Vec<String>>> {
    let mut options = args.arguments.iter().take_while(|word| *word != "--");
    let names_endpoints = options.any(|word| {
        let word = word.to_string_lossy();
        ENDPOINTS.contains(&word.split('=').next().unwrap_or_default())
    });
    if let Some(member) = &args.member {
        started.insist_on(member)?;
        if names_endpoints {
            return Err(Failure::usage(
                Diagnostic::error("`--member` cannot be used with etcdctl's own endpoints")
                    .hint("leave one of them out"),
            ));
        }
        let members = started.record.members();
        let asked = members.iter().find(|one| one.name == *member);
        return Ok(asked.map(|one| vec![one.client_url()]));
    }
    Ok((!names_endpoints).then(|| started.record.client_urls()))
}

/// The options of any version's etcdctl that name endpoints.
const ENDPOINTS: &[&str] = &["--endpoints", "--endpoint", "--peers", "-C"];
