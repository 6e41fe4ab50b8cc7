use std::collections::BTreeMap;

use super::quorum_state::ours;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, task};
use crate::advice::can_be_replaced;
use crate::command_line::replace;
use crate::observation::{Hash, MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "hash",
    title: "all members hold the same data at the same revision",
    about: About {
        looks_at: "The hash that each member computes over its keys and values with HashKV \
            (`etcdctl endpoint hashkv`, since 3.3), at a revision that every member has just read. \
            The hash covers the history back to the last compaction, so members that are compacted \
            at different revisions count as not yet. Different versions of etcd hash differently, \
            so mixed versions cannot be compared. Members that have applied the same log must also \
            be at the same revision.",
        why: "Raft makes members agree on a log, not on the data that each derives from it. A \
            defect, a disk or a kill at the wrong moment can leave one member with different data, \
            which it keeps serving. Recent versions of etcd compare too: a member when it starts, \
            which then exits if it differs, and the leader after compactions, which then raises \
            the alarm CORRUPT.",
        what_to_do: "If a majority agrees, the odd member is damaged. Stop writing, then give it the \
            data of the others: `cargo xtask replace core-03`. On machines, give every member the \
            data of one that is right: `cargo xtask restore default --from-member core-01`. The \
            other data is kept aside. Then look for the cause: a disk, a crash, etcd \
            3.5.0 to 3.5.2.",
        read: "https://etcd.io/docs/v3.6/op-guide/data_corruption/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().minor_release() < (3, 3) {
        return Judgement::not_applicable("etcd hashes its keys since 3.3");
    }
    if let Some(apart) = at_one_entry(plan, observation).or_else(|| behind(plan, observation)) {
        // A member that lacks a revision has no hash of it either.
        let unseen = Coverage::of_ours(plan, observation, "its revision", |member| &member.later);
        return unseen.settle(Verdict::Fail, apart.evidence(), apart.findings(plan));
    }
    let unseen = Coverage::of_ours(plan, observation, "the hash of its keys", |member| {
        &member.hash
    });
    let seen: Vec<(&HostName, &Hash)> = ours(plan, observation)
        .filter_map(|member| Some((&member.name, member.hash.seen()?)))
        .collect();
    let Some((_, first)) = seen.first() else {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    };
    if seen.len() == 1 && plan.members.len() > 1 {
        return unseen.nothing(
            Verdict::Skipped,
            "only one hash, and none to compare it with",
            Vec::new(),
        );
    }
    if seen.iter().any(|(_, hash)| hash.revision != first.revision) {
        // Members of different clusters are queried at different revisions.
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
                "the members are compacted at different revisions, so their hashes cannot be compared",
                Hint::informs(
                    "compaction takes a moment to reach every member; check again",
                    [task(plan, "verify --wait 60s")],
                ),
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
        // Releases hash different tombstones (etcd pull request 18274), so a difference proves nothing.
        return unseen.settle(
            Verdict::Skipped,
            format!("{evidence}; not comparable between different versions of etcd"),
            Vec::new(),
        );
    }
    let groups = groups.into_iter().map(|(_, names)| names).collect();
    unseen.settle(Verdict::Fail, evidence, odd_ones(plan, groups))
}

/// Which of the members that hold different data are the odd ones. Each group holds the same data.
fn odd_ones(plan: &Plan, mut groups: Vec<Vec<&HostName>>) -> Vec<Finding> {
    groups.sort_by_key(|names| std::cmp::Reverse(names.len()));
    let all: usize = groups.iter().map(Vec::len).sum();
    let restore = |text: &str, from: &HostName| {
        let name = &plan.name;
        let restore = format!("cargo xtask restore {name} --from-member {from}");
        Hint::heals(format!("stop all writes, {text} {from}"), [restore])
    };
    let first = groups.first().and_then(|most| most.first()).copied();
    match groups.split_first() {
        Some((most, odd)) if most.len() * 2 > all => odd
            .iter()
            .flatten()
            .map(|odd| {
                let text = format!("holds different data from {}", list(most));
                let hint = if can_be_replaced(plan) {
                    let text = "stop all writes, then give it the data of the others";
                    Some(Hint::heals(text, [replace(&plan.name, odd)]))
                } else {
                    first.map(|first| restore("then give every member the data of", first))
                };
                Finding::new(Some(odd), text, hint)
            })
            .collect(),
        _ => vec![Finding::new(
            None,
            "the members hold different data, and no majority agrees",
            first.map(|first| {
                restore("and find out which data is right; then give it to every member, for example that of", first)
            }),
        )],
    }
}

/// Members whose revisions prove that they hold different data.
struct Apart<'a> {
    /// Each known revision and the members at it.
    groups: Vec<(String, Vec<&'a HostName>)>,
    /// Why the revisions should be the same.
    although: String,
}

impl Apart<'_> {
    fn evidence(&self) -> String {
        let groups = self.groups.iter();
        let groups = groups.map(|(revision, names)| format!("{revision} on {}", list(names)));
        format!("{}, {}", list(groups), self.although)
    }

    fn findings(&self, plan: &Plan) -> Vec<Finding> {
        let groups = self.groups.iter().map(|(_, names)| names.clone());
        odd_ones(plan, groups.collect())
    }
}

/// Members that have applied the same log but are at different revisions.
fn at_one_entry<'a>(plan: &'a Plan, observation: &'a Observation) -> Option<Apart<'a>> {
    let mut entries: BTreeMap<(EtcdId, u64), BTreeMap<u64, Vec<&HostName>>> = BTreeMap::new();
    for member in ours(plan, observation) {
        if let Some((cluster, entry, revision)) = settled(member) {
            let revisions = entries.entry((cluster, entry)).or_default();
            revisions.entry(revision).or_default().push(&member.name);
        }
    }
    let ((_, entry), revisions) = entries
        .into_iter()
        .find(|(_, revisions)| revisions.len() > 1)?;
    let groups = revisions.into_iter().rev();
    let groups = groups.map(|(revision, names)| (format!("revision {revision}"), names));
    Some(Apart {
        groups: groups.collect(),
        although: format!("although all have applied the log up to entry {entry}"),
    })
}

/// The last entry that a member has applied, and its revision at that entry. A member reads its revision
/// first and the entry a little later, so under load the two may not belong together. If it reports the same
/// pair twice, nothing was applied in between: the second revision is that of the first entry.
fn settled(member: &MemberObservation) -> Option<(EtcdId, u64, u64)> {
    let [first, second] = member.later.seen()?;
    let position = |status: &Status| {
        let applied = status.raft_applied_index?;
        let is_all = status.raft_index? == applied;
        is_all.then_some((status.cluster_id, applied, status.revision?))
    };
    position(first).filter(|known| position(second).as_ref() == Some(known))
}

/// Members that have made a linearizable read after a write but are not at its revision yet.
fn behind<'a>(plan: &'a Plan, observation: &'a Observation) -> Option<Apart<'a>> {
    let written = ours(plan, observation).filter_map(|member| *member.write.seen()?);
    let written = written.max()?;
    let mut groups = [Vec::new(), Vec::new()];
    for member in ours(plan, observation) {
        if let (Some(_), Some([later, _])) = (member.reads.seen(), member.later.seen())
            && let Some(revision) = later.revision
        {
            groups[usize::from(revision < written)].push(&member.name);
        }
    }
    let [there, behind] = groups;
    (!there.is_empty() && !behind.is_empty()).then(|| Apart {
        groups: vec![
            (format!("revision {written}"), there),
            ("an earlier revision".to_owned(), behind),
        ],
        although: "although all have read the last write".to_owned(),
    })
}

fn versions_are_mixed(observation: &Observation) -> bool {
    let mut versions = observation
        .members
        .iter()
        .filter_map(|member| Some(&member.status.seen()?.version));
    let first = versions.next();
    versions.any(|version| Some(version) != first)
}
