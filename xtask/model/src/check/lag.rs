use super::quorum_state::ours;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, task};
use crate::observation::{Observation, Status};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "lag",
    title: "no member lags behind",
    about: About {
        looks_at: "How far the Raft log of each member reaches, compared with the member that is \
            ahead, and how much of its own log each member has applied to its database. More than \
            1,000 entries is too far: a busy cluster writes a few hundred in the milliseconds in \
            which all members are queried.",
        why: "A lagging member does not have a full copy of the data. A serializable read, which \
            asks that member alone, may return old data, and the member cannot lead until it has \
            caught up. A member refuses requests when 5,000 agreed entries wait to be applied. A \
            member that needs entries which the leader no longer has must be sent a snapshot of \
            everything.",
        what_to_do: "Check again: `cargo xtask verify --wait 60s`. A member that was away catches \
            up by itself. If the distance stays or grows, its disk or its network is too slow: \
            every write waits for the disk, and `cargo xtask logs core-01` shows what took too \
            long. Put its data on a disk that nothing else uses, or write less.",
        read: "https://etcd.io/docs/v3.6/tuning/#disk",
    },
    judge,
};

/// The distance in log entries beyond which a member lags. Members are queried within milliseconds of each
/// other, in which a busy cluster writes a few hundred entries; etcd itself refuses requests when 5,000
/// entries are not applied (`maxGapBetweenApplyAndCommitIndex`).
pub const LAGS_BEYOND: u64 = 1000;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut unseen = Coverage::of_ours(plan, observation, "its log position", |member| {
        &member.status
    });
    let seen: Vec<_> = ours(plan, observation)
        .filter_map(|member| Some((&member.name, member.status.seen()?)))
        .collect();
    for (name, _) in seen.iter().filter(|(_, s)| s.raft_index.is_none()) {
        unseen.add(name, "reported no log position");
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
                format!("is {distance} log entries behind the member that is ahead"),
                Hint::informs(
                    "it is slow, or was cut off and is catching up; check again, and check its disk and network if the distance grows",
                    [task(plan, "verify --wait 60s")],
                ),
            ));
        }
        if let Some(distance) = unapplied(status)
            && distance > LAGS_BEYOND
        {
            findings.push(Finding::new(
                Some(name),
                format!("has {distance} unapplied log entries"),
                Hint::says(
                    "its disk is too slow for the writes it gets; at 5,000 unapplied entries etcd refuses requests",
                ),
            ));
        }
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::NotYet
    };
    // The maximum is known only if every member reports it.
    let unapplied: Option<Vec<u64>> = seen.iter().map(|(_, status)| unapplied(status)).collect();
    let applied = match unapplied.into_iter().flatten().max() {
        Some(0) => ", all applied".to_owned(),
        Some(most) => format!(", at most {most} not applied"),
        None => String::new(),
    };
    let span = match last - first {
        0 => format!("at log entry {last}"),
        1 => format!("within 1 log entry, the last is {last}"),
        span => format!("within {span} log entries, the last is {last}"),
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
