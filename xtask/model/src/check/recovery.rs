//! Whether a cluster needs a restoration.

use super::history::lost;
use super::quorum_state::QuorumState;
use crate::hint::Hint;
use crate::observation::{Look, Observation};
use crate::plan::Plan;
use crate::way_back::{Remains, WayBack};

/// A backup that advice needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedBackup {
    /// The newest.
    Newest,
    /// The one with the most data from before a loss, after which the keys were at this revision.
    Above(u64),
}

/// The backup that advice about this observation needs, if it needs one.
pub fn wanted_backup(plan: &Plan, observation: &Observation) -> Option<WantedBackup> {
    match way_back(plan, observation) {
        Some(way_back) => way_back.needs_backup().then_some(WantedBackup::Newest),
        None => lost(plan, observation).map(WantedBackup::Above),
    }
}

/// How to restore a cluster whose majority has lost its data; none if that is not so, or if there is nothing
/// to restore from.
pub(super) fn hint(plan: &Plan, observation: &Observation) -> Option<Hint> {
    let backup = observation.recorded.backup.as_ref();
    way_back(plan, observation)?.hint(&plan.name, backup)
}

fn way_back(plan: &Plan, observation: &Observation) -> Option<WayBack> {
    let state = QuorumState::of(plan, observation);
    if plan.version().is_v2() || state.has_quorum() || state.unasked > 0 {
        return None;
    }
    let members = observation.members.iter().enumerate();
    let remains = members.map(|(index, member)| {
        let status = match &member.status {
            Look::Seen(status) if status.cluster_id == plan.cluster_id => Some(status),
            _ => None,
        };
        let remains = Remains::of(
            observation.conditions.get(index),
            status,
            observation.ended.get(index).copied().flatten(),
            observation.recorded.had_data.contains(&member.name),
        );
        (member.name.clone(), remains)
    });
    let remains: Vec<_> = remains.collect();
    WayBack::find(&remains, plan.on_machines)
}
