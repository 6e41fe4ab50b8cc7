use std::collections::{BTreeMap, BTreeSet};

use super::quorum_state::{QuorumState, name_of, ours};
use super::{
    About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, logs, task,
};
use crate::observation::{MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;

pub(super) static CHECK: Check = Check {
    name: "leader",
    title: "all members follow one leader in one term",
    about: About {
        looks_at: "Which leader each member follows, and in which Raft term, a number that grows \
            with every election. All members should name the same. They are queried within \
            milliseconds of each other but not at the same instant, so within one cluster a \
            difference counts as not yet: an election settles it.",
        why: "Every write and every linearizable read goes through the one leader. Without a \
            leader they wait, and fail after some seconds. An election takes about the election \
            timeout, 1 s by default; elections that keep recurring have a cause, and a member \
            without a leader is cut off from the others.",
        what_to_do: "Give an election time to finish: `cargo xtask verify --wait 60s`. If no \
            leader is elected, members do not reach each other's peer port (`etcd.peer_port`), and their logs \
            name the peers that they miss: `cargo xtask logs core-01`. If the term keeps growing, \
            heartbeats arrive too late: look for a slow disk or a busy processor before you raise \
            `etcd.election_timeout`.",
        read: "https://etcd.io/docs/v3.6/tuning/#time-parameters",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut unseen = Coverage::of_ours(plan, observation, "its leader", |member| &member.status);
    let views = Views::of(plan, observation);
    for (member, status) in &views.seen {
        if status.leader.is_some() && status.raft_term.is_none() {
            unseen.add(&member.name, "reported no term");
        }
    }
    if views.seen.is_empty() {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    }
    if views.leaders().next().is_none() {
        let finding = views.nobody_is_elected();
        return unseen.settle(
            no_leader(plan, observation),
            "no member has a leader",
            finding.into_iter().collect(),
        );
    }
    let mut verdict = Verdict::Pass;
    let mut findings = Vec::new();
    let found = [
        views.without_leader(),
        views.disagreements(),
        views.absent_leaders(),
    ];
    for (how, finding) in found.into_iter().flatten() {
        verdict = verdict.max(how);
        findings.push(finding);
    }
    unseen.settle(verdict, views.evidence(), findings)
}

/// The leader that each member follows, and in which term.
struct Views<'a> {
    plan: &'a Plan,
    observation: &'a Observation,
    seen: Vec<(&'a MemberObservation, &'a Status)>,
    /// The followers of each leader; under `None`, the members without a leader.
    followers: BTreeMap<Option<EtcdId>, Vec<&'a MemberObservation>>,
    /// The terms of the members that have a leader. A member that is cut off stays in its term, or counts up
    /// alone.
    terms: BTreeSet<u64>,
}

impl<'a> Views<'a> {
    fn of(plan: &'a Plan, observation: &'a Observation) -> Self {
        let seen: Vec<(&MemberObservation, &Status)> = ours(plan, observation)
            .filter_map(|member| Some((member, member.status.seen()?)))
            .collect();
        let mut followers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (member, status) in &seen {
            followers.entry(status.leader).or_default().push(*member);
        }
        let led = seen.iter().filter(|(_, status)| status.leader.is_some());
        let terms = led.filter_map(|(_, status)| status.raft_term);
        Self {
            plan,
            observation,
            terms: terms.collect(),
            followers,
            seen,
        }
    }

    fn leaders(&self) -> impl Iterator<Item = EtcdId> {
        self.followers.keys().copied().flatten()
    }

    /// None if too few members answer: `reachable` and `quorum` report that.
    fn nobody_is_elected(&self) -> Option<Finding> {
        let finding = || {
            Finding::new(
                None,
                "no leader is elected, although enough members answer",
                // `quorum` says what to do.
                None,
            )
        };
        (self.seen.len() >= self.plan.quorum()).then(finding)
    }

    /// The members that have no leader while others have one.
    fn without_leader(&self) -> Vec<(Verdict, Finding)> {
        let lost = self.followers.get(&None).into_iter().flatten();
        let findings = lost.map(|member| {
            let finding = Finding::new(
                Some(&member.name),
                "has no leader, but others have one",
                Hint::informs(
                    "it may have just started; if this persists, it does not reach the others' peer port",
                    [logs(self.plan, &member.name)],
                ),
            );
            (Verdict::NotYet, finding)
        });
        findings.collect()
    }

    /// Reports that members follow different leaders, or one leader in different terms.
    fn disagreements(&self) -> Vec<(Verdict, Finding)> {
        let settles = || {
            Hint::informs(
                "an election is under way, or a member is cut off; check again",
                [task(self.plan, "verify --wait 60s")],
            )
        };
        if self.leaders().count() > 1 {
            // Members of one cluster will agree. Different leaders within one term prove nothing: members are
            // queried one after another, and etcd shows a new leader before its term, which follows with the
            // first entry applied in it.
            let (verdict, hint) = if self.are_of_one_cluster() {
                (Verdict::NotYet, Some(settles()))
            } else {
                // They belong to different clusters, and `identity` says what to do.
                (Verdict::Fail, None)
            };
            let text = format!(
                "the members follow different leaders: {}",
                self.who_follows_whom()
            );
            return vec![(verdict, Finding::new(None, text, hint))];
        }
        if self.terms.len() > 1 {
            let text = format!("the members are in different terms: {}", list(&self.terms));
            return vec![(Verdict::NotYet, Finding::new(None, text, settles()))];
        }
        Vec::new()
    }

    fn are_of_one_cluster(&self) -> bool {
        let mut clusters = self.seen.iter().map(|(_, status)| status.cluster_id);
        let first = clusters.next();
        clusters.all(|cluster| Some(cluster) == first)
    }

    /// `core-01 and core-02 follow core-01; core-03 follows core-03`.
    fn who_follows_whom(&self) -> String {
        let followed = self.followers.iter();
        let followed = followed.filter_map(|(leader, members)| {
            let names = members.iter().map(|member| &member.name);
            let follow = if members.len() == 1 {
                "follows"
            } else {
                "follow"
            };
            Some(format!(
                "{} {follow} {}",
                list(names),
                self.name((*leader)?)
            ))
        });
        followed.collect::<Vec<_>>().join("; ")
    }

    /// The leaders that do not answer but are still followed.
    fn absent_leaders(&self) -> Vec<(Verdict, Finding)> {
        let answers = |leader: &EtcdId| {
            let mut seen = self.seen.iter();
            seen.any(|(_, status)| status.member_id == *leader)
        };
        let absent = self.leaders().filter(|leader| !answers(leader));
        let absent = absent.filter_map(|leader| {
            let mut members = self.observation.members.iter();
            members.find(|member| {
                let planned = self.plan.members.iter().find(|one| one.name == member.name);
                member.status.seen().is_none() && planned.is_some_and(|one| one.id == leader)
            })
        });
        let findings = absent.map(|absent| {
            let finding = Finding::new(
                None,
                format!(
                    "the members still follow {}, which does not answer",
                    absent.name
                ),
                // `quorum` reports that too few answer.
                (self.seen.len() >= self.plan.quorum()).then(|| {
                    Hint::informs(
                        "the others will elect another leader; check again",
                        [task(self.plan, "verify --wait 60s")],
                    )
                }),
            );
            (Verdict::NotYet, finding)
        });
        findings.collect()
    }

    fn evidence(&self) -> String {
        let leaders: Vec<EtcdId> = self.leaders().collect();
        let terms: Vec<u64> = self.terms.iter().copied().collect();
        match (leaders.as_slice(), terms.as_slice()) {
            ([leader], [term]) => format!("{} leads in term {term}", self.name(*leader)),
            ([leader], _) => format!("{} leads", self.name(*leader)),
            _ => format!("{} leaders", leaders.len()),
        }
    }

    fn name(&self, id: EtcdId) -> String {
        name_of(self.plan, self.observation, id)
    }
}

/// The verdict when no member has a leader.
fn no_leader(plan: &Plan, observation: &Observation) -> Verdict {
    let quorum_state = QuorumState::of(plan, observation);
    if quorum_state.answering >= plan.quorum() {
        Verdict::NotYet
    } else {
        Verdict::Fail
    }
}
