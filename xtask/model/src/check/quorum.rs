use super::members;
use super::quorum_state;
use super::quorum_state::{Agreement, QuorumState};
use super::reachable;
use super::{About, Check, Finding, Hint, Judgement, Verdict, list, task};
use crate::observation::Observation;
use crate::plan::{Member, Plan};
use crate::values::HostName;
use crate::wording::many;

pub(super) static CHECK: Check = Check {
    name: "quorum",
    title: "the cluster has a quorum",
    about: About {
        looks_at: "How many voters can agree: those that answer, belong to this cluster and follow \
            a leader. More than half of all voters are needed. It also matters whether they were \
            seen to agree on something: a write, a linearizable read or the list of alarms.",
        why: "Without a quorum the cluster accepts no writes, and reads may return old data. Of \
            three members one may fail, of four also one, of five two. If failures have left just \
            enough voters, that is a warning: everything works until the next failure. A quorum of \
            a cluster that lacks defined members, as after `--force-new-cluster`, is not the \
            defined one.",
        what_to_do: "Bring members back: `cargo xtask up` starts those that do not run. Once \
            enough are back with their data, they elect a leader and nothing is lost. Never empty \
            the data folders of a majority: they can form a new, empty cluster under the old IDs. \
            If the data of a majority is gone for good, a snapshot has to be restored into a new \
            cluster.",
        read: "https://etcd.io/docs/v3.6/faq/#what-is-failure-tolerance",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let quorum_state = QuorumState::of(plan, observation);
    let QuorumState {
        voters,
        able,
        needed,
        unasked,
        ..
    } = quorum_state;
    let are = if needed == 1 { "is" } else { "are" };
    let evidence = format!(
        "{able} of {} can agree, {needed} {are} needed",
        many(voters, "voter")
    );
    // Members that could not be queried may be part of a quorum.
    if able < needed {
        if able + unasked >= needed {
            let members = format!("{} could not be queried", many(unasked, "member"));
            return not_known(evidence, &members);
        }
        if quorum_state.agrees_with_undefined() {
            let others = match quorum_state.undefined {
                1 => "1 voter is not defined".to_owned(),
                count => format!("{count} voters are not defined"),
            };
            return not_known(format!("{evidence}, and they did"), &others);
        }
        if quorum_state.agreement == Agreement::Seen && quorum_state.answering >= needed {
            let text = format!(
                "{able} of {} followed a leader when queried, but members agreed on something right after",
                many(voters, "voter")
            );
            let hint = Hint::informs(
                "a leader was probably being elected; check again",
                [task(plan, "verify --wait 60s")],
            );
            let finding = Finding::new(None, text, hint);
            return Judgement::new(Verdict::NotYet, evidence, Some(finding));
        }
        let verdict = if quorum_state.answering >= needed {
            Verdict::NotYet
        } else {
            Verdict::Fail
        };
        let hint = if verdict == Verdict::NotYet {
            Some(Hint::informs(
                "enough members answer but do not agree yet; check again",
                [task(plan, "verify --wait 60s")],
            ))
        } else {
            too_few(plan, observation)
        };
        let text = format!(
            "no quorum: nothing can be written, and reads may be stale, until {}",
            match needed {
                1 => "1 member answers".to_owned(),
                _ => format!("{needed} members agree"),
            }
        );
        return Judgement::new(verdict, evidence, Some(Finding::new(None, text, hint)));
    }
    let lacking = without_vote(plan, observation);
    match quorum_state.agreement {
        Agreement::Seen if !lacking.is_empty() => Judgement::new(
            if able < plan.quorum() {
                Verdict::Fail
            } else {
                Verdict::Warn
            },
            format!("{evidence}: {}", tolerance(&quorum_state)),
            Some(Finding {
                members: Vec::new(),
                text: format!(
                    "{} {} defined but cannot vote: the quorum is not that of the {}",
                    list(&lacking),
                    if lacking.len() == 1 { "is" } else { "are" },
                    many(plan.members.len(), "defined member")
                ),
                // `members` says what to do about them.
                hint: None,
            }),
        ),
        Agreement::Seen => match quorum_state.may_fail() {
            0 => Judgement::new(
                // A complete cluster of one tolerates no failures either.
                if able < voters {
                    Verdict::Warn
                } else {
                    Verdict::Pass
                },
                format!("{evidence}: {}", tolerance(&quorum_state)),
                None,
            ),
            _ => Judgement::new(
                Verdict::Pass,
                format!("{evidence}: {}", tolerance(&quorum_state)),
                None,
            ),
        },
        Agreement::NotAsked => not_known(evidence, "no query needed their agreement"),
        Agreement::Refused => Judgement::new(
            Verdict::NotYet,
            format!("{evidence}; nothing was agreed on"),
            Some(Finding::new(
                None,
                "every request that needs a quorum failed",
                Hint::informs(
                    "members may have just failed; if this persists, they do not reach each other's peer port",
                    [task(plan, "verify --wait 60s")],
                ),
            )),
        ),
    }
}

fn tolerance(quorum_state: &QuorumState) -> String {
    match quorum_state.may_fail() {
        0 => "no more may fail".to_owned(),
        more => format!("{more} more may fail"),
    }
}

/// The defined members that the cluster's own list does not have as voters.
fn without_vote<'a>(plan: &'a Plan, observation: &Observation) -> Vec<&'a HostName> {
    let Some(listed) = quorum_state::listed(plan, observation) else {
        return Vec::new();
    };
    let members = plan.members.iter();
    let cannot_vote = |member: &&Member| {
        members::meant_by(plan, member, listed).is_none_or(|entry| entry.is_learner)
    };
    let lacking = members.filter(cannot_vote);
    lacking.map(|member| &member.name).collect()
}

/// What to do if too few members answer. None if `reachable` says how to bring them back.
fn too_few(plan: &Plan, observation: &Observation) -> Option<Hint> {
    let reachable = (reachable::CHECK.judge)(plan, observation);
    let mut hints = reachable
        .findings
        .iter()
        .filter_map(|one| one.hint.as_ref());
    (hints.next().is_none())
        .then(|| Hint::says("no task repairs this yet: keep the data of every member that has any"))
}

/// A skipped judgement: `evidence` was seen, `unseen` was not.
fn not_known(evidence: String, unseen: &str) -> Judgement {
    let mut judgement = Judgement::new(Verdict::Skipped, evidence, None);
    judgement.add_unseen(&format!("not checked: {unseen}"));
    judgement
}
