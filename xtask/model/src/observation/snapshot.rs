//! A snapshot of a cluster: each member's condition according to its driver, and its own status. Taking it
//! writes nothing to the cluster.

use super::{Condition, Look, Status};
use crate::hint::Hint;
use crate::plan::identity::EtcdId;
use crate::values::{ClusterName, DriverName, EtcdVersion, HostName};

/// A snapshot of a cluster.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// What runs its members.
    pub driver: DriverName,
    /// The version of etcd that the members run.
    pub version: EtcdVersion,
    /// Each member, in the order of the record.
    pub members: Vec<MemberSnapshot>,
    /// The members that have no data but are known to have had some.
    pub lost: Vec<HostName>,
    /// The members that exited, and exit again whenever they are started with their data.
    pub damaged: Vec<HostName>,
    /// What to do if the majority has lost its data; none if that is not so, or nothing is left to restore.
    pub way_back: Option<Hint>,
    /// What to do about what a killed drill or restoration left; none if nothing is left.
    pub unfinished: Option<Hint>,
    /// How the definition differs from what runs, in words.
    pub changes: Vec<String>,
    /// Whether the definition now describes another cluster than the one that was started.
    pub is_redefined: bool,
    /// Whether there is still a definition of its name.
    pub is_defined: bool,
}

/// A member and what was seen of it.
#[derive(Debug, Clone)]
pub struct MemberSnapshot {
    /// Its host name, which is also its name in etcd.
    pub name: HostName,
    /// The ID that a static bootstrap gives it.
    pub predicted_id: EtcdId,
    /// The client URL that was queried.
    pub endpoint: String,
    /// Its condition according to its driver; none if the driver did not answer in time.
    pub condition: Option<Condition>,
    /// Its own status.
    pub status: Look<Status>,
}

impl Snapshot {
    /// How many members run.
    pub fn running(&self) -> usize {
        self.members.iter().filter(|member| member.runs()).count()
    }

    /// How many members answer, each counted once.
    pub fn answering(&self) -> usize {
        let answers = |member: &&MemberSnapshot| member.status.seen().is_some();
        self.members.iter().filter(answers).count()
    }

    /// Why members could not be queried, if that is true of some and none answers. Nothing is known then.
    pub fn unasked(&self) -> Option<&str> {
        let unasked = |member: &MemberSnapshot| match &member.status {
            Look::NotAsked(_) => true,
            Look::Seen(_) | Look::Failed(_) => false,
        };
        let first = self.members.iter().find(|member| unasked(member))?;
        match &first.status {
            Look::NotAsked(why) if self.answering() == 0 => Some(why),
            _ => None,
        }
    }

    /// Whether no member runs, according to the driver.
    pub fn is_down(&self) -> bool {
        self.members.iter().all(MemberSnapshot::is_down)
    }

    /// The member that reports that it leads. If several do, the one in the highest term, because a leader
    /// that is cut off may not know yet that it no longer leads.
    pub fn leader(&self) -> Option<&MemberSnapshot> {
        let leading = self.members.iter().filter(|member| member.leads());
        leading.max_by_key(|member| member.status.seen().and_then(|status| status.raft_term))
    }

    /// How many log entries a member is behind the most advanced member of its cluster, which is the leader
    /// if that answers. Members are queried at slightly different times, in which a busy cluster writes some
    /// entries.
    pub fn lag(&self, member: &MemberSnapshot) -> Option<u64> {
        let own = member.status.seen()?;
        let applied = own.raft_applied_index.or(own.raft_index)?;
        let seen = self.members.iter().filter_map(|one| one.status.seen());
        let furthest = seen
            .filter(|status| status.cluster_id == own.cluster_id)
            .filter_map(|status| status.raft_index)
            .max()?;
        Some(furthest.saturating_sub(applied))
    }
}

impl MemberSnapshot {
    /// Whether it runs according to its driver, halted or not.
    pub const fn runs(&self) -> bool {
        matches!(
            self.condition,
            Some(Condition::Running(_) | Condition::Halted { .. })
        )
    }

    /// Whether it does not run according to its driver. Its own answer, if any, is newer than that.
    pub const fn is_down(&self) -> bool {
        matches!(self.condition, Some(Condition::Absent | Condition::Stopped))
            && self.status.seen().is_none()
    }

    /// Whether it reports that it leads.
    pub fn leads(&self) -> bool {
        self.status.seen().is_some_and(Status::leads)
    }

    /// The ID that it reports, or else the predicted one.
    pub fn id(&self) -> EtcdId {
        let status = self.status.seen();
        status.map_or(self.predicted_id, |status| status.member_id)
    }

    /// Its role, in the words that all output formats use.
    pub fn role(&self) -> Option<&'static str> {
        self.status.seen().map(Status::role)
    }
}
