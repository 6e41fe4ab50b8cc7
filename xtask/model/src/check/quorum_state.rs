use std::fmt;

use crate::observation::{ListedMember, Look, MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;
use crate::wording::many;

/// The quorum of a cluster: which members answer, which one leads, how many more may fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumState {
    /// The number of defined members.
    pub members: usize,
    /// The defined members that answer, each counted once. Members of another cluster do not count.
    pub answering: usize,
    /// The defined members that could not be queried, so nothing is known about them.
    pub unasked: usize,
    /// The voting members, from the cluster's own list, or else from the definition.
    pub voters: usize,
    /// The voters that answer, belong to this cluster and have a leader.
    pub able: usize,
    /// The voters that are not defined, so they were not queried.
    pub undefined: usize,
    /// The number of voters that must agree: more than half.
    pub needed: usize,
    /// The leader's name, if all members that answer and have a leader follow the same one, and it was not
    /// seen to be silent.
    pub leader: Option<String>,
    /// Whether the members were seen to agree on something: a write, a quorum read, an alarm list.
    pub agreement: Agreement,
}

/// Whether members were seen to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// They agreed on something.
    Seen,
    /// They were asked to, but did not.
    Refused,
    /// They were not asked.
    NotAsked,
}

impl QuorumState {
    /// Derives the quorum from an observation.
    pub fn of(plan: &Plan, observation: &Observation) -> Self {
        let statuses: Vec<&Status> = ours(plan, observation)
            .filter_map(|member| member.status.seen())
            .collect();
        let voters: Vec<EtcdId> = match listed(plan, observation) {
            Some(list) => voters(list).collect(),
            None => plan.members.iter().map(|member| member.id).collect(),
        };
        let is_able = |status: &&&Status| {
            status.leader.is_some() && !status.is_learner && voters.contains(&status.member_id)
        };
        let is_defined = |id: &&EtcdId| planned(plan, observation, **id).is_some();
        let defined = voters.iter().filter(is_defined).count();
        let unasked = observation.members.iter();
        let unasked = unasked.filter(|member| matches!(member.status, Look::NotAsked(_)));
        Self {
            members: plan.members.len(),
            answering: statuses.len(),
            unasked: unasked.count(),
            voters: voters.len(),
            able: statuses.iter().filter(is_able).count(),
            undefined: voters.len() - defined,
            needed: voters.len() / 2 + 1,
            leader: sole_leader(&statuses)
                .filter(|id| !is_silent(plan, observation, *id))
                .map(|id| name_of(plan, observation, id)),
            agreement: agreement(plan, observation),
        }
    }

    /// Whether a quorum holds.
    pub fn has_quorum(&self) -> bool {
        (self.able >= self.needed && self.agreement != Agreement::Refused)
            || self.agrees_with_undefined()
    }

    /// Whether members agreed although, without undefined voters, they are too few.
    pub fn agrees_with_undefined(&self) -> bool {
        self.able < self.needed
            && self.able + self.undefined >= self.needed
            && self.agreement == Agreement::Seen
    }

    /// Whether the quorum is lost: too few voters answer, even counting those that could not be queried.
    pub const fn is_lost(&self) -> bool {
        self.answering + self.unasked + self.undefined < self.needed
    }

    /// Whether all defined members answer and agree, so that one can be restarted after another.
    pub fn is_whole(&self) -> bool {
        self.answering == self.members && self.has_quorum()
    }

    /// How many more members may fail before the quorum is lost.
    pub fn may_fail(&self) -> usize {
        if self.has_quorum() {
            self.able.saturating_sub(self.needed)
        } else {
            0
        }
    }
}

impl fmt::Display for QuorumState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            members,
            answering,
            unasked,
            ..
        } = self;
        if *answering == 0 {
            return f.write_str(if unasked == members {
                "no member could be queried"
            } else {
                "no member answered"
            });
        }
        write!(f, "{answering} of {}", many(*members, "member"))?;
        match &self.leader {
            Some(leader) => write!(f, ", leader {leader}")?,
            None => f.write_str(", no leader")?,
        }
        match self.may_fail() {
            _ if !self.has_quorum() => f.write_str(", no quorum"),
            _ if self.agrees_with_undefined() => {
                f.write_str(", a quorum with members that are not defined")
            }
            0 => f.write_str(", no more may fail"),
            more => write!(f, ", {more} more may fail"),
        }
    }
}

/// Whether a member belongs to another cluster while others belong to the plan's: their answers cannot be
/// compared. If no member belongs to the plan's cluster, no member is a stranger.
pub(super) fn is_stranger(
    plan: &Plan,
    observation: &Observation,
    member: &MemberObservation,
) -> bool {
    let is_ours = |member: &MemberObservation| {
        let status = member.status.seen();
        status.map(|status| status.cluster_id == plan.cluster_id)
    };
    let any = || {
        observation
            .members
            .iter()
            .any(|one| is_ours(one) == Some(true))
    };
    is_ours(member) == Some(false) && any()
}

/// The members that are not strangers.
pub(super) fn ours<'a>(
    plan: &'a Plan,
    observation: &'a Observation,
) -> impl Iterator<Item = &'a MemberObservation> {
    let members = observation.members.iter();
    members.filter(|member| !is_stranger(plan, observation, member))
}

/// The cluster's own member list, preferably from a member of the plan's cluster.
pub(super) fn listed<'a>(plan: &Plan, observation: &'a Observation) -> Option<&'a [ListedMember]> {
    let lists = || {
        let members = observation.members.iter();
        members.filter_map(|member| Some((member, member.members.seen()?)))
    };
    let is_ours = |member: &MemberObservation| {
        let status = member.status.seen();
        status.is_some_and(|status| status.cluster_id == plan.cluster_id)
    };
    lists()
        .find(|(member, _)| is_ours(member))
        .or_else(|| lists().next())
        .map(|(_, list)| list.as_slice())
}

/// A member's name in the definition, else in the cluster's own list, else its ID.
pub(super) fn name_of(plan: &Plan, observation: &Observation, id: EtcdId) -> String {
    let in_list = || {
        let lists = observation.members.iter();
        lists
            .filter_map(|member| member.members.seen())
            .flatten()
            .find(|listed| listed.id == id && !listed.name.is_empty())
            .map(|listed| listed.name.clone())
    };
    planned(plan, observation, id)
        .map(ToString::to_string)
        .or_else(in_list)
        .unwrap_or_else(|| format!("member {id}"))
}

/// The planned member with this ID: the predicted one, else the one that reports it.
pub(super) fn planned<'a>(
    plan: &'a Plan,
    observation: &'a Observation,
    id: EtcdId,
) -> Option<&'a HostName> {
    let predicted = plan.members.iter().find(|member| member.id == id);
    let itself = || {
        let mut asked = observation.members.iter();
        asked.find(|member| {
            let status = member.status.seen();
            status.is_some_and(|status| status.member_id == id)
        })
    };
    predicted
        .map(|member| &member.name)
        .or_else(|| itself().map(|member| &member.name))
}

/// Whether any member answers with the ID of another planned member.
pub(super) fn are_exchanged(plan: &Plan, observation: &Observation) -> bool {
    let mut members = observation.members.iter();
    members.any(|member| {
        let id = member.status.seen().map(|status| status.member_id);
        let mut others = plan.members.iter().filter(|one| one.name != member.name);
        others.any(|other| Some(other.id) == id)
    })
}

/// The names under which the members' lists have this ID.
pub(super) fn listed_as(observation: &Observation, id: EtcdId) -> Vec<&str> {
    let lists = observation.members.iter();
    let entries = lists.filter_map(|member| member.members.seen()).flatten();
    let entries = entries.filter(|listed| listed.id == id && !listed.name.is_empty());
    entries.map(|listed| listed.name.as_str()).collect()
}

fn voters(list: &[ListedMember]) -> impl Iterator<Item = EtcdId> {
    let voters = list.iter().filter(|listed| !listed.is_learner);
    voters.map(|listed| listed.id)
}

fn sole_leader(statuses: &[&Status]) -> Option<EtcdId> {
    let mut leaders: Vec<EtcdId> = statuses.iter().filter_map(|status| status.leader).collect();
    leaders.sort_unstable();
    leaders.dedup();
    match leaders.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Whether the defined member with this ID does not answer. Others may follow it until they elect a new leader.
fn is_silent(plan: &Plan, observation: &Observation, id: EtcdId) -> bool {
    let name = planned(plan, observation, id);
    let mut members = observation.members.iter();
    let member = members.find(|member| Some(&member.name) == name);
    member.is_some_and(|member| matches!(member.status, Look::Failed(_)))
}

fn agreement(plan: &Plan, observation: &Observation) -> Agreement {
    let mut result = Agreement::NotAsked;
    // What another cluster agrees on says nothing about this one.
    for member in ours(plan, observation) {
        let looks = [
            answered(&member.write),
            answered(&member.reads),
            // Listing alarms needs a quorum; 2.x has no alarms.
            answered(&member.alarms).filter(|_| !plan.version().is_v2()),
        ];
        for look in looks.into_iter().flatten() {
            if look {
                return Agreement::Seen;
            }
            result = Agreement::Refused;
        }
    }
    result
}

/// Whether the query was answered; none if it was not sent.
const fn answered<T>(look: &Look<T>) -> Option<bool> {
    match look {
        Look::Seen(_) => Some(true),
        Look::Failed(_) => Some(false),
        Look::NotAsked(_) => None,
    }
}
