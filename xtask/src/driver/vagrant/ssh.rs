//! Into the machines, by the ssh of this host: Vagrant's own `vagrant ssh` takes a second to begin.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;
use xshell::{Cmd, Shell};

use super::command::{self, Vagrantfile};
use super::machine::Machine;
use super::{SOON, output};
use crate::atomic;
use crate::observation::Look;
use crate::observation::machine::{self, MachineStatus};
use crate::plan::Plan;
use crate::process::{self, Ending, Finished};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::HostName;
use crate::workspace::Home;

/// Asks Vagrant how these machines are reached, which have to run, and keeps the answer in
/// `.state/<cluster>/ssh_config`.
pub(super) fn note_how(home: &Home, members: &[HostName]) -> Outcome<()> {
    let shell = process::shell()?;
    let machines: Vec<Machine> = members.iter().map(|name| Machine::of(home, name)).collect();
    let asked = Vagrantfile::of(home)
        .vagrant(&shell, &["ssh-config"])?
        .args(machines.iter().map(Machine::name));
    let finished = process::run(asked, SOON);
    let config = output::ssh_config(&finished.stdout);
    let is_told = |machine: &Machine| tells_of(&config, machine);
    if !finished.success() || !machines.iter().all(is_told) {
        return Err(command::failed(&finished, &finished.stdout, None));
    }
    let config = config + &no_others(&machines);
    let path = config_file(home);
    atomic::replace(&path, &config).map_err(|error| {
        Failure::host(
            Diagnostic::error(format!("cannot write `{path}`: {error}"))
                .note("it says how the machines are reached")
                .hint("see who may write there, and whether its disk has room"),
        )
    })
}

/// Has ssh reach nobody else: a name that it does not know it would look up, and whoever answers to that
/// would be taken for a machine.
fn no_others(machines: &[Machine]) -> String {
    let but: String = machines
        .iter()
        .map(|machine| format!(" !{}", machine.name()))
        .collect();
    format!(
        "Host *{but}\n  ProxyCommand sh -c 'echo \"Vagrant has not told where %h is\" >&2; exit 1'\n"
    )
}

/// Whether it is known how a member's machine is reached.
pub(super) fn is_noted(home: &Home, member: &HostName) -> bool {
    let config = fs::read_to_string(config_file(home));
    config.is_ok_and(|config| tells_of(&config, &Machine::of(home, member)))
}

fn tells_of(config: &str, machine: &Machine) -> bool {
    let names = config.lines().filter_map(|line| line.strip_prefix("Host "));
    let mut names = names.map(str::trim);
    names.any(|name| name == machine.name())
}

/// ssh into a machine; what is added to it runs there.
pub(super) fn command<'a>(shell: &'a Shell, home: &Home, machine: &Machine) -> Cmd<'a> {
    shell
        .cmd("ssh")
        .args(["-F", config_file(home).as_str(), "-o", "ConnectTimeout=10"])
        .arg(machine.name())
}

/// Starts etcd's unit where it does not run, and does not wait for it. That it does not come up shows
/// to whoever waits for the member.
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

/// Whether a machine has data of etcd, which has to run.
///
/// # Errors
/// Says why it cannot be told.
pub(super) fn has_data(home: &Home, member: &HostName) -> Result<bool, Reason> {
    let shell = Shell::new().map_err(|error| format!("there is no folder to work in: {error}"))?;
    let script = machine::data_script(&DATA);
    let ssh = command(&shell, home, &Machine::of(home, member)).args(["--", &script]);
    let finished = process::run(ssh, SOON);
    machine::has_data(&finished.stdout).ok_or_else(|| why_not(&finished))
}

fn why_not(finished: &Finished) -> Reason {
    let (ending, said) = (finished.ending(), finished.last_lines(1));
    format!("`ssh` {ending}: {said}").into()
}

/// Where etcd keeps its data on a machine: in most cases, in CoreOS's own unit, in a container of 2015.
const DATA: [&str; 3] = ["/var/lib/etcd/data", "/var/lib/etcd2", "/opt/etcd"];

/// How a machine is, seen from inside.
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
        return Look::NotAsked("could not be asked: there is no folder to work in".to_owned());
    };
    let script = machine::script(plan.machine.profile.user_data_path);
    let ssh = command(&shell, home, &Machine::of(home, member)).args(["--", &script]);
    let asked = now();
    let finished = process::run(ssh, patience);
    let answered = now();
    match finished.ending {
        Ending::NotStarted(_) => {
            Look::NotAsked(format!("could not be asked: `ssh` {}", finished.ending()))
        }
        _ => match machine::read(&finished.stdout, asked, answered) {
            Err(_) if !finished.success() => Err(why_not(&finished)).into(),
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

/// What ssh knows of the machines.
pub(super) fn config_file(home: &Home) -> Utf8PathBuf {
    home.folder().join("ssh_config")
}
