//! How etcd and its tools are started: with nothing of the user's environment that would change
//! what they do.

use camino::Utf8Path;
use xshell::{Cmd, Shell};

/// A command that runs etcd or etcdctl and that only its own words decide about.
///
/// etcd takes every flag from `ETCD_…` as well, and etcdctl from `ETCDCTL_…`; a variable left over
/// from other work would silently make another cluster of it. Neither goes through a proxy: members
/// are on this host, or on a network that only this host reaches.
pub fn command<'a>(shell: &'a Shell, program: &Utf8Path) -> Cmd<'a> {
    let unwanted = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        name.starts_with("ETCD_") || name.starts_with("ETCDCTL_") || name.ends_with("_PROXY")
    });
    let command = unwanted.fold(shell.cmd(program), Cmd::env_remove);
    if std::env::consts::ARCH == "x86_64" {
        command
    } else {
        // Without it etcd before 3.5 refuses to run on arm64.
        command.env("ETCD_UNSUPPORTED_ARCH", super::tools::architecture())
    }
}
