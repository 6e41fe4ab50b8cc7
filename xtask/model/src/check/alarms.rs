use std::collections::BTreeSet;

use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, etcdctl, task};
use super::{database, quorum_state};
use crate::observation::{AlarmKind, Observation};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::wording::list;

pub(super) static CHECK: Check = Check {
    name: "alarms",
    title: "no alarm is raised",
    about: About {
        looks_at: "The cluster's alarms, as `etcdctl alarm list` shows them; every member knows \
            all of them. There are two: a member raises NOSPACE when its database reaches its \
            quota, and CORRUPT is raised against a member whose data differs from the others'. \
            etcd has alarms since 3.0.",
        why: "One member's alarm stops the whole cluster. Under NOSPACE it accepts only reads and \
            deletions, under CORRUPT only reads. An alarm outlives restarts and its own cause: it \
            stays until somebody disarms it.",
        what_to_do: "NOSPACE: delete what is not needed, then run `cargo xtask defrag --compact`: \
            deletion alone frees no space, because it adds to the history. It disarms the alarm \
            once there is room. CORRUPT: the check `hash` shows whose data differs. Leave the alarm \
            raised until that member is replaced.",
        read: "https://etcd.io/docs/v3.6/op-guide/maintenance/#space-quota",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement::not_applicable("etcd has alarms since 3.0");
    }
    let unseen = Coverage::of(observation, "its alarms", |member| &member.alarms);
    let seen = || observation.members.iter().filter_map(|m| m.alarms.seen());
    if seen().next().is_none() {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    }
    // All members know all alarms.
    let raised: BTreeSet<(EtcdId, AlarmKind)> = seen()
        .flatten()
        .map(|alarm| (alarm.member, alarm.kind))
        .collect();
    if raised.is_empty() {
        return unseen.settle(Verdict::Pass, "none", Vec::new());
    }
    let mut kinds: Vec<AlarmKind> = raised.iter().map(|(_, kind)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let findings = raised.iter().map(|&(id, kind)| {
        let raised = format!("raised the alarm {kind}: {}", meaning(kind));
        match quorum_state::planned(plan, observation, id) {
            Some(member) => Finding::new(Some(member), raised, hint(plan, observation, kind)),
            None => {
                let who = quorum_state::name_of(plan, observation, id);
                Finding::new(
                    None,
                    format!("{who} {raised}"),
                    hint(plan, observation, kind),
                )
            }
        }
    });
    unseen.settle(Verdict::Fail, list(kinds), findings.collect())
}

const fn meaning(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::NoSpace => {
            "its database reached the quota, and the whole cluster refuses writes"
        }
        AlarmKind::Corrupt => {
            "its data differs from the other members', and the whole cluster accepts only reads"
        }
        AlarmKind::Other(_) => "this program does not know what it means",
    }
}

fn hint(plan: &Plan, observation: &Observation, kind: AlarmKind) -> Hint {
    let etcdctl = |arguments: &str| etcdctl(plan, arguments);
    match kind {
        AlarmKind::NoSpace if database::all_have_room(plan, observation) => Hint::heals(
            "every database has room; disarm the alarm",
            [etcdctl("alarm disarm")],
        ),
        AlarmKind::NoSpace => Hint::makes_safer(
            "delete what is not needed, then drop the history and disarm the alarm",
            [task(plan, "defrag --compact")],
        ),
        AlarmKind::Corrupt => Hint::says(
            "the alarm prevents further damage: leave it raised until the member whose data differs is replaced; the check `hash` names it",
        ),
        AlarmKind::Other(_) => Hint::informs("list all alarms", [etcdctl("alarm list")]),
    }
}
