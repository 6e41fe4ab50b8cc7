use super::{Check, Finding, Judgement, Verdict, list, logs, unseen::Unseen};
use crate::observation::{AlarmKind, Look, Observation};
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "write",
    title: "what is written through each member is read from every other, and removed",
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    let mut verdict = Verdict::Pass;
    let full = observation
        .members
        .iter()
        .filter_map(|member| member.alarms.seen())
        .flatten()
        .any(|alarm| alarm.kind == AlarmKind::NoSpace);

    let mut written: Vec<&HostName> = Vec::new();
    for member in &observation.members {
        match &member.write {
            Look::Seen(()) => written.push(&member.name),
            Look::NotAsked(_) => {}
            Look::Failed(why) => {
                verdict = Verdict::Fail;
                let hint = if full {
                    "the alarm NOSPACE makes etcd refuse writes: see `alarms`".to_owned()
                } else {
                    format!(
                        "if a member failed just now, verify again; else its log says more: {}",
                        logs(plan, &member.name)
                    )
                };
                let text = format!("took no write: {why}");
                findings.push(Finding::new(Some(&member.name), text, hint));
            }
        }
    }
    let mut readers = 0;
    for member in &observation.members {
        match &member.reads {
            Look::NotAsked(_) => {}
            Look::Failed(why) => {
                verdict = Verdict::Fail;
                findings.push(Finding::new(
                    Some(&member.name),
                    format!("could not read back what was written: {why}"),
                    format!(
                        "if a member failed just now, verify again; else its log says more: {}",
                        logs(plan, &member.name)
                    ),
                ));
            }
            Look::Seen(read) => {
                readers += 1;
                let missing: Vec<&HostName> = written
                    .iter()
                    .copied()
                    .filter(|name| !read.contains(name))
                    .collect();
                if !missing.is_empty() {
                    verdict = Verdict::Fail;
                    findings.push(Finding::new(
                        Some(&member.name),
                        format!("does not have what was written through {}", list(missing)),
                        "acknowledged writes must be readable everywhere: these members are not one cluster, or its data is damaged; see `identity` and `hash`",
                    ));
                }
            }
        }
    }
    if let Look::Failed(why) = &observation.probe.removed {
        verdict = verdict.max(Verdict::Warn);
        findings.push(Finding::new(
            None,
            format!(
                "the values under `{}` could not be removed: {why}",
                observation.probe.prefix
            ),
            "nothing needs to be done: they expire within a minute",
        ));
    }

    // A failure is reported above, whatever the others did not get to do because of it.
    let unseen = Unseen::of_unasked(observation, |member| &member.write);
    if written.is_empty() {
        return unseen.settle(
            verdict.max(Verdict::Skipped),
            "nothing was written",
            findings,
        );
    }
    let removed = match &observation.probe.removed {
        Look::Seen(()) => ", all removed",
        Look::Failed(_) | Look::NotAsked(_) => "",
    };
    let all = observation.members.len();
    let evidence = format!(
        "written through {} of {all}, read from {readers}{removed}",
        written.len()
    );
    unseen.settle(verdict, evidence, findings)
}
