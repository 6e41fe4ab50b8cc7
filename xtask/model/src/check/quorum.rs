use super::certificates;
use super::members;
use super::quorum_state;
use super::quorum_state::{Agreement, QuorumState};
use super::reachable;
use super::recovery;
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
            If a majority's data is gone for good, restore a member that still has data (`cargo \
            xtask restore default --from-member core-02`), or else a backup (`--from`).",
        read: "https://etcd.io/docs/v3.6/faq/#what-is-failure-tolerance",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let state = QuorumState::of(plan, observation);
    let QuorumState { able, needed, .. } = state;
    let are = if needed == 1 { "is" } else { "are" };
    let voters = many(state.voters, "voter");
    let evidence = format!("{able} of {voters} can agree, {needed} {are} needed");
    if able < needed {
        return too_few(plan, observation, &state, evidence);
    }
    let tolerates = |evidence| format!("{evidence}: {}", tolerance(&state));
    let lacking = without_vote(plan, observation);
    match state.agreement {
        Agreement::Seen if !lacking.is_empty() => {
            let verdict = if able < plan.quorum() {
                Verdict::Fail
            } else {
                Verdict::Warn
            };
            let finding = lacks(plan, &lacking);
            Judgement::new(verdict, tolerates(evidence), Some(finding))
        }
        Agreement::Seen => {
            // A complete cluster of one tolerates no failures either.
            let verdict = if state.may_fail() == 0 && able < state.voters {
                Verdict::Warn
            } else {
                Verdict::Pass
            };
            Judgement::new(verdict, tolerates(evidence), None)
        }
        Agreement::NotAsked => not_known(evidence, "no query needed their agreement"),
        Agreement::Refused => Judgement::new(
            Verdict::NotYet,
            format!("{evidence}; nothing was agreed on"),
            Some(Finding::new(
                None,
                "every request that needs a quorum failed",
                check_again(
                    plan,
                    "members may have just failed; if this persists, they do not reach each other's peer port",
                ),
            )),
        ),
    }
}

/// Judges a cluster of which too few members can agree, as far as that was seen.
fn too_few(
    plan: &Plan,
    observation: &Observation,
    state: &QuorumState,
    evidence: String,
) -> Judgement {
    // Members that could not be queried may be part of a quorum.
    if state.able + state.unasked >= state.needed {
        let members = format!("{} could not be queried", many(state.unasked, "member"));
        return not_known(evidence, &members);
    }
    // They may serve clients that they trust.
    let members = 0..observation.members.len();
    let distrusted =
        members.filter(|index| certificates::refusal(plan, observation, *index).is_some());
    let distrusted = distrusted.count();
    if state.able + state.unasked + distrusted >= state.needed {
        let members = many(state.unasked + distrusted, "member");
        let why = format!("{members} could not be queried, because of certificates");
        return not_known(evidence, &why);
    }
    if state.agrees_with_undefined() {
        let others = match state.undefined {
            1 => "1 voter is not defined".to_owned(),
            count => format!("{count} voters are not defined"),
        };
        return not_known(format!("{evidence}, and they did"), &others);
    }
    let enough_answer = state.answering >= state.needed;
    if enough_answer && state.agreement == Agreement::Seen {
        let text = format!(
            "{} of {} followed a leader when queried, but members agreed on something right after",
            state.able,
            many(state.voters, "voter")
        );
        let hint = check_again(plan, "a leader was probably being elected; check again");
        let finding = Finding::new(None, text, hint);
        return Judgement::new(Verdict::NotYet, evidence, Some(finding));
    }
    let (verdict, hint) = if enough_answer {
        let text = "enough members answer but do not agree yet; check again";
        (Verdict::NotYet, Some(check_again(plan, text)))
    } else {
        (Verdict::Fail, bring_back(plan, observation))
    };
    let text = format!(
        "no quorum: nothing can be written, and reads may be stale, until {}",
        match state.needed {
            1 => "1 member answers".to_owned(),
            needed => format!("{needed} members agree"),
        }
    );
    Judgement::new(verdict, evidence, Some(Finding::new(None, text, hint)))
}

/// That defined members cannot vote. `members` says what to do about them.
fn lacks(plan: &Plan, lacking: &[&HostName]) -> Finding {
    Finding {
        members: Vec::new(),
        text: format!(
            "{} {} defined but cannot vote: the quorum is not that of the {}",
            list(lacking),
            if lacking.len() == 1 { "is" } else { "are" },
            many(plan.members.len(), "defined member")
        ),
        hint: None,
    }
}

fn check_again(plan: &Plan, text: &str) -> Hint {
    Hint::informs(text, [task(plan, "verify --wait 60s")])
}

fn tolerance(state: &QuorumState) -> String {
    match state.may_fail() {
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

/// What to do if too few members answer. None if `certificates` or `reachable` says how to bring them back.
fn bring_back(plan: &Plan, observation: &Observation) -> Option<Hint> {
    if let Some(restore) = recovery::hint(plan, observation) {
        return Some(restore);
    }
    let causes = [&certificates::CHECK, &reachable::CHECK];
    let judgements = causes.map(|check| (check.judge)(plan, observation));
    let mut findings = judgements.iter().flat_map(|judgement| &judgement.findings);
    (findings.all(|finding| finding.hint.is_none()))
        .then(|| Hint::says("no task repairs this yet: keep the data of every member that has any"))
}

/// A skipped judgement: `evidence` was seen, `unseen` was not.
fn not_known(evidence: String, unseen: &str) -> Judgement {
    let mut judgement = Judgement::new(Verdict::Skipped, evidence, None);
    judgement.add_unseen(&format!("not checked: {unseen}"));
    judgement
}
