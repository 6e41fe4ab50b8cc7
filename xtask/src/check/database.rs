use super::{Check, Judgement, Verdict, etcdctl, grouped, unseen::Unseen};
use crate::observation::{Observation, Status};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "database",
    title: "every database is well below its quota",
    judge,
};

/// etcd's quota where none is set (`DefaultQuotaBytes`), in bytes: 2 GiB.
const ETCD_DEFAULT_QUOTA: u64 = 2 << 30;

/// The part of the quota from which to warn, in percent.
const MUCH: u64 = 80;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement {
            verdict: Verdict::NotApplicable,
            evidence: "etcd has a database and a quota from 3.0".to_owned(),
            findings: Vec::new(),
        };
    }
    let unseen = Unseen::of(observation, "its database's size", |member| &member.status);
    let mut verdict = Verdict::Pass;
    let mut findings = Vec::new();
    let mut largest: Option<(u64, u64)> = None;
    let mut silent = false;
    let seen = observation
        .members
        .iter()
        .filter_map(|member| Some((&member.name, member.status.seen()?)));
    for (name, status) in seen {
        let quota = quota(plan, status);
        let Some(size) = status.db_size else {
            silent = true;
            continue;
        };
        if largest.is_none_or(|(most, _)| size > most) {
            largest = Some((size, quota));
        }
        let percent = u128::from(size) * 100 / u128::from(quota);
        if percent < u128::from(MUCH) {
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
                bytes(size),
                bytes(quota)
            ),
            format!(
                "when it is full, etcd refuses writes: {} to a revision you can do without, then {} one member after the other; or raise `quota` in {}",
                etcdctl(plan, "compact REVISION"),
                etcdctl(plan, "defrag"),
                plan.source
            ),
        ));
    }
    let findings = grouped(findings);
    match largest {
        Some((size, quota)) => {
            let mut evidence = format!("at most {} of {}", bytes(size), bytes(quota));
            if silent {
                verdict = verdict.max(Verdict::Skipped);
                evidence.push_str(", and not every member told its size");
            }
            unseen.settle(verdict, evidence, findings)
        }
        None if silent => unseen.settle(Verdict::Skipped, "no size was told", findings),
        None => unseen.settle(Verdict::Skipped, "", findings),
    }
}

/// The quota in bytes: what the member says, or else what it was started with.
fn quota(plan: &Plan, status: &Status) -> u64 {
    let quota = status.db_size_quota.or(plan.etcd.quota);
    quota
        .filter(|&quota| quota > 0)
        .unwrap_or(ETCD_DEFAULT_QUOTA)
}

/// A size as people read it: `20.0 KiB`.
pub(crate) fn bytes(size: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in units {
        if size >= unit {
            let tenths = u128::from(size) * 10 / u128::from(unit);
            return match (tenths / 10, tenths % 10) {
                (whole, 0) => format!("{whole} {name}"),
                (whole, tenth) => format!("{whole}.{tenth} {name}"),
            };
        }
    }
    format!("{size} B")
}
