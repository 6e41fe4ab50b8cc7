//! A snapshot of a cluster: how each member is by its driver, and how by its own words. Nothing is
//! written to the cluster for it.

use super::{Condition, Look, Status};
use crate::plan::identity::EtcdId;
use crate::values::{ClusterName, DriverName, EtcdVersion, HostName};

/// A snapshot of a cluster.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The cluster that was looked at.
    pub cluster: ClusterName,
    /// What runs its members.
    pub driver: DriverName,
    /// The version of etcd that runs them.
    pub version: EtcdVersion,
    /// Each member, in the order of the record.
    pub members: Vec<MemberSnapshot>,
    /// The members that have no data and are known to have had some.
    pub lost: Vec<HostName>,
    /// The members that have ended and end again whenever they are started with the data that they have.
    pub damaged: Vec<HostName>,
    /// Whether a drill that is over has not healed what it did.
    pub is_drilled: bool,
    /// Whether the definition now describes another cluster than the one that was started.
    pub is_redefined: bool,
}

/// A member with what was seen of it.
#[derive(Debug, Clone)]
pub struct MemberSnapshot {
    /// Its host name, which is also its name in etcd.
    pub name: HostName,
    /// The ID that a static bootstrap gives it.
    pub predicted_id: EtcdId,
    /// The client URL that was asked.
    pub endpoint: String,
    /// How it is by its driver; none where that could not tell in time.
    pub condition: Option<Condition>,
    /// How it describes itself.
    pub status: Look<Status>,
}

impl Snapshot {
    /// How many members run.
    pub fn running(&self) -> usize {
        self.members.iter().filter(|member| member.runs()).count()
    }

    /// How many members answer, where each is counted once.
    pub fn answering(&self) -> usize {
        let answers = |member: &&MemberSnapshot| member.status.seen().is_some();
        self.members.iter().filter(answers).count()
    }

    /// Why the members could not be asked, where that is so of some and none answers: nothing is known then.
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

    /// Whether none of the members runs, by their driver.
    pub fn is_down(&self) -> bool {
        self.members.iter().all(MemberSnapshot::is_down)
    }

    /// The member that says it leads; of several the one in the highest term, since a leader that is cut off
    /// may not know yet that it leads no more.
    pub fn leader(&self) -> Option<&MemberSnapshot> {
        let leading = self.members.iter().filter(|member| member.leads());
        leading.max_by_key(|member| member.status.seen().and_then(|status| status.raft_term))
    }

    /// By how many log entries a member is behind the one of its cluster that is furthest, which is the
    /// leader wherever that answers. Members are asked one moment after the other, in which a busy
    /// cluster writes some.
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
    /// Whether its driver says that it runs, halted or not.
    pub const fn runs(&self) -> bool {
        matches!(
            self.condition,
            Some(Condition::Running(_) | Condition::Halted { .. })
        )
    }

    /// Whether its driver says that it does not run. What it says itself is newer than that.
    pub const fn is_down(&self) -> bool {
        matches!(self.condition, Some(Condition::Absent | Condition::Stopped))
            && self.status.seen().is_none()
    }

    /// Whether it says that it leads.
    pub fn leads(&self) -> bool {
        self.status.seen().is_some_and(Status::leads)
    }

    /// Its ID: by its own words, or else the predicted one.
    pub fn id(&self) -> EtcdId {
        let status = self.status.seen();
        status.map_or(self.predicted_id, |status| status.member_id)
    }

    /// What it does in its cluster, in words that all formats share.
    pub fn role(&self) -> Option<&'static str> {
        self.status.seen().map(Status::role)
    }
}
