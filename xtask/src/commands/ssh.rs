//! `cargo xtask ssh`: opens a shell on a member's machine.

use std::ffi::OsString;

use super::Exit;
use crate::driver;
use crate::hint::Hint;
use crate::lifecycle::open;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::{ClusterName, HostName};

/// Log in to a member's machine, or run a command there
///
/// Uses this host's ssh and the key that Vagrant gave the machine. Words after the member's name
/// are run there as a command; without them, a shell opens. Both run as Vagrant's user, who may use
/// `sudo` to become root.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The cluster, a file in cluster/ without `.toml`
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// The member, as `cargo xtask status` names it
    member: HostName,
    /// The command to run there
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask ssh core-01
  cargo xtask ssh core-01 systemctl status etcd
  cargo xtask ssh --cluster five core-05 sudo journalctl -u etcd

Exit status:
  the exit status of the command, 255 if ssh failed, or
  2  the cluster has no such member, or its members are not machines
  4  the cluster was never started
  5  this host has no ssh";

/// Replaces this process with `ssh`.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = open::with_member("ssh", &args.cluster, &args.member, &args.command)?;
    let Some(machines) = started.driver.machines() else {
        let name = &started.home.name;
        return Err(Failure::usage(
            Diagnostic::error(format!("the members of `{name}` are local processes"))
                .note("there is no machine to log in to: they run on this host")
                .hint(Hint::informs(
                    "see them",
                    [format!("cargo xtask status {name}")],
                )),
        ));
    };
    let shell = process::shell()?;
    let ssh = machines.ssh(&shell, &started.home, &args.member)?;
    let ssh = match args.command.as_slice() {
        [] => ssh,
        command => ssh.arg("--").args(command),
    };
    Err(driver::hand_over_to_ssh(ssh))
}
