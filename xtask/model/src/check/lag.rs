use super::quorum_state::ours;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, task};
use crate::observation::{Observation, Status};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "lag",
    title: "no member lags behind",
    about: About {
        looks_at: "How far the Raft log of each member reaches, compared with the member that is \
            ahead, and how much of its own log each has applied to its database. More than 1000 \
            entries are too far: a busy cluster writes some hundred in the milliseconds in which \
            all are asked.",
        why: "A member that lags is no full copy of the data. A read that asks it alone \
            (serializable) may be old, and it cannot lead before it has caught up. When 5000 \
            agreed entries wait to be applied, a member refuses requests. One that needs entries \
            which the leader no longer has must be sent a snapshot of everything.",
        what_to_do: "Look again: `cargo xtask verify --wait 60s`. A member that was away catches \
            up by itself. If the distance stays or grows, its disk or its network is too slow: \
            every write waits for the disk, and `cargo xtask logs core-01` tells what took too \
            long. Give its data a disk that nothing else uses, or write less.",
        read: "https://etcd.io/docs/v3.6/tuning/#disk",
    },
    judge,
};

/// The distance in log entries beyond which a member lags. Members are asked within milliseconds of each
/// other, in which a busy cluster writes some hundred entries; at 5000 entries between the log and what is
/// applied, etcd itself refuses requests (`maxGapBetweenApplyAndCommitIndex`).
pub const LAGS_BEYOND: u64 = 1000;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut unseen = Coverage::of_ours(plan, observation, "its position in the log", |member| {
        &member.status
    });
    let seen: Vec<_> = ours(plan, observation)
        .filter_map(|member| Some((&member.name, member.status.seen()?)))
        .collect();
    for (name, _) in seen.iter().filter(|(_, s)| s.raft_index.is_none()) {
        unseen.add(name, "told no position in the log");
    }
    let indexes: Vec<u64> = seen.iter().filter_map(|(_, s)| s.raft_index).collect();
    let (Some(&first), Some(&last)) = (indexes.iter().min(), indexes.iter().max()) else {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    };
    let mut findings = Vec::new();
    for (name, status) in &seen {
        if let Some(distance) = status.raft_index.map(|index| last - index)
            && distance > LAGS_BEYOND
        {
            findings.push(Finding::new(
                Some(name),
                format!("is {distance} log entries behind the first"),
                Hint::informs(
                    "it is slow, or cut off and catching up; look again, and at its disk and network if the distance grows",
                    [task(plan, "verify --wait 60s")],
                ),
            ));
        }
        if let Some(distance) = unapplied(status)
            && distance > LAGS_BEYOND
        {
            findings.push(Finding::new(
                Some(name),
                format!("has {distance} log entries that it has not applied"),
                Hint::says(
                    "its disk is too slow for the writes it gets; at 5000 etcd refuses requests",
                ),
            ));
        }
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::NotYet
    };
    // Only where each tells can anything be said of all.
    let unapplied: Option<Vec<u64>> = seen.iter().map(|(_, status)| unapplied(status)).collect();
    let applied = match unapplied.into_iter().flatten().max() {
        Some(0) => ", all applied".to_owned(),
        Some(most) => format!(", at most {most} not applied"),
        None => String::new(),
    };
    let span = match last - first {
        0 => format!("at log entry {last}"),
        span => format!("within {span} log entries, the last {last}"),
    };
    unseen.settle(verdict, format!("{span}{applied}"), findings)
}

fn unapplied(status: &Status) -> Option<u64> {
    Some(
        status
            .raft_index?
            .saturating_sub(status.raft_applied_index?),
    )
}
