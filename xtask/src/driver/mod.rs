//! What runs a cluster's members: one module each, and one line in [`DRIVERS`].

mod local;

use camino::Utf8PathBuf;

use crate::etcd::tools::Tools;
use crate::observation::Condition;
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::steps::Start;
use crate::values::{ClusterName, DriverName, HostName};
use crate::workspace::Workspace;

/// Every driver there is.
pub static DRIVERS: &[&dyn Driver] = &[&local::Local];

/// The driver of this name.
pub fn named(name: DriverName) -> &'static dyn Driver {
    match name {
        DriverName::Local => &local::Local,
    }
}

/// Runs members, and says how they are.
pub trait Driver: Sync {
    /// Its name.
    fn name(&self) -> DriverName;

    /// The plan with the addresses that members have under this driver.
    fn place(&self, plan: &Plan) -> Plan;

    /// What is in the way of starting these members.
    ///
    /// # Errors
    /// One diagnostic for each thing that is.
    fn preflight(&self, plan: &Plan, members: &[HostName]) -> Outcome<()>;

    /// How each of these members is.
    fn conditions(&self, home: &Home<'_>, members: &[HostName]) -> Vec<Condition>;

    /// The members that have left anything here, going by nothing but what is there.
    fn traces(&self, home: &Home<'_>) -> Vec<HostName>;

    /// Starts these members of the plan, and does not wait for what becomes of them.
    ///
    /// # Errors
    /// Fails where one of them cannot be started at all.
    fn start(&self, home: &Home<'_>, plan: &Plan, tools: &Tools, start: &Start) -> Outcome<()>;

    /// Stops these members cleanly and waits until they have. Says so before it uses force.
    ///
    /// # Errors
    /// Fails where one of them can be stopped by no means.
    fn stop(&self, home: &Home<'_>, members: &[HostName], say: &dyn Fn(&str)) -> Outcome<()>;

    /// How the flags of a running member differ from those that the plan gives it.
    fn outdated_flags(&self, home: &Home<'_>, plan: &Plan, member: &Member) -> OutdatedFlags;

    /// The file that a member's log is written to.
    fn log(&self, home: &Home<'_>, member: &HostName) -> Utf8PathBuf;
}

/// What would change on a member's command line if it were started anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutdatedFlags {
    /// What it runs with and would no longer.
    pub surplus: Vec<String>,
    /// What it runs without and would have.
    pub missing: Vec<String>,
}

impl OutdatedFlags {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.surplus.is_empty() && self.missing.is_empty()
    }
}

/// Where a cluster's state is kept.
#[derive(Debug, Clone, Copy)]
pub struct Home<'a> {
    /// The workspace that it belongs to.
    pub workspace: &'a Workspace,
    /// Its name.
    pub name: &'a ClusterName,
}

/// A cluster that `up` has started and `destroy` has not yet removed.
#[derive(Debug, Clone)]
pub struct Running {
    /// The plan with the addresses and the version that it really has.
    pub plan: Plan,
    /// The etcdctl that fits it, and the etcd that runs it.
    pub tools: Tools,
}
