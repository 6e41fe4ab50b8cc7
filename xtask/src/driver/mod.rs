//! What runs a cluster's members: one module each, and one line in [`DRIVERS`].

mod local;
mod vagrant;

use std::time::Duration;

use camino::Utf8PathBuf;
use xshell::{Cmd, Shell};

use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::observation::log::Cause;
use crate::observation::{Condition, Look, MachineStatus, StartedWith};
use crate::plan::Plan;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::steps::Start;
use crate::values::{DriverName, HostName};
use crate::workspace::Home;

/// Every driver there is.
pub static DRIVERS: &[&dyn Driver] = &[&vagrant::Vagrant, &local::Local];

/// Sets a machine's clock by its battery-backed one, which runs on while the machine is halted, and which
/// hypervisors keep by their host's. For a POSIX shell; it can be repeated without harm. That clock tells
/// whole seconds: half of one is added, so that it is never off by more than that.
pub const SET_CLOCK: &str =
    "now=$(cat /sys/class/rtc/rtc0/since_epoch) && sudo date --set=\"@$now.5\" >/dev/null";

/// The driver of this name.
pub fn named(name: DriverName) -> &'static dyn Driver {
    match name {
        DriverName::Vagrant => &vagrant::Vagrant,
        DriverName::Local => &local::Local,
    }
}

/// Runs members, and says how they are.
pub trait Driver: Sync {
    /// Its name.
    fn name(&self) -> DriverName;

    /// The plan with the addresses that members have under this driver.
    fn place(&self, plan: &Plan) -> Plan;

    /// The plan with the version of etcd that really runs under this driver, where these are the
    /// binaries that this host has.
    fn run_by(&self, plan: &Plan, tools: &Tools) -> Plan;

    /// How long members may take until they serve, unless their user knows better.
    fn patience(&self) -> Duration;

    /// How often it is worth the cost to ask how the members are.
    fn look_after(&self) -> Duration;

    /// What is in the way of starting these members; what is not, but should be known, is returned.
    ///
    /// # Errors
    /// One diagnostic for each thing that is in the way.
    fn preflight(&self, home: &Home, plan: &Plan, members: &[HostName])
    -> Outcome<Vec<Diagnostic>>;

    /// How each of these members is.
    ///
    /// # Errors
    /// Fails where the program that knows it does.
    fn conditions(&self, home: &Home, members: &[HostName]) -> Outcome<Vec<Condition>>;

    /// Those of these members that have data or had some once, as far as this host shows it at a glance.
    fn had_data(&self, home: &Home, members: &[HostName]) -> Vec<HostName>;

    /// The members that have left anything here, going by nothing but what is there.
    fn traces(&self, home: &Home) -> Vec<HostName>;

    /// Starts these members of the plan on these binaries, where they are processes of this host, and does
    /// not wait for what becomes of their etcd. `doing` is told what each of them is at.
    ///
    /// # Errors
    /// Fails where one of them cannot be started at all.
    fn start(
        &self,
        home: &Home,
        plan: &Plan,
        tools: &Tools,
        start: &Start,
        doing: &mut dyn FnMut(&HostName, &str),
    ) -> Outcome<()>;

    /// Stops these members cleanly and waits until they have. Says so before it uses force.
    ///
    /// # Errors
    /// Fails where one of them can be stopped by no means.
    fn stop(&self, home: &Home, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()>;

    /// What these members' etcds were started with, where they are processes of this host.
    fn started_with(&self, _home: &Home, _members: &[HostName]) -> Vec<Look<StartedWith>> {
        Vec::new()
    }

    /// What running members keep from their start and no check tells of, although the plan
    /// now says otherwise: a warning for each thing, with what it would take to change it.
    fn outdated(&self, _home: &Home, _plan: &Plan) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The file that tells of a member's start.
    fn log(&self, home: &Home, member: &HostName) -> Utf8PathBuf;

    /// Why a member that does not run has ended, as far as the log of its last start tells.
    fn ended(&self, _home: &Home, _member: &HostName) -> Option<Cause> {
        None
    }

    /// What can be done to members to rehearse an outage.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

    /// What can be done with members that are machines; none where they are not.
    fn machines(&self) -> Option<&dyn Machines> {
        None
    }
}

/// What can be done with members that are machines of their own.
pub trait Machines: Sync {
    /// ssh into a member's machine; what is added to it runs there.
    ///
    /// # Errors
    /// Fails where it is not known how to reach the machine.
    fn ssh<'a>(&self, shell: &'a Shell, home: &Home, member: &HostName) -> Outcome<Cmd<'a>>;

    /// How each of these members' machines is, seen from inside. All are asked at the same time.
    fn look(
        &self,
        home: &Home,
        plan: &Plan,
        members: &[HostName],
        patience: Duration,
    ) -> Vec<Look<MachineStatus>>;

    /// A program of this host that runs etcdctl inside of a member's machine. Beside it is a `curl`
    /// that does the same.
    ///
    /// # Errors
    /// Fails where it cannot be written, or where it is not known how to reach the machine.
    fn etcdctl_inside(&self, home: &Home, plan: &Plan, member: &HostName) -> Outcome<Utf8PathBuf>;

    /// Removes these members' machines with their disks, running or not.
    ///
    /// # Errors
    /// Fails where one of them cannot be removed.
    fn destroy(&self, home: &Home, members: &[HostName]) -> Outcome<()>;
}

/// What can be done to members to rehearse an outage, beyond starting and stopping them.
pub trait Faults: Sync {
    /// Ends a member that runs, without a word to it, as when the power fails. Waits until it has ended.
    ///
    /// # Errors
    /// Fails where it is somebody else's, or survives.
    fn kill(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// Halts a member: it does nothing, answers nobody and keeps everything that it has.
    ///
    /// # Errors
    /// Fails where it does not run or is somebody else's.
    fn pause(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// Lets a halted member go on. Nothing is done to one that is not halted, or does not run.
    ///
    /// # Errors
    /// Fails where it is somebody else's.
    fn resume(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// The folder of a member's data; none where it is not on this host.
    fn data(&self, home: &Home, member: &HostName) -> Option<Utf8PathBuf>;
}

/// Has ssh take this process's place. Returns only where it cannot.
pub fn hand_over_to_ssh(ssh: Cmd<'_>) -> Failure {
    let not_started = process::hand_over(ssh);
    Failure::host(
        Diagnostic::error(format!("`ssh` {}", not_started.ending())).hint(Hint::heals(
            "install it; on Debian and Ubuntu",
            ["sudo apt-get install openssh-client"],
        )),
    )
}
