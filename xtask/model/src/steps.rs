//! The next steps that bring a cluster to the wanted state. This module chooses them; a driver carries them
//! out.

use crate::observation::Condition;
use crate::plan::flags::InitialState;
use crate::values::HostName;

/// What `up` does with a cluster's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The members to start, each with its initial cluster state.
    pub members: Vec<(HostName, InitialState)>,
    /// The members that had data once but have none now. Started without it, a member could vote again in
    /// terms in which it has voted before, so it is left alone.
    pub lost: Vec<HostName>,
}

impl Start {
    /// The names of the members to start.
    pub fn names(&self) -> Vec<HostName> {
        self.members.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// Starts one member alone. `conditions`: of `members`. Those that do not run count as out of reach.
pub fn alone(
    member: &HostName,
    state: InitialState,
    members: &[HostName],
    conditions: &[Condition],
) -> Start {
    let others = members.iter().zip(conditions);
    let out_of_reach = others
        .filter(|(name, condition)| *name != member && !matches!(condition, Condition::Running(_)));
    Start {
        members: vec![(member.clone(), state)],
        lost: out_of_reach.map(|(name, _)| name.clone()).collect(),
    }
}

/// Chooses what to start. `had_data` lists the members that are known to have had data.
///
/// A member that never had data founds the cluster, even if the others have already done so: etcd lets a
/// founder join late.
pub fn start(members: &[HostName], conditions: &[Condition], had_data: &[HostName]) -> Start {
    let mut start = Start {
        members: Vec::new(),
        lost: Vec::new(),
    };
    for (member, condition) in members.iter().zip(conditions) {
        let member = member.clone();
        match condition {
            Condition::Running(_) | Condition::Halted { .. } => {}
            Condition::Stopped => start.members.push((member, InitialState::Existing)),
            Condition::Absent if had_data.contains(&member) => start.lost.push(member),
            // A member that may have voted is never created anew, whatever else is unknown about it.
            Condition::Unfinished if had_data.contains(&member) => {
                start.members.push((member, InitialState::Existing));
            }
            Condition::Absent | Condition::Unfinished => {
                start.members.push((member, InitialState::New));
            }
        }
    }
    start
}

/// The order in which to stop members: one group after another, each group at once.
///
/// The leader stops last and alone. Stopped together with the others, it would spend seven seconds handing
/// its leadership to one of them; alone, it has no member to wait for.
pub fn stop(members: &[HostName], leader: Option<&HostName>) -> Vec<Vec<HostName>> {
    let (last, first): (Vec<HostName>, Vec<HostName>) = members
        .iter()
        .cloned()
        .partition(|member| Some(member) == leader);
    [first, last]
        .into_iter()
        .filter(|group| !group.is_empty())
        .collect()
}

/// The order in which to disturb members one at a time: the leader last, because each change of the leader
/// interrupts all clients.
pub fn leader_last<'a>(members: &'a [HostName], leader: Option<&HostName>) -> Vec<&'a HostName> {
    let mut members: Vec<&HostName> = members.iter().collect();
    members.sort_by_key(|member| Some(*member) == leader);
    members
}
