//! What to do next to bring a running cluster to where it is wanted. Pure: chosen here, done by a
//! driver.

use crate::observation::Condition;
use crate::plan::flags::InitialState;
use crate::values::HostName;

/// What `up` has to do about a cluster's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The members to start.
    pub members: Vec<HostName>,
    /// How they are to see themselves: as the cluster's first or as part of one that exists.
    pub state: InitialState,
    /// The members that had data once and have none now. Starting one of them as it is would let it
    /// vote anew in terms in which it has voted before, so it is left alone.
    pub lost: Vec<HostName>,
}

/// Chooses what to start. `bootstrapped`: whether the members have agreed on something before.
pub fn start(members: &[HostName], conditions: &[Condition], bootstrapped: bool) -> Start {
    let with = |wanted: fn(&Condition) -> bool| {
        let both = members.iter().zip(conditions);
        both.filter(move |(_, condition)| wanted(condition))
            .map(|(member, _)| member.clone())
    };
    let absent = with(|condition| *condition == Condition::Absent);
    let stopped = with(|condition| *condition == Condition::Stopped);
    if bootstrapped {
        Start {
            members: stopped.collect(),
            state: InitialState::Existing,
            lost: absent.collect(),
        }
    } else {
        let idle = with(|condition| !matches!(condition, Condition::Running(_)));
        Start {
            members: idle.collect(),
            state: InitialState::New,
            lost: Vec::new(),
        }
    }
}

/// The order in which to stop members: each group at once, one group after the other.
///
/// The leader goes last and alone. Told to stop together with the others, it would spend seven
/// seconds on handing its leadership to one of them; left alone it has nobody to wait for.
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
