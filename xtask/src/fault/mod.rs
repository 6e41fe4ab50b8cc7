//! Everything that a drill can do to a cluster: one file each, and one line in [`FAULTS`].
//!
//! A fault only says what it does. How that is undone is written down by each thing that it does,
//! before it is done, so that no fault can forget to heal, and what a killed drill has left is
//! healed by the next `up`.

mod heal;
mod injector;
mod journal;
mod stranger;
mod throttle;
mod undo;

mod alarm_no_space;
mod another_version;
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
mod member_killed;
mod member_left_behind;
mod member_paused;
mod network_cut;
mod network_cut_one_way;
mod not_etcd;
mod peer_url_differs;
mod quorum_lost;
mod slow_member;

use std::net::Ipv4Addr;

use crate::check::{LAGS_BEYOND, Reported};
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::session::Session;
use crate::values::{DriverName, HostName};

pub use heal::{Healed, heal, heal_what_needs_a_quorum, heal_what_needs_none};
pub use injector::{Injector, Resources};
pub use journal::Journal;

/// Every fault there is, in the order in which `all` injects them: those that a cluster bears first,
/// those that it does not, those of single settings, and last those of whole clusters.
pub static FAULTS: &[&Fault] = &[
    &member_killed::FAULT,
    &leader_killed::FAULT,
    &member_paused::FAULT,
    &slow_member::FAULT,
    &not_etcd::FAULT,
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
];

/// Something that can go wrong with a cluster, and that a drill can bring about.
#[derive(Debug)]
pub struct Fault {
    /// Its name: stable, part of the program's interface.
    pub name: &'static str,
    /// What happens, as a phrase.
    pub title: &'static str,
    /// The drivers under which it can be brought about.
    pub drivers: &'static [DriverName],
    /// What healing cannot bring back.
    pub cost: Cost,
    /// Why it cannot be brought about in this cluster with these means; nothing where it can.
    pub obstacle: fn(&Session, &Resources) -> Option<String>,
    /// Brings it about.
    pub inject: fn(&mut Injector<'_>) -> Outcome<Injected>,
}

/// What healing a fault cannot bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Nothing,
    /// The history of all keys, which healing drops to make room: nobody can read an older revision any
    /// more, or watch from it.
    History,
    /// What is written to the cluster while the fault lasts: healing puts the data back that was there
    /// before. A drill's own clients rest meanwhile; others may not.
    WritesMeanwhile,
}

/// What was done to a cluster.
#[derive(Debug, Clone)]
pub struct Injected {
    /// In words: `core-02 was killed`.
    pub done: String,
    /// What `verify` must report because of it, and nothing else.
    pub expected: Vec<Reported>,
    /// What it may report beside that, where this host has much else to do.
    pub also: Vec<Reported>,
}

impl Injected {
    fn new(done: impl Into<String>, expected: Vec<Reported>) -> Self {
        Self {
            done: done.into(),
            expected,
            also: Vec::new(),
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

/// For faults that nothing but the driver can keep from being brought about.
fn no_obstacle(_: &Session, _: &Resources) -> Option<String> {
    None
}

/// For faults that would end a cluster that cannot bear the loss of a member.
fn cannot_lose_one(session: &Session, _: &Resources) -> Option<String> {
    let count = session.plan.members.len();
    (count < 3).then(|| format!("takes three members or more, and there are {count}"))
}

/// What a check must report about a member.
fn about(check: &'static str, member: &HostName) -> Reported {
    Reported {
        check,
        member: Some(member.clone()),
    }
}

/// What a check must report about the cluster as a whole.
const fn at_all(check: &'static str) -> Reported {
    Reported {
        check,
        member: None,
    }
}

/// What must be reported where these members do not answer, and the others are enough.
fn missing(plan: &Plan, members: &[&Member]) -> Vec<Reported> {
    absent(plan, members, "reachable")
}

/// What must be reported where a check finds that these members take no part, and the others are
/// enough: who they are; and that no more may fail, where that is so.
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

/// Cuts a member off from all others, which agree on so much meanwhile that it lags behind, and returns
/// what must be reported: it answers whoever asks, and follows nobody any more.
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

/// A URL of the cluster's network at which no member is.
fn unused_url(plan: &Plan, port: u16) -> String {
    format!("http://{}:{port}", unused_address(plan))
}

/// An address of the cluster's network that no member has: the highest that hosts usually have.
fn unused_address(plan: &Plan) -> Ipv4Addr {
    let first = plan.members.first();
    let first = first.map_or(Ipv4Addr::LOCALHOST, |member| member.address);
    let [one, two, three, _] = first.octets();
    let free = (2..=254)
        .rev()
        .map(|last| Ipv4Addr::new(one, two, three, last));
    let is_used = |address: &Ipv4Addr| plan.members.iter().any(|member| member.address == *address);
    free.into_iter()
        .find(|address| !is_used(address))
        .unwrap_or(first)
}
