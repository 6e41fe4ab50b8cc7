//! The faults that a drill can inject: one file each, and one line in [`FAULTS`].
//!
//! A fault only describes what it does. Each step records how to undo it before it is done, so no
//! fault can forget to heal, and the next `up` heals what a killed drill left.

mod heal;
mod injector;
mod journal;
mod stranger;
mod throttle;
mod undo;

mod alarm_no_space;
mod all_data_lost;
mod another_version;
mod certificate;
mod client_url_differs;
mod clock_skewed;
mod cluster_reformed;
mod data_diverged;
mod data_of_another_cluster;
mod data_wiped;
mod database_near_quota;
mod extra_member;
mod foreign_cluster;
mod leader_cut_off;
mod leader_killed;
mod learner_left;
mod majority_lost;
mod member_killed;
mod member_left_behind;
mod member_paused;
mod network_cut;
mod network_cut_one_way;
mod not_etcd;
mod peer_url_differs;
mod quorum_lost;
mod slow_member;

use crate::check::{LAGS_BEYOND, Reported};
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::values::{DriverName, HostName};

pub use heal::{Healed, heal, heal_with_quorum, heal_without_quorum, return_data};
pub use injector::{Injector, Resources};
pub use journal::Journal;

/// All faults, in the order of `drill all`: first those that a cluster survives, then those that it
/// does not, then single settings, and last whole clusters.
pub static FAULTS: &[&Fault] = &[
    &member_killed::FAULT,
    &leader_killed::FAULT,
    &member_paused::FAULT,
    &slow_member::FAULT,
    &not_etcd::FAULT,
    &certificate::EXPIRED,
    &certificate::UNTRUSTED,
    &certificate::MISNAMED,
    &network_cut::FAULT,
    &network_cut_one_way::FAULT,
    &leader_cut_off::FAULT,
    &member_left_behind::FAULT,
    &clock_skewed::FAULT,
    &quorum_lost::FAULT,
    &data_wiped::FAULT,
    &data_of_another_cluster::FAULT,
    &extra_member::FAULT,
    &learner_left::FAULT,
    &peer_url_differs::FAULT,
    &client_url_differs::FAULT,
    &another_version::FAULT,
    &alarm_no_space::FAULT,
    &database_near_quota::FAULT,
    &data_diverged::FAULT,
    &foreign_cluster::FAULT,
    &cluster_reformed::FAULT,
    &majority_lost::FOR_GOOD,
    &majority_lost::SURVIVOR,
    &all_data_lost::FAULT,
];

/// A fault that a drill can inject into a cluster.
#[derive(Debug)]
pub struct Fault {
    /// The name: stable, because it is part of the interface.
    pub name: &'static str,
    /// What happens, as a short sentence: the list of faults has room for 41 characters.
    pub title: &'static str,
    /// The drivers that support it.
    pub drivers: &'static [DriverName],
    /// What healing cannot restore.
    pub cost: Cost,
    /// Why it cannot be injected into this cluster with these resources; `None` if it can.
    pub obstacle: fn(&Plan, &Resources) -> Option<String>,
    /// Injects the fault.
    pub inject: fn(&mut Injector<'_>) -> Outcome<Injected>,
}

/// What healing a fault cannot restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Nothing,
    /// The history of all keys, which healing compacts to make room: older revisions can no longer
    /// be read or watched.
    History,
    /// Writes during the fault: healing restores the older data. The drill's own clients pause
    /// meanwhile; other clients may not.
    WritesMeanwhile,
    /// The latest writes: healing restores the cluster from this. The drill's own clients do not pause, so
    /// it counts what they lose.
    LatestWrites(RestoredFrom),
}

/// What a cluster is restored from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoredFrom {
    /// A backup, which the drill takes before the fault.
    Backup,
    /// A member that the fault spares.
    Survivor,
}

/// What was done to a cluster.
#[derive(Debug, Clone)]
pub struct Injected {
    /// A description, such as `core-02 was killed`.
    pub done: String,
    /// What `verify` must report because of the fault, and nothing else.
    pub expected: Vec<Reported>,
    /// What `verify` may report in addition, on a busy host.
    pub also: Vec<Reported>,
    /// The member that the fault spares, to restore the cluster from.
    pub survivor: Option<HostName>,
}

impl Injected {
    fn new(done: impl Into<String>, expected: Vec<Reported>) -> Self {
        Self {
            done: done.into(),
            expected,
            also: Vec::new(),
            survivor: None,
        }
    }
}

/// The fault of this name.
pub fn named(name: &str) -> Option<&'static Fault> {
    FAULTS.iter().copied().find(|fault| fault.name == name)
}

const EVERYWHERE: &[DriverName] = &[DriverName::Vagrant, DriverName::Local];
const PROCESSES: &[DriverName] = &[DriverName::Local];
const MACHINES: &[DriverName] = &[DriverName::Vagrant];

/// For faults that only the driver can rule out.
fn no_obstacle(_: &Plan, _: &Resources) -> Option<String> {
    None
}

/// For faults that a snapshot heals.
fn cannot_restore(plan: &Plan, resources: &Resources) -> Option<String> {
    let why = "needs `etcdutl`, which restores snapshots, beside `etcdctl`";
    let replaced = plan.members.iter().find(|one| !plan.is_predicted(one));
    (!resources.restores_snapshots)
        .then(|| why.to_owned())
        // It would get its predicted ID back, which nothing in this drill expects.
        .or_else(|| {
            Some(format!(
                "needs members that were never replaced, unlike {}",
                replaced?.name
            ))
        })
}

/// For faults that need a cluster that survives the loss of a member.
fn cannot_lose_one(plan: &Plan, _: &Resources) -> Option<String> {
    let count = plan.members.len();
    (count < 3).then(|| format!("needs at least 3 members, and the cluster has {count}"))
}

/// A finding of a check about a member.
fn about(check: &'static str, member: &HostName) -> Reported {
    Reported {
        check,
        member: Some(member.clone()),
    }
}

/// A finding of a check about the whole cluster.
const fn at_all(check: &'static str) -> Reported {
    Reported {
        check,
        member: None,
    }
}

/// The findings if these members do not answer and the others form a quorum.
fn missing(plan: &Plan, members: &[&Member]) -> Vec<Reported> {
    absent(plan, members, "reachable")
}

/// The findings if these members take no part and the others form a quorum: the members, and that
/// no further one may fail, if that is so.
fn absent(plan: &Plan, members: &[&Member], check: &'static str) -> Vec<Reported> {
    let mut expected: Vec<Reported> = members
        .iter()
        .map(|member| about(check, &member.name))
        .collect();
    if plan.members.len() - members.len() == plan.quorum() {
        expected.push(at_all("quorum"));
    }
    expected
}

/// Cuts a member off until it lags behind, and returns the expected findings: it answers but has no
/// leader.
fn leave_behind(injector: &mut Injector<'_>, member: &Member) -> Outcome<Vec<Reported>> {
    injector.cut_off(member)?;
    injector.agree_without(member, LAGS_BEYOND + 1)?;
    let plan = injector.plan();
    let mut expected = absent(plan, &[member], "leader");
    expected.push(about("lag", &member.name));
    let peers = plan
        .members
        .iter()
        .map(|member| about("peers", &member.name));
    expected.extend(peers);
    Ok(expected)
}

/// An unused URL of the cluster's network.
fn unused_url(plan: &Plan, port: u16) -> String {
    plan.scheme().url(plan.unused_address(), port)
}
