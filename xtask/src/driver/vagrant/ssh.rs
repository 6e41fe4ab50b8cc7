//! Logs in to machines with this host's ssh: `vagrant ssh` takes a second to start.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;
use xshell::{Cmd, Shell};

use super::command::{self, Vagrantfile};
use super::machine::Machine;
use super::{SOON, output, provisioned};
use crate::atomic::{self, cannot_write};
use crate::driver::Tunnel;
use crate::observation::Look;
use crate::observation::machine::{self, MachineStatus};
use crate::plan::{Member, Plan};
use crate::process::{self, Ending, Finished};
use crate::reason::Reason;
use crate::report::Outcome;
use crate::values::{HostName, Ports};
use crate::workspace::Home;

/// Asks Vagrant how to reach these machines, which must be running, and keeps the answer in
/// `.state/<cluster>/ssh_config`.
pub(super) fn note_how(home: &Home, members: &[HostName]) -> Outcome<()> {
    let shell = process::shell()?;
    let machines: Vec<Machine> = members.iter().map(|name| Machine::of(home, name)).collect();
    let asked = Vagrantfile::of(home)
        .vagrant(&shell, &["ssh-config"])?
        .args(machines.iter().map(Machine::name));
    let finished = process::run(asked, SOON);
    let config = output::ssh_config(&finished.stdout);
    let is_reported = |machine: &Machine| has_host(&config, machine);
    if !finished.success() || !machines.iter().all(is_reported) {
        return Err(command::failed(&finished, &finished.stdout, None));
    }
    let config = config + &no_others(&machines);
    let path = config_file(home);
    atomic::replace(&path, &config)
        .map_err(|error| cannot_write(&path, &error, "it says how to reach the machines"))
}

/// Keeps ssh from reaching other hosts: it would look up an unknown name, and any host that
/// answered would be taken for the machine.
fn no_others(machines: &[Machine]) -> String {
    let but: String = machines
        .iter()
        .map(|machine| format!(" !{}", machine.name()))
        .collect();
    format!(
        "Host *{but}\n  ProxyCommand sh -c 'echo \"Vagrant did not report the address of %h\" >&2; exit 1'\n"
    )
}

/// Whether the ssh configuration of a member's machine is known.
pub(super) fn is_noted(home: &Home, member: &HostName) -> bool {
    let config = fs::read_to_string(config_file(home));
    config.is_ok_and(|config| has_host(&config, &Machine::of(home, member)))
}

fn has_host(config: &str, machine: &Machine) -> bool {
    let names = config.lines().filter_map(|line| line.strip_prefix("Host "));
    let mut names = names.map(str::trim);
    names.any(|name| name == machine.name())
}

/// An ssh command into a machine, to which the remote command is added.
pub(super) fn command<'a>(shell: &'a Shell, home: &Home, machine: &Machine) -> Cmd<'a> {
    shell
        .cmd("ssh")
        .args(["-F", config_file(home).as_str(), "-o", "ConnectTimeout=10"])
        .arg(machine.name())
}

/// Starts etcd's unit if it is not running, without waiting. A failure shows later, when the task
/// waits for the member.
pub(super) fn start_etcd(home: &Home, member: &HostName) {
    let Ok(shell) = Shell::new() else {
        return;
    };
    let start = [
        "--",
        "sudo",
        "systemctl",
        "start",
        "--no-block",
        "etcd.service",
    ];
    let ssh = command(&shell, home, &Machine::of(home, member)).args(start);
    process::run(ssh, SOON);
}

/// Whether a running machine has etcd data, or why that is unknown.
pub(super) fn has_data(home: &Home, member: &HostName) -> Result<bool, Reason> {
    let shell =
        Shell::new().map_err(|error| format!("the current folder does not exist: {error}"))?;
    let script = machine::data_script(&machine::DATA_FOLDERS);
    let ssh = command(&shell, home, &Machine::of(home, member)).args(["--", &script]);
    let finished = process::run(ssh, SOON);
    machine::has_data(&finished.stdout).ok_or_else(|| why_not(&finished))
}

/// A tunnel to the client port of a member whose machine runs.
pub(super) fn tunnel(home: &Home, member: &Member) -> Result<Tunnel, Reason> {
    if !is_noted(home, &member.name) {
        return Err("its machine is not known to ssh".into());
    }
    let shell = Shell::new().map_err(Reason::of)?;
    let local = Ipv4Addr::LOCALHOST;
    let port = free_port(local).map_err(Reason::of)?;
    let (address, remote) = (member.address, member.ports.client);
    let ssh = command(&shell, home, &Machine::of(home, &member.name))
        .args(["-o", "ExitOnForwardFailure=yes"])
        .arg("-L")
        .arg(format!("{local}:{port}:{address}:{remote}"))
        .args(["--", "echo ready; exec cat"]);
    let program = process::tether(ssh, SOON).map_err(|finished| why_not(&finished))?;
    let member = Member {
        address: local,
        ports: Ports {
            client: port,
            ..member.ports
        },
        ..member.clone()
    };
    Ok(Tunnel { member, program })
}

/// A port that nobody uses now. ssh fails if somebody takes it before.
fn free_port(address: Ipv4Addr) -> io::Result<u16> {
    Ok(TcpListener::bind((address, 0))?.local_addr()?.port())
}

pub(super) fn why_not(finished: &Finished) -> Reason {
    let (ending, said) = (finished.ending(), finished.last_lines(1));
    format!("`ssh` {ending}: {said}").into()
}

/// The state of a machine, seen from inside.
pub(super) fn look(
    home: &Home,
    plan: &Plan,
    member: &HostName,
    patience: Duration,
) -> Look<MachineStatus> {
    if !is_noted(home, member) {
        return Look::NotAsked("is not known to ssh".to_owned());
    }
    let Ok(shell) = Shell::new() else {
        return Look::NotAsked(
            "could not be queried: the current folder does not exist".to_owned(),
        );
    };
    let script = machine::script(plan.machine.profile.user_data_path);
    let ssh = command(&shell, home, &Machine::of(home, member)).args(["--", &script]);
    let asked = now();
    let finished = process::run(ssh, patience);
    let answered = now();
    match finished.ending {
        Ending::NotStarted(_) => {
            Look::NotAsked(format!("could not be queried: `ssh` {}", finished.ending()))
        }
        _ => match machine::read(&finished.stdout, asked, answered) {
            Err(_) if !finished.success() => Err(why_not(&finished)).into(),
            Ok(status) if !provisioned::is_read(home, member) => Look::Seen(MachineStatus {
                user_data: None,
                ..status
            }),
            read => read.into(),
        },
    }
}

/// This host's clock, in seconds.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// The ssh configuration file.
pub(super) fn config_file(home: &Home) -> Utf8PathBuf {
    home.folder().join("ssh_config")
}
