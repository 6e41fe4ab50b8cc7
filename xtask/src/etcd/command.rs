//! Builds commands for etcd and its tools that the user's environment does not influence.

use camino::Utf8Path;
use xshell::{Cmd, Shell};

use super::tools::Tools;
use super::turns;

/// A command for etcd or etcdctl that only its arguments control.
///
/// etcd also reads every flag from `ETCD_…`, and etcdctl from `ETCDCTL_…`, so a leftover variable
/// could silently change the cluster. Neither uses a proxy: members are on this host or on a
/// network that only this host reaches.
pub fn command<'a>(shell: &'a Shell, program: &Utf8Path) -> Cmd<'a> {
    undisturbed(shell.cmd(program))
}

/// The same for etcdctl, which also gets the user of these tools. It yields to the members and their
/// clients while a task changes the cluster.
pub fn client<'a>(shell: &'a Shell, tools: &Tools) -> Cmd<'a> {
    let command = anonymous(shell, tools);
    match &tools.credentials {
        Some(credentials) => command.env("ETCDCTL_USER", credentials.in_one()),
        None => command,
    }
}

/// The same without a user.
pub(super) fn anonymous<'a>(shell: &'a Shell, tools: &Tools) -> Cmd<'a> {
    let etcdctl = &tools.etcdctl;
    undisturbed(match turns::are_taken() {
        true => shell.cmd("nice").args(["-n", "5"]).arg(etcdctl),
        false => shell.cmd(etcdctl),
    })
}

fn undisturbed(command: Cmd<'_>) -> Cmd<'_> {
    let unwanted = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        name.starts_with("ETCD_") || name.starts_with("ETCDCTL_") || name.ends_with("_PROXY")
    });
    let command = unwanted.fold(command, Cmd::env_remove);
    if std::env::consts::ARCH == "x86_64" {
        command
    } else {
        // etcd before 3.5 refuses to run on arm64 without it.
        command.env("ETCD_UNSUPPORTED_ARCH", super::tools::architecture())
    }
}
