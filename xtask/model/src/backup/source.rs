use std::collections::BTreeSet;

use crate::check::LAGS_BEYOND;
use crate::observation::{Look, Status};
use crate::plan::identity::EtcdId;

/// The member to take a snapshot from, by its index: the follower that has applied most, so that the leader
/// has no more to do; the leader if no follower is close to it. Without a leader, the member with the newest
/// log. None if no member of this cluster answers.
pub fn choose(statuses: &[Look<Status>], cluster: EtcdId) -> Option<usize> {
    let ours = ours(statuses, cluster);
    let led = ours.iter().filter(|(_, status)| status.leader.is_some());
    let last = led
        .clone()
        .filter_map(|(_, status)| status.raft_index)
        .max();
    let is_close = |status: &Status| {
        let distance = last
            .zip(applied(status))
            .map(|(last, own)| last.saturating_sub(own));
        distance.is_none_or(|distance| distance <= LAGS_BEYOND)
    };
    let followers = led
        .clone()
        .filter(|(_, status)| !status.leads() && is_close(status));
    let leader = || led.clone().find(|(_, status)| status.leads());
    let newest = || {
        ours.iter()
            .max_by_key(|(_, status)| (status.raft_term, status.raft_index))
    };
    // Of members that have applied the same, the first.
    let follower = followers.rev().max_by_key(|(_, status)| applied(status));
    follower
        .or_else(leader)
        .or_else(newest)
        .map(|(index, _)| *index)
}

/// Whether a majority of the members has a leader. A member that answers at several addresses counts once.
pub fn has_quorum(statuses: &[Look<Status>], cluster: EtcdId) -> bool {
    let able = ours(statuses, cluster).into_iter();
    let able = able.filter(|(_, status)| status.leader.is_some());
    let able: BTreeSet<EtcdId> = able.map(|(_, status)| status.member_id).collect();
    able.len() > statuses.len() / 2
}

/// The voting members of this cluster that answer, with their indices.
fn ours(statuses: &[Look<Status>], cluster: EtcdId) -> Vec<(usize, &Status)> {
    let all = statuses.iter().enumerate();
    let seen = all.filter_map(|(index, status)| Some((index, status.seen()?)));
    seen.filter(|(_, status)| status.cluster_id == cluster && !status.is_learner)
        .collect()
}

fn applied(status: &Status) -> Option<u64> {
    status.raft_applied_index.or(status.raft_index)
}
