use super::standing::ours;
use super::{Check, Finding, Judgement, Verdict, unseen::Unseen};
use crate::observation::{Observation, Status};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "lag",
    title: "no member lags behind",
    judge,
};

/// The distance in log entries from which a member lags. Members are asked within milliseconds of each
/// other, in which a busy cluster writes some hundred entries; at 5000 entries between the log and what is
/// applied, etcd itself refuses requests (`maxGapBetweenApplyAndCommitIndex`).
const TOO_FAR: u64 = 1000;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let unseen = Unseen::of_ours(plan, observation, "its position in the log", |member| {
        &member.status
    });
    let seen: Vec<_> = ours(plan, observation)
        .filter_map(|member| Some((&member.name, member.status.seen()?)))
        .collect();
    let indexes: Vec<u64> = seen.iter().filter_map(|(_, s)| s.raft_index).collect();
    let (Some(&first), Some(&last)) = (indexes.iter().min(), indexes.iter().max()) else {
        let mut judgement = unseen.settle(Verdict::Skipped, "", Vec::new());
        if judgement.evidence.is_empty() {
            judgement.evidence = "no member tells its position in the log".to_owned();
        }
        return judgement;
    };
    let mut findings = Vec::new();
    for (name, status) in &seen {
        if let Some(distance) = status.raft_index.map(|index| last - index)
            && distance > TOO_FAR
        {
            findings.push(Finding::new(
                Some(name),
                format!("is {distance} log entries behind the first"),
                "it is slow, or cut off and catching up: verify again, and look at its disk and network if the distance grows",
            ));
        }
        if let Some(distance) = unapplied(status)
            && distance > TOO_FAR
        {
            findings.push(Finding::new(
                Some(name),
                format!("has {distance} log entries that it has not applied"),
                "its disk is too slow for the writes it gets; at 5000 etcd refuses requests",
            ));
        }
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::NotYet
    };
    let unapplied = seen
        .iter()
        .filter_map(|(_, status)| unapplied(status))
        .max();
    let applied = match unapplied {
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
