use super::members;
use super::quorum_state;
use super::quorum_state::{Agreement, QuorumState};
use super::reachable;
use super::{About, Check, Finding, Hint, Judgement, Verdict, list, task};
use crate::observation::Observation;
use crate::plan::{Member, Plan};
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "quorum",
    title: "a quorum holds",
    about: About {
        looks_at: "How many voters can agree: those that answer, belong to this cluster and \
            follow a leader. More than half of all voters must. And whether they were seen to \
            agree on something: a write, a linearizable read or the list of alarms.",
        why: "Without a quorum the cluster takes no write, and what can still be read may be old. \
            One of three may fail, of four also one, of five two. Where failures have left just \
            enough voters, that is a warning: everything is served, until the next failure. A \
            quorum of a cluster that lacks defined members, as after `--force-new-cluster`, is \
            not the one that was defined.",
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
    let evidence = format!("{able} of {voters} voters can agree, {needed} must");
    // Members that could not be asked may well be a part of it.
    if able < needed {
        if able + unasked >= needed {
            let members = format!("{unasked} members could not be asked");
            return not_known(evidence, &members);
        }
        if quorum_state.agrees_with_undefined() {
            let others = match quorum_state.undefined {
                1 => "1 voter is not defined".to_owned(),
                count => format!("{count} voters are not defined"),
            };
            return not_known(format!("{evidence}, and did"), &others);
        }
        if quorum_state.agreement == Agreement::Seen && quorum_state.answering >= needed {
            let text = format!(
                "{able} of {voters} voters followed a leader when they were asked, and members agreed on something right after"
            );
            let hint = Hint::informs(
                "a leader was probably being elected; look again",
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
                "enough members answer, and do not agree yet; look again",
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
                    "{} {} defined and cannot vote: the quorum is not one of the {} defined members",
                    list(&lacking),
                    if lacking.len() == 1 { "is" } else { "are" },
                    plan.members.len()
                ),
                // `members` says what to do about them.
                hint: None,
            }),
        ),
        Agreement::Seen => match quorum_state.may_fail() {
            0 => Judgement::new(
                // A whole cluster of one cannot be better than this.
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
        Agreement::NotAsked => not_known(evidence, "nothing was asked that takes their agreement"),
        Agreement::Refused => Judgement::new(
            Verdict::NotYet,
            format!("{evidence}; nothing was agreed on"),
            Some(Finding::new(
                None,
                "every request that takes a quorum failed",
                Hint::informs(
                    "members may have failed just now; if it stays so, they do not reach each other's peer port",
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

/// The members that are defined and that the cluster's own list does not have as voters.
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

/// What to do where too few members answer; none where `reachable` says how to bring them back.
fn too_few(plan: &Plan, observation: &Observation) -> Option<Hint> {
    let reachable = (reachable::CHECK.judge)(plan, observation);
    let mut hints = reachable
        .findings
        .iter()
        .filter_map(|one| one.hint.as_ref());
    (hints.next().is_none())
        .then(|| Hint::says("no task mends this yet: keep the data of every member that has some"))
}

/// A judgement over what was seen alone, while this was not.
fn not_known(evidence: String, unseen: &str) -> Judgement {
    let mut judgement = Judgement::new(Verdict::Skipped, evidence, None);
    judgement.add_unseen(&format!("not checked: {unseen}"));
    judgement
}
