//! A drill: a deliberate outage, or a change, while clients are at work. This module holds what happened, as data,
//! and what it proves; it does not cause the outage.

pub mod history;
pub mod latency;
pub mod registers;
pub mod restored;
pub mod run;
pub mod summary;
pub mod words;

use std::time::Duration;

use crate::values::{ClusterName, EtcdVersion, HostName};
use history::History;
use restored::Restored;

/// One fault, injected into a running cluster and healed, or one change of it, and what was seen meanwhile. All
/// times are relative to the start of the clients.
#[derive(Debug, Clone)]
pub struct Drill {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The version of etcd that ran.
    pub version: EtcdVersion,
    /// The names of all members, in the order of the definition; then those that a change removed.
    pub members: Vec<HostName>,
    /// What disturbed the clients.
    pub disturbance: Disturbance,
    /// What was done: `core-02 was killed`.
    pub done: String,
    /// The events, in order.
    pub moments: Vec<Moment>,
    /// What `verify` was expected to report, one line each: `reachable: core-02`.
    pub expected: Vec<String>,
    /// What `verify` reported in the end, in the same form.
    pub reported: Vec<String>,
    /// The health of the cluster after healing, in the words of `verify`.
    pub afterwards: String,
    /// The operations of the clients.
    pub history: History,
    /// What was restored, if that is what healed the cluster.
    pub restored: Option<Restored>,
}

/// What disturbs the clients of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// The fault of this name, as `drill` takes it.
    Fault(&'static str),
    /// A change of the cluster that keeps it running: `apply`, or a rehearsal by its name.
    Change(&'static str),
}

impl Disturbance {
    /// Its name, as users type it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault(name) | Self::Change(name) => name,
        }
    }

    /// Whether it is a change, which nothing has to find or heal.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Change(_))
    }
}

/// Something that happened during a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The time since the clients started.
    pub at: Duration,
    /// What happened.
    pub event: Event,
}

/// What can happen during a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The backup that will be restored is complete.
    BackedUp,
    /// The fault is about to be injected.
    Injecting,
    /// The fault has been injected.
    Injected,
    /// Another member than before leads, in this term.
    NewLeader {
        /// The member that was elected.
        leader: HostName,
        /// The Raft term of its election.
        term: u64,
    },
    /// `verify` reports exactly what was expected.
    Found,
    /// Healing starts.
    Healing,
    /// The data of all members has been replaced, and none has been started yet.
    Restored,
    /// The fault has been undone.
    Healed,
    /// `verify` no longer finds anything wrong.
    Healthy,
    /// The change is about to begin.
    Changing,
    /// A step of the change is about to be taken.
    Step {
        /// In a word or two: `add core-04`.
        short: String,
        /// In full: `add core-04 at http://127.168.56.104:2380`.
        what: String,
    },
    /// The last step of the change is complete.
    Changed,
}

impl Event {
    /// Whether the disturbance begins with it.
    pub const fn begins(&self) -> bool {
        matches!(self, Self::Injecting | Self::Injected | Self::Changing)
    }

    /// Whether the disturbance is over with it.
    pub const fn ends(&self) -> bool {
        matches!(self, Self::Healed | Self::Changed)
    }
}

/// When the first such event happened.
fn first(drill: &Drill, is_it: impl Fn(&Event) -> bool) -> Option<Duration> {
    let moment = drill.moments.iter().find(|moment| is_it(&moment.event))?;
    Some(moment.at)
}
