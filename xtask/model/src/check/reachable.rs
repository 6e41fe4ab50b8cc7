use super::certificates;
use super::members;
use super::quorum_state::{self, QuorumState, name_of};
use super::recovery;
use super::{About, Check, Finding, Hint, Judgement, Verdict, list, logs, plural, task};
use crate::advice::{self, Others, Unusable};
use crate::observation::etcdctl::is_unauthorized;
use crate::observation::log::Cause;
use crate::observation::{
    Condition, Look, MachineStatus, MemberObservation, Observation, Repeated,
};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "reachable",
    title: "every member answers",
    about: About {
        looks_at: "What each member itself answers to `etcdctl endpoint status` at its client URL; \
            before etcd 3, to its HTTP API. All members are queried at once, each with its own \
            deadline. A member answers this without the others, so one that answers may still be \
            unable to serve. Members are counted by their IDs: one that answers at two addresses \
            counts once. A member's own complaints are passed on as warnings.",
        why: "A member that is down uses up the failures that the cluster tolerates. Of three \
            members one may be missing: the cluster keeps serving and nothing is lost, but the \
            next failure stops all writes. Clients that know only this address are cut off \
            already.",
        what_to_do: "Read why it stopped: `cargo xtask logs core-01`. Then `cargo xtask up` starts \
            what does not run, continues processes that are halted and leaves the rest alone; with \
            its data, a member catches up by itself. A member that has lost its data is not \
            started: the others can serve without it. If it runs but does not answer, something \
            between it and this host is wrong: its address, its client port (`etcd.client_port`, 2379 by default), \
            a firewall.",
        read: "https://etcd.io/docs/v3.6/op-guide/failures/",
    },
    judge,
};

/// What to do about a member that does not answer, depending on whether it runs. None if the cluster does not
/// list it as a member that has run: `members` says what to do then.
fn what_to_do(plan: &Plan, observation: &Observation, index: usize, why: &str) -> Option<Hint> {
    let name = &observation.members[index].name;
    let planned = plan.members.iter().find(|member| member.name == *name);
    if let (Some(planned), Some(listed)) = (planned, quorum_state::listed(plan, observation))
        && members::meant_by(plan, planned, listed).is_none_or(|entry| entry.name.is_empty())
    {
        return None;
    }
    // `quorum` says how to restore the cluster.
    if recovery::hint(plan, observation).is_some() {
        return None;
    }
    let logs = logs(plan, name);
    let up = task(plan, "up");
    let had_data = observation.recorded.had_data.contains(name);
    let ended = observation.ended.get(index).copied().flatten();
    if let Some(why) = ended.and_then(Unusable::because_of) {
        let others = others(plan, observation);
        return Some(lacks_data(plan, name, why, others, Some(logs)));
    }
    let machine = observation.machines.get(index).and_then(Look::seen);
    // Its start script refuses to found another cluster.
    if had_data && machine.is_some_and(MachineStatus::gave_up_without_data) {
        let others = others(plan, observation);
        return Some(lacks_data(plan, name, Unusable::Lost, others, Some(logs)));
    }
    if machine.is_some_and(MachineStatus::waits_without_data) {
        let text = "its start script waits, because it has no data; its log says for what";
        return Some(Hint::informs(text, [logs]));
    }
    Some(match observation.conditions.get(index) {
        Some(Condition::Halted { id }) => Hint::heals(
            "its process is halted; continue it",
            [format!("kill -CONT {id}")],
        ),
        Some(Condition::Running(what)) if !QuorumState::of(plan, observation).has_quorum() => {
            // Members that do not trust each other elect no leader, as `certificates` says.
            if certificates::has_failed(plan, observation) {
                return None;
            }
            Hint::informs(
                format!("it runs ({what}); a starting member does not answer until a quorum runs"),
                [logs],
            )
        }
        Some(Condition::Running(what)) => Hint::informs(
            format!(
                "it runs ({what}), so it is slow, or something between it and this host is in the way"
            ),
            [logs],
        ),
        Some(Condition::Absent | Condition::Unfinished) if had_data => {
            let others = others(plan, observation);
            lacks_data(plan, name, Unusable::Lost, others, None)
        }
        Some(Condition::Absent) => Hint::heals("it has no data yet; start it", [up]),
        // Nothing is started then, as the advice about the members without data says.
        Some(Condition::Stopped) if are_too_many_lost(plan, observation) => return None,
        Some(Condition::Stopped) if ended == Some(Cause::DiskFull) => Hint::heals(
            "the disk that holds its data is full; free some space there, then start it again",
            [up],
        ),
        Some(Condition::Stopped) if ended == Some(Cause::Certificate) => {
            advice::renew_and_start(&plan.name)
        }
        Some(Condition::Stopped) if !why.contains("refused") => Hint::heals(
            "it does not run, and something else answers at its address; stop that, then start the member again",
            [up],
        ),
        // One cause, so one hint.
        Some(Condition::Stopped) if all_are_stopped(observation) => {
            return (index == 0).then(|| Hint::heals("no member runs; start them", [up]));
        }
        _ if machine.is_some_and(|machine| machine.unit == "active") => Hint::informs(
            "its unit etcd.service is active, so it is slow, or something between it and this host is in the way",
            [logs],
        ),
        _ => Hint::heals(
            "read in its log why it stopped, then start it again",
            [logs, up],
        ),
    })
}

fn lacks_data(
    plan: &Plan,
    member: &HostName,
    why: Unusable,
    others: Others,
    tell: Option<String>,
) -> Hint {
    let replaceable = advice::can_be_replaced(plan);
    advice::without_data(&plan.name, member, replaceable, why, others, tell)
}

/// Whether there are several members, all with data, and none runs.
fn all_are_stopped(observation: &Observation) -> bool {
    let conditions = &observation.conditions;
    let mut each = conditions.iter();
    conditions.len() > 1 && each.all(|condition| *condition == Condition::Stopped)
}

/// Whether too few members have data for `up` to start them.
fn are_too_many_lost(plan: &Plan, observation: &Observation) -> bool {
    let had_data = &observation.recorded.had_data;
    let both = observation.members.iter().zip(&observation.conditions);
    let lost = both.filter(|(member, condition)| {
        **condition == Condition::Absent && had_data.contains(&member.name)
    });
    plan.members.len().saturating_sub(lost.count()) < plan.quorum()
}

/// What is left of the cluster without a member that cannot be started.
fn others(plan: &Plan, observation: &Observation) -> Others {
    let mut conditions = observation.conditions.iter();
    let is_all_lost = conditions.all(|condition| *condition == Condition::Absent);
    let is_unusable = |(index, condition): (usize, &Condition)| {
        let ended = observation.ended.get(index).copied().flatten();
        *condition == Condition::Absent || ended.and_then(Unusable::because_of).is_some()
    };
    let mut each = observation.conditions.iter().enumerate();
    if QuorumState::of(plan, observation).has_quorum() {
        Others::Serve
    } else if plan.members.len() == 1 || is_all_lost {
        Others::None
    } else if each.all(is_unusable) {
        Others::Damaged
    } else {
        Others::HaveData
    }
}

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    let mut verdict = Verdict::Pass;
    let mut answering = 0;
    let mut unasked = Vec::new();
    for (index, member) in observation.members.iter().enumerate() {
        match &member.status {
            Look::Seen(status) => {
                answering += 1;
                // The leader and alarms have checks of their own.
                let errors = status
                    .errors
                    .iter()
                    .filter(|error| !error.contains("no leader") && !error.contains("alarm:"));
                for error in errors {
                    verdict = verdict.max(Verdict::Warn);
                    findings.push(Finding::new(
                        Some(&member.name),
                        format!("complains: {}", error.trim()),
                        Hint::informs("read its log", [logs(plan, &member.name)]),
                    ));
                }
            }
            Look::Failed(why) => {
                verdict = Verdict::Fail;
                if let Some(repeated) = &member.repeated {
                    findings.push(answers_twice(plan, observation, member, repeated));
                    continue;
                }
                // `certificates` says what to do then.
                let refusal = certificates::refusal(plan, observation, index);
                let hint = match refusal {
                    Some(_) => None,
                    None => what_to_do(plan, observation, index, why),
                };
                let why = refusal.as_ref().unwrap_or(why);
                findings.push(Finding::new(
                    Some(&member.name),
                    format!("does not answer at {}: {why}", member.endpoint),
                    hint,
                ));
            }
            Look::NotAsked(why) => {
                unasked.push(&member.name);
                // The reason is the same for all members, so it is reported once.
                let hint = match is_unauthorized(why) {
                    true => advice::give_a_user(),
                    false => Hint::heals("find a working etcdctl", [task(plan, "up")]),
                };
                let why = plural(why);
                let finding = Finding::new(None, format!("members {why}"), hint);
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    let all = observation.members.len();
    let answer = if answering == 1 { "answers" } else { "answer" };
    let evidence = format!("{answering} of {all} {answer}");
    let mut judgement = Judgement::new(verdict, evidence, findings);
    if !unasked.is_empty() {
        judgement.verdict = verdict.max(Verdict::Skipped);
        judgement.add_unseen(&format!(
            "not checked: {} could not be queried",
            list(unasked)
        ));
    }
    judgement
}

/// Reports that another member answers in this one's place.
fn answers_twice(
    plan: &Plan,
    observation: &Observation,
    member: &MemberObservation,
    Repeated { by, elsewhere }: &Repeated,
) -> Finding {
    let who = name_of(plan, observation, *by);
    let text = format!(
        "does not answer: {who} answers at two addresses, {elsewhere} and {}",
        member.endpoint
    );
    Finding::new(
        Some(&member.name),
        text,
        passed_on(plan, observation, member, *by),
    )
}

/// What to do if the member with this ID answers in place of the one that was queried.
pub(super) fn passed_on(
    plan: &Plan,
    observation: &Observation,
    member: &MemberObservation,
    by: EtcdId,
) -> Hint {
    let name = &member.name;
    let who = name_of(plan, observation, by);
    // A process reports its own name to the cluster, whatever data it runs on; a proxy in between reports
    // none.
    if quorum_state::listed_as(observation, by).contains(&name.as_str()) {
        return Hint::informs(
            format!(
                "{name} runs on the data of {who}; give it its own data folder back while the cluster is stopped"
            ),
            [task(plan, "down"), task(plan, "up")],
        );
    }
    let passed_on = format!("something forwards {} to {who}", member.endpoint);
    Hint::says(if plan.on_machines {
        format!("{passed_on}: look for a port forward or a proxy in between")
    } else {
        format!("{passed_on}: find the process that listens there, and stop it")
    })
}
