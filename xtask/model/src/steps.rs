//! What to do next to bring a running cluster to where it is wanted. Pure: chosen here, done by a
//! driver.

use crate::observation::Condition;
use crate::plan::flags::InitialState;
use crate::values::HostName;

/// What `up` has to do about a cluster's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The members to start, and how each is to see itself.
    pub members: Vec<(HostName, InitialState)>,
    /// The members that had data once and have none now. Starting one of them as it is would let it
    /// vote anew in terms in which it has voted before, so it is left alone.
    pub lost: Vec<HostName>,
}

impl Start {
    /// The names of the members to start.
    pub fn names(&self) -> Vec<HostName> {
        self.members.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// Chooses what to start. `had_data`: the members that are known to have had data.
///
/// A member that never had any founds the cluster, also where the others have done so already: etcd
/// lets a founder that comes late take its place.
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
            // What has voted once is never made anew, whatever else is no longer known of it.
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
