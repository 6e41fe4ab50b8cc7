use super::standing::ours;
use super::{About, Check, Finding, Judgement, Verdict, list, unseen::Unseen};
use crate::observation::{Hash, Observation};
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "hash",
    title: "all members hold the same data at one revision",
    about: About {
        looks_at: "The hash that each member computes of its keys and values, by HashKV (`etcdctl \
            endpoint hashkv`, from 3.3), at the highest revision that all have reached. It covers \
            the history back to the last compaction, so members that are not compacted alike \
            count as not yet. Different versions of etcd hash differently: such a mixture is not \
            comparable.",
        why: "Raft has members agree on a log, not on what each makes of it. A defect, a disk or \
            a kill at the wrong moment can leave one with other data, which it goes on serving. \
            Where it is new enough, etcd compares too: a member as it starts, and ends if it \
            differs; the leader after compactions, and raises the alarm CORRUPT.",
        what_to_do: "If a majority agrees, the odd one is damaged: save a snapshot of a good \
            member, remove the odd one from the cluster, delete its data and add it again. If no \
            majority does, stop writing, save a snapshot of each, find the right one and restore \
            all from it. Then look for the cause: a disk, a crash, etcd 3.5.0 to 3.5.2.",
        read: "https://etcd.io/docs/v3.6/op-guide/data_corruption/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().minor_release() < (3, 3) {
        return Judgement {
            verdict: Verdict::NotApplicable,
            evidence: "etcd hashes its keys from 3.3".to_owned(),
            findings: Vec::new(),
        };
    }
    let unseen = Unseen::of_ours(plan, observation, "the hash of its keys", |member| {
        &member.hash
    });
    let seen: Vec<(&HostName, &Hash)> = ours(plan, observation)
        .filter_map(|member| Some((&member.name, member.hash.seen()?)))
        .collect();
    let Some((_, first)) = seen.first() else {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    };
    if seen.len() == 1 && plan.members.len() > 1 {
        return unseen.settle(
            Verdict::Skipped,
            "one hash, and none to compare it with",
            Vec::new(),
        );
    }
    if seen.iter().any(|(_, hash)| hash.revision != first.revision) {
        // Members of different clusters are asked at different revisions.
        let evidence = "the members have no revision in common";
        return unseen.settle(Verdict::Skipped, evidence, Vec::new());
    }
    if seen
        .iter()
        .any(|(_, hash)| hash.compact_revision != first.compact_revision)
    {
        return unseen.settle(
            Verdict::NotYet,
            "compaction is under way",
            vec![Finding::new(
                None,
                "the members have compacted up to different revisions, so their hashes cannot be compared",
                "compaction takes a moment to reach every member: verify again",
            )],
        );
    }
    let at = format!("at revision {}", first.revision);
    let mut groups: Vec<(u64, Vec<&HostName>)> = Vec::new();
    for (name, hash) in &seen {
        match groups.iter_mut().find(|(value, _)| *value == hash.hash) {
            Some((_, names)) => names.push(name),
            None => groups.push((hash.hash, vec![name])),
        }
    }
    if let [(hash, _)] = groups.as_slice() {
        return unseen.settle(Verdict::Pass, format!("{hash:08x} {at}"), Vec::new());
    }
    groups.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    let each = groups
        .iter()
        .map(|(hash, names)| format!("{hash:08x} on {}", list(names)));
    let evidence = format!("{} {at}", list(each));
    if versions_are_mixed(observation) {
        // Releases differ in which tombstones they hash (etcd pull request 18274), so this proves nothing.
        return unseen.settle(
            Verdict::Skipped,
            format!("{evidence}; not comparable between different versions of etcd"),
            Vec::new(),
        );
    }
    let majority = groups
        .first()
        .filter(|(_, names)| names.len() * 2 > seen.len());
    let findings = match majority {
        Some((_, most)) => groups
            .iter()
            .skip(1)
            .flat_map(|(_, odd)| odd)
            .map(|odd| {
                Finding::new(
                    Some(odd),
                    format!("holds other data than {}", list(most)),
                    "its data is damaged: take a snapshot of one of the others, then remove it from the cluster, delete its data and add it again",
                )
            })
            .collect(),
        None => vec![Finding::new(
            None,
            "the members hold different data, and no majority agrees",
            "stop writing; take a snapshot of each member, and restore all from the right one",
        )],
    };
    unseen.settle(Verdict::Fail, evidence, findings)
}

fn versions_are_mixed(observation: &Observation) -> bool {
    let mut versions = observation
        .members
        .iter()
        .filter_map(|member| Some(&member.status.seen()?.version));
    let first = versions.next();
    versions.any(|version| Some(version) != first)
}
