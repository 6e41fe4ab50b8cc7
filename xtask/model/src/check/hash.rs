use std::collections::BTreeMap;

use super::quorum_state::ours;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, task};
use crate::observation::{Hash, MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "hash",
    title: "all members hold the same data at one revision",
    about: About {
        looks_at: "The hash that each member computes of its keys and values, by HashKV (`etcdctl \
            endpoint hashkv`, from 3.3), at a revision that every member has just read. It covers \
            the history back to the last compaction, so members that are not compacted alike \
            count as not yet. Different versions of etcd hash differently: such a mixture is not \
            comparable. Members that have applied the same log must also be at one revision.",
        why: "Raft has members agree on a log, not on what each makes of it. A defect, a disk or \
            a kill at the wrong moment can leave one with other data, which it goes on serving. \
            Where it is new enough, etcd compares too: a member as it starts, and ends if it \
            differs; the leader after compactions, and raises the alarm CORRUPT.",
        what_to_do: "If a majority agrees, the odd one is damaged. No task replaces a member or \
            restores a snapshot yet, so a member that is removed cannot be started again: stop \
            writing, save a snapshot of each member with an etcdctl of your own, and keep all \
            data folders. Then look for the cause: a disk, a crash, etcd 3.5.0 to 3.5.2.",
        read: "https://etcd.io/docs/v3.6/op-guide/data_corruption/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().minor_release() < (3, 3) {
        return Judgement::not_applicable("etcd hashes its keys from 3.3");
    }
    if let Some(apart) = at_one_entry(plan, observation).or_else(|| behind(plan, observation)) {
        // One that lacks a revision has no hash at it to tell.
        let unseen = Coverage::of_ours(plan, observation, "its revision", |member| &member.later);
        return unseen.settle(Verdict::Fail, apart.evidence(), apart.findings());
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
                Hint::informs(
                    "compaction takes a moment to reach every member",
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
        // Releases differ in which tombstones they hash (etcd pull request 18274), so this proves nothing.
        return unseen.settle(
            Verdict::Skipped,
            format!("{evidence}; not comparable between different versions of etcd"),
            Vec::new(),
        );
    }
    let groups = groups.into_iter().map(|(_, names)| names).collect();
    unseen.settle(Verdict::Fail, evidence, odd_ones(groups))
}

/// Who of members that hold different data is the odd one: these groups hold the same.
fn odd_ones(mut groups: Vec<Vec<&HostName>>) -> Vec<Finding> {
    groups.sort_by_key(|names| std::cmp::Reverse(names.len()));
    let all: usize = groups.iter().map(Vec::len).sum();
    let hint = Hint::says(
        "no task mends this yet: have nothing more written, and keep the data of every member",
    );
    match groups.split_first() {
        Some((most, odd)) if most.len() * 2 > all => odd
            .iter()
            .flatten()
            .map(|odd| {
                let text = format!("holds other data than {}", list(most));
                Finding::new(Some(odd), text, hint.clone())
            })
            .collect(),
        _ => vec![Finding::new(
            None,
            "the members hold different data, and no majority agrees",
            hint,
        )],
    }
}

/// Members whose revisions prove that they hold different data.
struct Apart<'a> {
    /// What is known of the revision of each of these.
    groups: Vec<(String, Vec<&'a HostName>)>,
    /// Why it should be the same.
    although: String,
}

impl Apart<'_> {
    fn evidence(&self) -> String {
        let groups = self.groups.iter();
        let groups = groups.map(|(revision, names)| format!("{revision} on {}", list(names)));
        format!("{}, {}", list(groups), self.although)
    }

    fn findings(&self) -> Vec<Finding> {
        let groups = self.groups.iter().map(|(_, names)| names.clone());
        odd_ones(groups.collect())
    }
}

/// Members that have applied the same log, and are at different revisions.
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
        although: format!("all with log entry {entry} as the last applied"),
    })
}

/// The last entry that a member has applied, and its revision at that. A member tells its revision first
/// and the entry a little later, so under load the two need not belong together. Where it has told the same
/// of both twice, nothing was applied between: the second revision is that of the first entry.
fn settled(member: &MemberObservation) -> Option<(EtcdId, u64, u64)> {
    let [first, second] = member.later.seen()?;
    let position = |status: &Status| {
        let applied = status.raft_applied_index?;
        let is_all = status.raft_index? == applied;
        is_all.then_some((status.cluster_id, applied, status.revision?))
    };
    position(first).filter(|known| position(second).as_ref() == Some(known))
}

/// Members that have made a linearizable read after a write, and are not at its revision yet.
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
            ("an earlier one".to_owned(), behind),
        ],
        although: "after all have read what was written last".to_owned(),
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
