use std::collections::BTreeMap;

use super::standing::{Standing, name_of, ours};
use super::{About, Check, Finding, Judgement, Verdict, list, logs, task, unseen::Unseen};
use crate::observation::{MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;

pub(super) static CHECK: Check = Check {
    name: "leader",
    title: "all members follow one leader in one term",
    about: About {
        looks_at: "Whom each member takes for the leader, and in which Raft term, a number that \
            grows with every election. All should name the same. They are asked within \
            milliseconds of each other and not at the same instant, so within one cluster a \
            difference counts as not yet: an election settles it.",
        why: "Every write and every linearizable read goes through the one leader. Without it \
            they wait, and fail after some seconds. An election takes about the election timeout, \
            1 s by default; one that comes again and again has a cause, and a member without a \
            leader is cut off from the others.",
        what_to_do: "Give an election its time: `cargo xtask verify --wait 60s`. If no leader \
            comes, members do not reach each other's peer port, 2380, and their logs say whom \
            they miss: `cargo xtask logs core-01`. If the term keeps growing, heartbeats come too \
            late: look for a slow disk or a busy processor before you raise \
            `etcd.election_timeout`.",
        read: "https://etcd.io/docs/v3.6/tuning/#time-parameters",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let unseen = Unseen::of_ours(plan, observation, "its leader", |member| &member.status);
    let seen: Vec<(&MemberObservation, &Status)> = ours(plan, observation)
        .filter_map(|member| Some((member, member.status.seen()?)))
        .collect();
    if seen.is_empty() {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    }
    let mut followers: BTreeMap<Option<EtcdId>, Vec<&MemberObservation>> = BTreeMap::new();
    for (member, status) in &seen {
        followers.entry(status.leader).or_default().push(member);
    }
    let leaders: Vec<EtcdId> = followers.keys().copied().flatten().collect();
    let mut terms: Vec<u64> = seen
        .iter()
        .filter_map(|(_, status)| status.raft_term)
        .collect();
    terms.sort_unstable();
    terms.dedup();
    let name = |id| name_of(plan, observation, id);
    let names = |members: &[&MemberObservation]| list(members.iter().map(|member| &member.name));

    if leaders.is_empty() {
        return unseen.settle(no_leader(plan, observation), "no member has a leader", {
            // With too few members there is nothing to add to what `reachable` and `quorum` say.
            let enough = seen.len() >= plan.quorum();
            let finding = Finding::new(
                None,
                "no leader has been elected, though enough members answer",
                format!(
                    "an election takes a few seconds: {} looks again until then; if none comes, the members do not reach each other's peer port",
                    task(plan, "verify --wait 60s")
                ),
            );
            enough.then_some(finding).into_iter().collect()
        });
    }

    let mut findings = Vec::new();
    let mut verdict = Verdict::Pass;
    if let Some(lost) = followers.get(&None) {
        verdict = Verdict::NotYet;
        for member in lost {
            findings.push(Finding::new(
                Some(&member.name),
                "has no leader, while others have one",
                format!(
                    "it may have just started; if it stays so, it does not reach the others' peer port: {}",
                    logs(plan, &member.name)
                ),
            ));
        }
    }
    if leaders.len() > 1 {
        // Members of one cluster will agree. That they name different leaders within one term says
        // nothing: they are asked one after the other, and etcd shows a new leader before its term
        // (the term follows with the first entry that is applied in it).
        verdict = verdict.max(if of_one_cluster(&seen) {
            Verdict::NotYet
        } else {
            Verdict::Fail
        });
        let who = leaders.iter().map(|&leader| {
            let followers = followers.get(&Some(leader)).map(Vec::as_slice);
            format!(
                "{} by {}",
                name(leader),
                names(followers.unwrap_or_default())
            )
        });
        findings.push(Finding::new(
            None,
            format!(
                "different leaders are followed: {}",
                who.collect::<Vec<_>>().join("; ")
            ),
            if of_one_cluster(&seen) {
                "an election is under way, or a member is cut off: verify again"
            } else {
                "they belong to different clusters: see `identity`"
            },
        ));
    } else if terms.len() > 1 {
        verdict = verdict.max(Verdict::NotYet);
        findings.push(Finding::new(
            None,
            format!("the members are in different terms: {}", list(&terms)),
            "an election is under way, or a member is cut off: verify again",
        ));
    }
    for &leader in &leaders {
        let absent = observation.members.iter().find(|member| {
            let planned = plan.members.iter().find(|m| m.name == member.name);
            member.status.seen().is_none() && planned.is_some_and(|m| m.id == leader)
        });
        if let Some(absent) = absent {
            verdict = verdict.max(Verdict::NotYet);
            findings.push(Finding::new(
                None,
                format!("the leader is still {}, which does not answer", absent.name),
                "the others elect another leader if they are enough: verify again",
            ));
        }
    }
    let evidence = match (leaders.as_slice(), terms.as_slice()) {
        ([leader], [term]) => format!("{} leads in term {term}", name(*leader)),
        ([leader], []) => format!("{} leads", name(*leader)),
        ([leader], _) => format!("{} leads", name(*leader)),
        _ => format!("{} leaders", leaders.len()),
    };
    unseen.settle(verdict, evidence, findings)
}

fn of_one_cluster(seen: &[(&MemberObservation, &Status)]) -> bool {
    let mut clusters = seen.iter().map(|(_, status)| status.cluster_id);
    let first = clusters.next();
    clusters.all(|cluster| Some(cluster) == first)
}

fn no_leader(plan: &Plan, observation: &Observation) -> Verdict {
    let standing = Standing::of(plan, observation);
    if standing.answering >= plan.quorum() {
        Verdict::NotYet
    } else {
        Verdict::Fail
    }
}
