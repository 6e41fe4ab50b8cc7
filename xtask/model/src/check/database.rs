use super::quorum_state::QuorumState;
use super::{About, Check, Hint, Judgement, Verdict, coverage::Coverage, grouped, task};
use crate::observation::{AlarmKind, Look, Observation, StartedWith, Status};
use crate::plan::Plan;
use crate::values::quantity;

pub(super) static CHECK: Check = Check {
    name: "database",
    title: "every database is well below its quota",
    about: About {
        looks_at: "The size of each member's database file, compared with its quota: the one that \
            the member reports (since 3.6), else the one that its process was started with, else \
            etcd's own 2 GiB; where the process was not seen, `etcd.quota` of the definition. From \
            80 % it is a warning, from 100 % a failure. etcd has a quota since 3.0.",
        why: "The first member to reach its quota stops all writes to the cluster, through the \
            alarm NOSPACE. etcd keeps every version of every key until it is compacted, so a few \
            keys that are written often are enough. The file itself never shrinks: compaction \
            frees space inside it, and only defragmentation returns that space.",
        what_to_do: "`cargo xtask defrag --compact` drops the history and rewrites the files, one \
            after another; each member does not answer meanwhile. To keep the database from filling up again, let \
            `etcd.auto_compaction` keep less history. If that much is really needed, raise \
            `etcd.quota`; etcd suggests at most 8 GiB.",
        read: "https://etcd.io/docs/v3.6/op-guide/maintenance/#history-compaction-v3-api-key-value-database",
    },
    judge,
};

/// etcd's default quota (`DefaultQuotaBytes`) in bytes: 2 GiB.
const ETCD_DEFAULT_QUOTA: u64 = 2 << 30;

/// The percentage of the quota from which to warn.
const MUCH: u128 = 80;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement::not_applicable("etcd has a database and a quota since 3.0");
    }
    let unseen = Coverage::of(observation, "its database's size", |member| &member.status);
    let mut verdict = Verdict::Pass;
    let mut findings = Vec::new();
    let mut fullest: Option<(u64, u64)> = None;
    let mut silent = false;
    let seen = observation
        .members
        .iter()
        .enumerate()
        .filter_map(|(index, member)| Some((index, &member.name, member.status.seen()?)));
    for (index, name, status) in seen {
        let quota = quota_of(plan, status, observation.started.get(index));
        let Some(size) = status.db_size else {
            silent = true;
            continue;
        };
        let times = |size: u64, quota: u64| u128::from(size) * u128::from(quota);
        if fullest.is_none_or(|(most, of)| times(size, of) > times(most, quota)) {
            fullest = Some((size, quota));
        }
        let percent = percent(size, quota);
        if percent < MUCH {
            continue;
        }
        verdict = verdict.max(if percent >= 100 {
            Verdict::Fail
        } else {
            Verdict::Warn
        });
        findings.push((
            name,
            format!(
                "uses {percent} % of the quota: {} of {}",
                quantity::size(size),
                quantity::size(quota)
            ),
            hint(plan, observation),
        ));
    }
    let findings = grouped(findings);
    match fullest {
        Some((size, quota)) => {
            let mut evidence = format!(
                "at most {} of {}",
                quantity::size(size),
                quantity::size(quota)
            );
            if silent {
                verdict = verdict.max(Verdict::Skipped);
                evidence.push_str(", but not every member reported its size");
            }
            unseen.settle(verdict, evidence, findings)
        }
        None if silent => unseen.nothing(Verdict::Skipped, "no member reported its size", findings),
        None => unseen.settle(Verdict::Skipped, "", findings),
    }
}

/// What to do about a database that is nearly full. None if `alarms` or `quorum` says what to do first.
fn hint(plan: &Plan, observation: &Observation) -> Option<Hint> {
    let mut alarms = observation
        .members
        .iter()
        .filter_map(|m| m.alarms.seen())
        .flatten();
    if alarms.any(|alarm| alarm.kind == AlarmKind::NoSpace)
        || !QuorumState::of(plan, observation).has_quorum()
    {
        return None;
    }
    let text = format!(
        "etcd refuses writes once it is full; delete what is not needed or raise `quota` in {}, then drop the history",
        plan.source
    );
    Some(Hint::makes_safer(text, [task(plan, "defrag --compact")]))
}

/// Whether every member reported the size of its database, and all are well below their quotas.
pub(super) fn all_have_room(plan: &Plan, observation: &Observation) -> bool {
    let mut members = observation.members.iter().enumerate();
    members.all(|(index, member)| {
        member.status.seen().is_some_and(|status| {
            let quota = quota_of(plan, status, observation.started.get(index));
            status
                .db_size
                .is_some_and(|size| percent(size, quota) < MUCH)
        })
    })
}

fn percent(size: u64, quota: u64) -> u128 {
    u128::from(size) * 100 / u128::from(quota)
}

/// The quota in bytes that a member runs with: the one that it reports, else the one in its flags, else, if
/// those were not seen, the defined one. A negative quota means no limit to etcd.
pub fn quota_of(plan: &Plan, status: &Status, started: Option<&Look<StartedWith>>) -> u64 {
    let flag = match started.and_then(Look::seen) {
        Some(started) => {
            let flag = started.flag("quota-backend-bytes");
            flag.and_then(|bytes| bytes.parse::<i64>().ok())
                .map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX))
        }
        None => plan.etcd.quota,
    };
    let quota = status.db_size_quota.or(flag);
    quota
        .filter(|&quota| quota > 0)
        .unwrap_or(ETCD_DEFAULT_QUOTA)
}
