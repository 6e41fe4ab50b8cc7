use std::collections::BTreeSet;

use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, etcdctl};
use super::{database, quorum_state};
use crate::observation::{AlarmKind, Observation};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;

pub(super) static CHECK: Check = Check {
    name: "alarms",
    title: "no alarm is raised",
    about: About {
        looks_at: "The alarms of the cluster, by `etcdctl alarm list`; every member knows all of \
            them. There are two: NOSPACE is raised by a member whose database reached its quota, \
            CORRUPT against a member whose data was found to differ from the others'. etcd has \
            alarms from 3.0.",
        why: "One member's alarm stops the whole cluster. Under NOSPACE it takes reads and \
            deletions alone, under CORRUPT nothing but reads. An alarm outlives restarts and its \
            own cause: it stays until somebody disarms it.",
        what_to_do: "NOSPACE: delete what is not needed, `cargo xtask etcdctl -- compact \
            REVISION`, then `cargo xtask etcdctl -- defrag`, and only then `cargo xtask etcdctl \
            -- alarm disarm`. Deletion alone makes no room, since it adds to the history. \
            CORRUPT: the check `hash` tells whose data differs; no task replaces a \
            member yet, so leave the alarm raised, and keep all data.",
        read: "https://etcd.io/docs/v3.6/op-guide/maintenance/#space-quota",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement::not_applicable("etcd has alarms from 3.0");
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
    unseen.settle(Verdict::Fail, kinds.join(", "), findings.collect())
}

const fn meaning(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::NoSpace => {
            "its database reached the quota, and the whole cluster refuses writes"
        }
        AlarmKind::Corrupt => {
            "its data differs from the other members', and the whole cluster takes nothing but reads"
        }
        AlarmKind::Other(_) => "this program does not know what it means",
    }
}

fn hint(plan: &Plan, observation: &Observation, kind: AlarmKind) -> Hint {
    let etcdctl = |arguments: &str| etcdctl(plan, arguments);
    match kind {
        AlarmKind::NoSpace if database::all_have_room(plan, observation) => {
            Hint::heals("there is room in every database", [etcdctl("alarm disarm")])
        }
        AlarmKind::NoSpace => Hint::makes_safer(
            "delete what is not needed, then drop the history",
            database::making_room(plan, observation).chain([etcdctl("alarm disarm")]),
        ),
        AlarmKind::Corrupt => Hint::says(
            "no task mends this yet, and the alarm keeps more from being damaged: leave it raised, and keep the data of every member; the check `hash` tells whose differs",
        ),
        AlarmKind::Other(_) => Hint::informs("see all alarms", [etcdctl("alarm list")]),
    }
}
