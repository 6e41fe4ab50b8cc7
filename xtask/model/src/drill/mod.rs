//! A drill: an outage on purpose, with clients at work meanwhile. What happened, as data, and what
//! it proves. Whoever makes it happen is elsewhere.

pub mod history;
pub mod registers;
pub mod summary;
pub mod words;

use std::time::Duration;

use crate::values::{ClusterName, EtcdVersion, HostName};
use history::History;

/// One fault, injected into a running cluster and healed, and what was seen on the way. All times are
/// counted from the moment at which the clients began.
#[derive(Debug, Clone)]
pub struct Drill {
    /// The cluster it was done to.
    pub cluster: ClusterName,
    /// The version of etcd that ran.
    pub version: EtcdVersion,
    /// The names of all members, in the order of the definition.
    pub members: Vec<HostName>,
    /// The name of the fault, as `drill` takes it.
    pub fault: &'static str,
    /// What was done, in words: `core-02 was killed`.
    pub done: String,
    /// What happened when, in order.
    pub moments: Vec<Moment>,
    /// What `verify` was expected to report meanwhile, a line each: `reachable: core-02`.
    pub expected: Vec<String>,
    /// What it did report in the end, told in the same way.
    pub reported: Vec<String>,
    /// How healthy the cluster was after healing, in the words of `verify`.
    pub afterwards: String,
    /// What the clients did and saw.
    pub history: History,
}

/// Something that happened during a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When it happened, counted from when the clients began.
    pub at: Duration,
    /// What happened then.
    pub event: Event,
}

/// What can happen during a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The fault is about to be injected.
    Injecting,
    /// The fault has been injected.
    Injected,
    /// Another member leads than before, in this term.
    NewLeader {
        /// The member that was elected.
        leader: HostName,
        /// The raft term that it was elected in.
        term: u64,
    },
    /// `verify` reports what was expected, and nothing else.
    Found,
    /// What the fault did is being undone from here on.
    Healing,
    /// Whatever was done has been undone.
    Healed,
    /// `verify` finds nothing wrong any more.
    Healthy,
}
