//! What was seen of a running cluster. Data without judgement: `check` judges.
//!
//! The submodules parse the output of etcdctl and etcd in every version. They run no queries themselves.

pub mod certificates;
pub mod distinct;
pub mod etcdctl;
mod listed;
pub mod log;
pub mod machine;
pub mod metrics;
pub mod snapshot;
pub mod started;
pub mod v2;

use std::fmt;
use std::time::Duration;

use crate::backup::Restorable;
use crate::hint::Hint;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::values::{EtcdVersion, HostName};
pub use certificates::Certificates;
pub use distinct::Repeated;
pub use listed::Listed;
use log::Cause;
pub use machine::{FailingStart, MachineStatus};
pub use snapshot::{MemberSnapshot, Snapshot};
pub use started::StartedWith;

/// Where etcd keeps its write-ahead log, below its data folder: 2.0.0 and 2.0.1 in the second place, all
/// later versions in the first. A member without one starts from scratch.
pub const LOG_FOLDERS: [&str; 2] = ["member/wal", "wal"];

/// One look at a cluster: every member queried separately, at about the same time.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What each planned member answered, in the plan's order.
    pub members: Vec<MemberObservation>,
    /// Each planned member's machine, in the same order; empty if members do not run on machines.
    pub machines: Vec<Look<MachineStatus>>,
    /// The flags that each planned member's etcd was started with, in the same order; empty if they were not
    /// read.
    pub started: Vec<Look<StartedWith>>,
    /// The certificates of the cluster, or why they could not be looked at; none without TLS.
    pub certificates: Option<Look<Certificates>>,
    /// Whether each planned member has data on disk, in the same order; empty if that was not read.
    pub data: Vec<Look<bool>>,
    /// The values that were written to probe the cluster.
    pub probe: Probe,
    /// Each planned member's condition according to its driver, in the same order; empty if it was not read.
    pub conditions: Vec<Condition>,
    /// Why each planned member that does not run has exited, in the same order; empty if it was not read.
    pub ended: Vec<Option<Cause>>,
    /// What earlier looks at this cluster have shown; none if there was none.
    pub before: Option<LastRevision>,
    /// Files of the cluster's recorded state that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// What was recorded when the cluster was started.
    pub recorded: Recorded,
}

/// What is recorded of the cluster that was started, compared with the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How the definition's members and token differ from those that run, in words.
    pub changes: Vec<String>,
    /// Whether `up` refuses the definition because of them.
    pub is_redefined: bool,
    /// The plan's members that were not started.
    pub new: Vec<HostName>,
    /// The plan's members that are known to have had data.
    pub had_data: Vec<HostName>,
    /// The backup that advice may name; none if there is none, or no advice needs one.
    pub backup: Option<Restorable>,
    /// An interrupted restoration; none if there is none.
    pub half_restored: Option<HalfRestored>,
    /// A change of the version to or from the plan's; none if none is under way.
    pub version_change: Option<VersionChange>,
    /// Whether two certificate authorities are trusted, until the new one takes the place of the old one.
    pub replaces_authority: bool,
}

/// A change of the version that is recorded as under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionChange {
    /// To the version of the definition.
    Begun,
    /// To this version, before the definition was set back.
    SetBack(EtcdVersion),
}

/// A restoration that was interrupted, so that no member may be judged by its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfRestored {
    /// What happened, in a sentence.
    pub what: String,
    /// What to do about it.
    pub hint: Option<Hint>,
}

/// A file of the cluster's recorded state that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file and what is wrong with it, in a sentence.
    pub what: String,
    /// What to do about it.
    pub hint: Option<Hint>,
}

/// What an earlier look at a cluster has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRevision {
    /// The highest revision of keys that every member had reached.
    pub revision: u64,
    /// A lower revision that the keys were found at later, if they were: then data was lost.
    pub fell_to: Option<u64>,
    /// The revision of the backup that was restored last, if any was: earlier revisions no longer count.
    pub restored: Option<u64>,
}

impl Observation {
    /// An observation of the plan's members, of whom nothing was asked yet.
    pub fn of(plan: &Plan, prefix: String) -> Self {
        Self {
            members: plan.members.iter().map(MemberObservation::of).collect(),
            machines: Vec::new(),
            started: Vec::new(),
            certificates: None,
            data: Vec::new(),
            probe: Probe {
                prefix,
                removed: Look::NotAsked("nothing was written".to_owned()),
            },
            conditions: Vec::new(),
            ended: Vec::new(),
            before: None,
            unreadable: Vec::new(),
            recorded: Recorded::default(),
        }
    }

    /// The members whose machines were inspected, with what was seen there.
    pub fn machines_seen(&self) -> impl Iterator<Item = (&HostName, &MachineStatus)> {
        let both = self.members.iter().zip(&self.machines);
        both.filter_map(|(member, machine)| Some((&member.name, machine.seen()?)))
    }
}

/// The values that were written to try the cluster.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The unique prefix of all their keys.
    pub prefix: String,
    /// Whether they were removed.
    pub removed: Look<()>,
}

/// What one member answered.
#[derive(Debug, Clone)]
pub struct MemberObservation {
    /// The planned member's name.
    pub name: HostName,
    /// The client URL that was queried.
    pub endpoint: String,
    /// Its own status.
    pub status: Look<Status>,
    /// The member of another address that answers here; none if that was not seen.
    pub repeated: Option<Repeated>,
    /// How long the status took, etcdctl's own time included; none if there was no answer.
    pub took: Option<Duration>,
    /// The members that it is connected to.
    pub peers: Look<Vec<EtcdId>>,
    /// Its member list.
    pub members: Look<Vec<ListedMember>>,
    /// The alarms that it knows.
    pub alarms: Look<Vec<Alarm>>,
    /// The hash of its keys and values.
    pub hash: Look<Hash>,
    /// The revision at which a value was written through it, if the member's version reports it.
    pub write: Look<Option<u64>>,
    /// The members whose written values could be read back here.
    pub reads: Look<Vec<HostName>>,
    /// Its status afterwards, twice. This look wrote nothing between the two.
    pub later: Look<[Status; 2]>,
}

impl MemberObservation {
    /// An observation of a member that was not queried yet.
    fn of(member: &Member) -> Self {
        fn unasked<T>() -> Look<T> {
            Look::NotAsked("was not asked".to_owned())
        }
        Self {
            name: member.name.clone(),
            endpoint: member.client_url(),
            status: unasked(),
            repeated: None,
            took: None,
            peers: unasked(),
            members: unasked(),
            alarms: unasked(),
            hash: unasked(),
            write: unasked(),
            reads: unasked(),
            later: unasked(),
        }
    }

    /// Says why the member was asked nothing beyond its status. `why` follows its name.
    pub fn nothing_was_asked(&mut self, why: &str) {
        // Every field is named here, so that the compiler asks about a new one.
        let Self {
            name: _,
            endpoint: _,
            status: _,
            repeated: _,
            took: _,
            peers,
            members,
            alarms,
            hash,
            write,
            reads,
            later,
        } = self;
        *peers = Look::NotAsked(why.to_owned());
        *members = Look::NotAsked(why.to_owned());
        *alarms = Look::NotAsked(why.to_owned());
        *hash = Look::NotAsked(why.to_owned());
        *write = Look::NotAsked(why.to_owned());
        *reads = Look::NotAsked(why.to_owned());
        *later = Look::NotAsked(why.to_owned());
    }
}

/// The result of one query.
#[derive(Debug, Clone)]
pub enum Look<T> {
    /// What the member answered.
    Seen(T),
    /// The member was queried but gave no useful answer; the reason.
    Failed(String),
    /// It was not queried; the reason, phrased to follow the member's name: `does not answer`.
    NotAsked(String),
}

impl<T> Look<T> {
    /// What was seen, if anything was.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::Failed(_) | Self::NotAsked(_) => None,
        }
    }
}

impl<T> From<Result<T, Reason>> for Look<T> {
    fn from(answer: Result<T, Reason>) -> Self {
        answer.map_or_else(|why| Self::Failed(why.into()), Self::Seen)
    }
}

/// A member's own status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The version that it reports.
    pub version: String,
    /// The ID of its cluster.
    pub cluster_id: EtcdId,
    /// Its own ID, predicted or not.
    pub member_id: EtcdId,
    /// The ID of the leader, which may be its own.
    pub leader: Option<EtcdId>,
    /// Its term, if its version reports it.
    pub raft_term: Option<u64>,
    /// The last entry of its log, if its version reports it.
    pub raft_index: Option<u64>,
    /// The last entry that it has applied, if its version reports it.
    pub raft_applied_index: Option<u64>,
    /// The revision of its keys, if its version reports it.
    pub revision: Option<u64>,
    /// The size of its database in bytes, if its version reports it.
    pub db_size: Option<u64>,
    /// The quota of its database in bytes, if its version reports it (since 3.6).
    pub db_size_quota: Option<u64>,
    /// The version that `etcdctl downgrade enable` has named, until the downgrade is complete or cancelled. Members and
    /// etcdctl report it since 3.6.
    pub downgrade: Option<EtcdVersion>,
    /// Whether it is a learner.
    pub is_learner: bool,
    /// Its complaints.
    pub errors: Vec<String>,
}

impl Status {
    /// Whether the member reports that it leads.
    pub fn leads(&self) -> bool {
        self.leader == Some(self.member_id)
    }

    /// The member's role, in the words that all output formats use.
    pub fn role(&self) -> &'static str {
        match self.leader {
            _ if self.is_learner => "learner",
            _ if self.leads() => "leader",
            Some(_) => "follower",
            None => "no leader",
        }
    }
}

/// An entry of a member list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMember {
    /// Its ID in the cluster.
    pub id: EtcdId,
    /// Its name; empty while it has never started.
    pub name: String,
    /// The URLs where other members reach it.
    pub peer_urls: Vec<String>,
    /// The URLs where clients reach it; empty while it has never started.
    pub client_urls: Vec<String>,
    /// Whether it is a learner.
    pub is_learner: bool,
}

/// An alarm that a member has raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The member that raised it, even if it was removed since.
    pub member: EtcdId,
    /// What it warns of.
    pub kind: AlarmKind,
}

/// What an alarm warns of (etcd's `AlarmType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// A database has reached its quota; etcd refuses writes.
    NoSpace,
    /// A member's data differs from the others'.
    Corrupt,
    /// An alarm that this program does not know, by its number.
    Other(u64),
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => f.pad("NOSPACE"),
            Self::Corrupt => f.pad("CORRUPT"),
            Self::Other(number) => f.pad(&format!("number {number}")),
        }
    }
}

/// A hash of a member's keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash {
    /// The CRC-32 that etcd computed.
    pub hash: u64,
    /// The revision up to which keys were hashed, which is the requested one.
    pub revision: u64,
    /// The revision from which keys were hashed; -1 before the first compaction. Hashes can only be compared
    /// if this is equal.
    pub compact_revision: i64,
}

/// The condition of a member that its driver can see without querying etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It has no data: it never ran, or its data is lost.
    Absent,
    /// It has data but does not run.
    Stopped,
    /// Its first boot was interrupted before it was set up.
    Unfinished,
    /// It runs, as this process or machine.
    Running(String),
    /// Its process is halted, by SIGSTOP or by a debugger, and does nothing until it is continued.
    Halted {
        /// The process ID on this host.
        id: i32,
    },
}

impl Condition {
    /// Whether it has a running process or machine, including halted ones and first boots.
    pub const fn is_running(&self) -> bool {
        matches!(
            self,
            Self::Running(_) | Self::Halted { .. } | Self::Unfinished
        )
    }

    /// What it runs as; none if it does not run.
    pub fn runs_as(&self) -> Option<String> {
        match self {
            Self::Running(what) => Some(what.clone()),
            Self::Halted { id } => Some(format!("process {id}, halted")),
            Self::Absent | Self::Stopped | Self::Unfinished => None,
        }
    }
}
