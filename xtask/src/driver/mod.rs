//! The drivers that run members: one module each, and one line in [`DRIVERS`].

mod local;
mod vagrant;

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use xshell::{Cmd, Shell};

use crate::atomic::why_not_writable;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::observation::log::{self, Cause};
use crate::observation::{Condition, Look, MachineStatus, StartedWith};
use crate::plan::{Member, Plan};
use crate::process;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::steps::Start;
use crate::values::{DriverName, HostName};
use crate::workspace::Home;

/// All drivers.
pub static DRIVERS: &[&dyn Driver] = &[&vagrant::Vagrant, &local::Local];

/// Sets a machine's clock from its battery-backed clock, which keeps running while the machine is
/// halted and which hypervisors keep in step with the host's. For a POSIX shell; it can be
/// repeated. That clock has whole seconds: adding half a second keeps the error below that.
pub const SET_CLOCK: &str =
    "now=$(cat /sys/class/rtc/rtc0/since_epoch) && sudo date --set=\"@$now.5\" >/dev/null";

/// The driver of this name.
pub fn named(name: DriverName) -> &'static dyn Driver {
    match name {
        DriverName::Vagrant => &vagrant::Vagrant,
        DriverName::Local => &local::Local,
    }
}

/// Runs members and reports their conditions.
pub trait Driver: Sync {
    /// The name of the driver.
    fn name(&self) -> DriverName;

    /// The plan with the addresses that members have with this driver.
    fn place(&self, plan: &Plan) -> Plan;

    /// The plan with the version of etcd that really runs, given these binaries of the host.
    fn run_by(&self, plan: &Plan, tools: &Tools) -> Plan;

    /// How long members may take to serve, unless the user sets a time.
    fn patience(&self) -> Duration;

    /// The interval at which to query conditions, given their cost.
    fn look_after(&self) -> Duration;

    /// Checks for obstacles to starting these members. Returns warnings.
    ///
    /// # Errors
    ///
    /// One diagnostic for each obstacle.
    fn preflight(&self, home: &Home, plan: &Plan, members: &[HostName])
    -> Outcome<Vec<Diagnostic>>;

    /// The condition of each of these members.
    fn conditions(&self, home: &Home, members: &[HostName]) -> Outcome<Vec<Condition>>;

    /// The members that have or had data, as far as this host shows quickly.
    fn had_data(&self, home: &Home, members: &[HostName]) -> Vec<HostName>;

    /// The members that have left anything here, found without the record.
    fn traces(&self, home: &Home) -> Vec<HostName>;

    /// Starts these members, on these binaries if they are processes, and does not wait for their
    /// etcd. `doing` receives the progress of each member.
    fn start(
        &self,
        home: &Home,
        plan: &Plan,
        tools: &Tools,
        start: &Start,
        doing: &mut dyn FnMut(&HostName, &str),
    ) -> Outcome<()>;

    /// Stops these members cleanly and waits for their end. Announces the use of force.
    fn stop(&self, home: &Home, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()>;

    /// What the members' etcd processes were started with, if they are local processes.
    fn started_with(&self, _home: &Home, _members: &[HostName]) -> Vec<Look<StartedWith>> {
        Vec::new()
    }

    /// Whether the folders of these running members hold data, if they are local processes. `has_database`: whether their etcd keeps its keys in a database, as from 3.0 on.
    fn has_data(
        &self,
        _home: &Home,
        _members: &[HostName],
        _has_database: bool,
    ) -> Vec<Look<bool>> {
        Vec::new()
    }

    /// Settings that running members keep from their start although the plan has changed, and that
    /// no check covers: one warning for each, with the way to change it.
    fn outdated(&self, _home: &Home, _plan: &Plan) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The log of a member's start.
    fn log(&self, home: &Home, member: &HostName) -> Utf8PathBuf;

    /// The log of a member's last start, if this host has it.
    fn said(&self, _home: &Home, _member: &HostName) -> Option<String> {
        None
    }

    /// Why a stopped member exited, as far as that log shows.
    fn ended(&self, home: &Home, member: &HostName) -> Option<Cause> {
        log::last_words(&self.said(home, member)?)?.cause
    }

    /// Faults that can be injected into members.
    fn faults(&self) -> Option<&dyn Faults> {
        None
    }

    /// The replacement of members' data.
    fn data(&self) -> &dyn MemberData;

    /// Operations on machines; `None` if members are no machines.
    fn machines(&self) -> Option<&dyn Machines> {
        None
    }
}

/// Operations on members that are machines.
pub trait Machines: Sync {
    /// An ssh command into a member's machine, to which the remote command is added.
    fn ssh<'a>(&self, shell: &'a Shell, home: &Home, member: &HostName) -> Outcome<Cmd<'a>>;

    /// The state of each member's machine, seen from inside. All are queried at the same time.
    fn look(
        &self,
        home: &Home,
        plan: &Plan,
        members: &[HostName],
        patience: Duration,
    ) -> Vec<Look<MachineStatus>>;

    /// A local script that runs etcdctl inside a member's machine. A script for `curl` lies beside
    /// it.
    fn etcdctl_inside(&self, home: &Home, plan: &Plan, member: &HostName) -> Outcome<Utf8PathBuf>;

    /// A tunnel to each of these members' client ports, for hosts that cannot reach their addresses:
    /// the member as this host reaches it through the tunnel, or why there is none.
    fn tunnels(&self, home: &Home, members: &[Member]) -> Vec<Result<Tunnel, Reason>>;

    /// Restarts the etcd of a member, on its running machine. Returns once the old process has ended.
    fn restart(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// Gives a member's running machine the user-data of this plan, which is rendered, and restarts its etcd with
    /// it. Returns once the old process has ended.
    fn provision(&self, home: &Home, plan: &Plan, member: &HostName) -> Outcome<()>;

    /// Hands over to a member what it joins, for its next start without data: to its machine if that runs, and
    /// for the time when it is created.
    fn hand_over(&self, home: &Home, member: &HostName, text: &str) -> Outcome<()>;

    /// Gives the running machines of these members their certificates, which exist. Running members use them for the
    /// next connection, but know other authorities only when they are started again.
    fn hand_over_certificates(&self, home: &Home, members: &[Member]) -> Outcome<()>;

    /// Destroys these members' machines and disks, running or not.
    fn destroy(&self, home: &Home, members: &[HostName]) -> Outcome<()>;
}

/// A way to a member's client port, which ends when this is dropped.
#[derive(Debug)]
pub struct Tunnel {
    /// The member, with the address and the client port at which this host reaches it.
    pub member: Member,
    /// The program that forwards connections.
    pub program: process::Tethered,
}

/// Replaces the data of members. Each step can be repeated, after whatever interrupted it. No member
/// is started between [`MemberData::halt`] and [`MemberData::release`].
pub trait MemberData: Sync {
    /// The members whose data cannot be moved aside, and why. Changes nothing.
    fn immovable(&self, home: &Home, members: &[HostName]) -> Vec<(HostName, Reason)>;

    /// The local folder in which to prepare the new data of a member. Its parent exists.
    fn staged(&self, home: &Home, member: &HostName) -> Utf8PathBuf;

    /// Removes the prepared data.
    fn discard_staged(&self, home: &Home, members: &[HostName]) -> Outcome<()>;

    /// Brings the prepared data to where the members are. They may be running.
    ///
    /// # Errors
    ///
    /// Fails if it is not complete for each of them.
    fn deliver(&self, home: &Home, members: &[HostName]) -> Outcome<()>;

    /// Stops the etcd of these members, and keeps it from being started, also by a reboot.
    fn halt(&self, home: &Home, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()>;

    /// Moves the data of halted members aside. `time`: a part of the new names.
    fn set_aside(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()>;

    /// Undoes that.
    fn put_back(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()>;

    /// Puts the delivered data in the place of the members' data.
    fn place(&self, home: &Home, members: &[HostName]) -> Outcome<()>;

    /// Lets the members be started again, and starts what a reboot would have started.
    fn release(&self, home: &Home, members: &[HostName]) -> Outcome<()>;

    /// Where the data of a member was moved, for people; `None` if it had none.
    fn aside(&self, home: &Home, member: &HostName, time: &str) -> Option<String>;

    /// Removes the data that was moved aside.
    fn discard_aside(&self, home: &Home, members: &[HostName], time: &str) -> Outcome<()>;

    /// How many folders of replaced data are kept on this host.
    fn replaced(&self, _home: &Home) -> usize {
        0
    }

    /// Copies the data folder of a member whose etcd does not run to a new local folder.
    fn copy(&self, home: &Home, member: &HostName, to: &Utf8Path) -> Outcome<()>;
}

/// Faults of members, beyond starting and stopping them.
pub trait Faults: Sync {
    /// Kills a running member without warning, as a power failure does. Waits until it has ended.
    fn kill(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// Halts a member: it keeps its memory and connections but does not answer.
    fn pause(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// Resumes a halted member. Does nothing to other members.
    fn resume(&self, home: &Home, member: &HostName) -> Outcome<()>;

    /// The folder of a member's data; `None` if it is not on this host.
    fn data(&self, home: &Home, member: &HostName) -> Option<Utf8PathBuf>;
}

/// Copies a data folder on this host to a new folder.
pub fn copy_data(from: &Utf8Path, to: &Utf8Path) -> Outcome<()> {
    copy_folder(from, to).map_err(|error| {
        Failure::host(
            Diagnostic::error(format!("`{from}` cannot be copied: {error}"))
                .note(format!("the copy is `{to}`; the data was not changed"))
                .hint(why_not_writable(to)),
        )
    })
}

fn copy_folder(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Replaces this process by ssh. Returns only if that fails.
pub fn hand_over_to_ssh(ssh: Cmd<'_>) -> Failure {
    let not_started = process::hand_over(ssh);
    Failure::host(
        Diagnostic::error(format!("`ssh` {}", not_started.ending())).hint(Hint::heals(
            "install it on Debian or Ubuntu",
            ["sudo apt-get install openssh-client"],
        )),
    )
}
