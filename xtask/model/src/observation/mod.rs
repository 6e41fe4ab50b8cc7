//! What was seen when looking at a running cluster. Data without judgement: `check` judges.
//!
//! The submodules read what etcdctl and etcd say, in every version's wording. They are pure: whoever
//! asks is elsewhere.

pub mod distinct;
pub mod etcdctl;
pub mod log;
pub mod machine;
pub mod metrics;
pub mod snapshot;
pub mod started;
pub mod v2;

use std::fmt;
use std::time::Duration;

use crate::hint::Hint;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::values::HostName;
pub use distinct::Repeated;
use log::Cause;
pub use machine::MachineStatus;
pub use snapshot::{MemberSnapshot, Snapshot};
pub use started::StartedWith;

/// Where etcd keeps its log, below its data folder: 2.0.0 and 2.0.1 in the second place, all later versions in
/// the first. A member that has none begins anew.
pub const LOG_FOLDERS: [&str; 2] = ["member/wal", "wal"];

/// One look at a cluster: every member asked on its own, at about the same time.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What each planned member answered, in the plan's order.
    pub members: Vec<MemberObservation>,
    /// How each planned member's machine is, in the same order; empty where members are not machines.
    pub machines: Vec<Look<MachineStatus>>,
    /// What each planned member's etcd was started with, in the same order; empty where nobody looked.
    pub started: Vec<Look<StartedWith>>,
    /// The key prefix under which values were written to try the cluster, and whether it is gone again.
    pub probe: Probe,
    /// How each planned member is by its driver, in the same order; empty where that was not looked at.
    pub conditions: Vec<Condition>,
    /// Why each planned member that does not run has ended, in the same order; empty where nobody looked.
    pub ended: Vec<Option<Cause>>,
    /// What earlier looks at this cluster have shown; none where there was none.
    pub before: Option<LastRevision>,
    /// What is kept of the cluster and cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// What is recorded of the cluster that was started.
    pub recorded: Recorded,
}

/// What is recorded of the cluster that was started, compared with the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How the plan's members and token differ from those of the start, in words.
    pub changes: Vec<String>,
    /// The plan's members that were not started.
    pub new: Vec<HostName>,
    /// The plan's members that are known to have had data.
    pub had_data: Vec<HostName>,
}

/// A file that is kept of a cluster and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which it is, and what is wrong with it, in a sentence.
    pub what: String,
    /// What to do about it.
    pub hint: Option<Hint>,
}

/// What an earlier look at a cluster has shown, and what can never be otherwise again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRevision {
    /// The highest revision of keys that every member had reached.
    pub revision: u64,
    /// A lower one that the keys were found at later, where they were: then data was lost.
    pub fell_to: Option<u64>,
}

impl Observation {
    /// An observation of the plan's members, of whom nothing was asked yet.
    pub fn of(plan: &Plan, prefix: String) -> Self {
        Self {
            members: plan.members.iter().map(MemberObservation::of).collect(),
            machines: Vec::new(),
            started: Vec::new(),
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

    /// The members whose machines were looked into, with what was seen there.
    pub fn machines_seen(&self) -> impl Iterator<Item = (&HostName, &MachineStatus)> {
        let both = self.members.iter().zip(&self.machines);
        both.filter_map(|(member, machine)| Some((&member.name, machine.seen()?)))
    }
}

/// The values that were written to try the cluster.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What all of their keys start with; nobody else's keys do.
    pub prefix: String,
    /// Whether they were removed.
    pub removed: Look<()>,
}

/// What one member answered.
#[derive(Debug, Clone)]
pub struct MemberObservation {
    /// The member that was meant.
    pub name: HostName,
    /// The client URL that was asked.
    pub endpoint: String,
    /// How it describes itself.
    pub status: Look<Status>,
    /// Which other address's member answers here; none where that was not seen.
    pub repeated: Option<Repeated>,
    /// How long it took for that, etcdctl's own time included; none where it did not.
    pub took: Option<Duration>,
    /// The members with which it has connections.
    pub peers: Look<Vec<EtcdId>>,
    /// Whom it takes for the cluster's members.
    pub members: Look<Vec<ListedMember>>,
    /// The alarms it knows of.
    pub alarms: Look<Vec<Alarm>>,
    /// The hash of its keys and values.
    pub hash: Look<Hash>,
    /// What became of a value written through it: the revision that it was written at, where the member's
    /// version tells.
    pub write: Look<Option<u64>>,
    /// The members whose written values could be read back here.
    pub reads: Look<Vec<HostName>>,
    /// How it described itself afterwards, twice. Between the two, nothing was written by this look.
    pub later: Look<[Status; 2]>,
}

impl MemberObservation {
    /// An observation of a member that was asked nothing yet.
    fn of(member: &Member) -> Self {
        fn nothing<T>() -> Look<T> {
            Look::NotAsked("was not asked".to_owned())
        }
        Self {
            name: member.name.clone(),
            endpoint: member.client_url(),
            status: nothing(),
            repeated: None,
            took: None,
            peers: nothing(),
            members: nothing(),
            alarms: nothing(),
            hash: nothing(),
            write: nothing(),
            reads: nothing(),
            later: nothing(),
        }
    }
}

/// The result of looking at one thing.
#[derive(Debug, Clone)]
pub enum Look<T> {
    /// What the member answered.
    Seen(T),
    /// The member was asked and did not answer usefully; what came instead.
    Failed(String),
    /// It was not asked; why, in words that follow the member's name: `does not answer`.
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

/// How a member describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its version, in its own words.
    pub version: String,
    /// The cluster it takes itself for a member of.
    pub cluster_id: EtcdId,
    /// The ID it takes itself for, predicted or not.
    pub member_id: EtcdId,
    /// The leader it follows, or is.
    pub leader: Option<EtcdId>,
    /// The term it is in, where its version tells.
    pub raft_term: Option<u64>,
    /// The last entry of its log, where its version tells.
    pub raft_index: Option<u64>,
    /// The last entry it has applied, where its version tells.
    pub raft_applied_index: Option<u64>,
    /// The revision of its keys, where its version tells.
    pub revision: Option<u64>,
    /// The size of its database in bytes, where its version tells.
    pub db_size: Option<u64>,
    /// The size in bytes that its database may reach, where its version tells (from 3.6).
    pub db_size_quota: Option<u64>,
    /// Whether it is a learner.
    pub is_learner: bool,
    /// What it complains of.
    pub errors: Vec<String>,
}

impl Status {
    /// Whether the member says that it leads.
    pub fn leads(&self) -> bool {
        self.leader == Some(self.member_id)
    }

    /// What the member does in its cluster, in words that all formats share.
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
    /// The ID that the cluster knows it by.
    pub id: EtcdId,
    /// Its name; empty while it has never started.
    pub name: String,
    /// Where the other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty while it has never started.
    pub client_urls: Vec<String>,
    /// Whether it is a learner.
    pub is_learner: bool,
}

/// An alarm that a member has raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The member that raised it, listed or removed since.
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
    /// One that this program does not know, by its number.
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

/// A hash over a member's keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash {
    /// The CRC-32 that etcd computed.
    pub hash: u64,
    /// The revision up to which keys were hashed: the one that was asked for.
    pub revision: u64,
    /// The revision from which keys were hashed; -1 before the first compaction. Hashes compare only
    /// where this is equal.
    pub compact_revision: i64,
}

/// How a member is, as far as its driver can tell without asking etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It has no data: it never ran, or its data is lost.
    Absent,
    /// It has data and does not run.
    Stopped,
    /// It is on its way to running for the first time, and whoever had it on that way was interrupted.
    Unfinished,
    /// It runs; as what.
    Running(String),
    /// It runs and is halted, by SIGSTOP or by a debugger: it does nothing until its process is continued.
    Halted {
        /// The process ID on this host.
        id: i32,
    },
}

impl Condition {
    /// Whether it has a process or a machine at work, halted ones and first boots included.
    pub const fn is_running(&self) -> bool {
        matches!(
            self,
            Self::Running(_) | Self::Halted { .. } | Self::Unfinished
        )
    }

    /// What it runs as; none where it does not run.
    pub fn runs_as(&self) -> Option<String> {
        match self {
            Self::Running(what) => Some(what.clone()),
            Self::Halted { id } => Some(format!("process {id}, halted")),
            Self::Absent | Self::Stopped | Self::Unfinished => None,
        }
    }
}
