use super::{Check, Finding, Judgement, Verdict, list, logs, task};
use crate::observation::{Look, Observation};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "reachable",
    title: "every member answers",
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    let mut verdict = Verdict::Pass;
    let mut answering = 0;
    let mut unasked = Vec::new();
    for member in &observation.members {
        match &member.status {
            Look::Seen(status) => {
                answering += 1;
                // What concerns the leader and alarms has checks of its own.
                let errors = status
                    .errors
                    .iter()
                    .filter(|error| !error.contains("no leader") && !error.contains("alarm:"));
                for error in errors {
                    verdict = verdict.max(Verdict::Warn);
                    findings.push(Finding::new(
                        Some(&member.name),
                        format!("complains: {}", error.trim()),
                        format!("read its log: {}", logs(plan, &member.name)),
                    ));
                }
            }
            Look::Failed(why) => {
                verdict = Verdict::Fail;
                findings.push(Finding::new(
                    Some(&member.name),
                    format!("does not answer at {}: {why}", member.endpoint),
                    format!(
                        "{} tells why it stopped; {} starts it again",
                        logs(plan, &member.name),
                        task(plan, "up")
                    ),
                ));
            }
            Look::NotAsked(why) => {
                unasked.push(&member.name);
                // What keeps one from being asked keeps all: it is said once.
                let finding = Finding::new(
                    None,
                    format!("members {why}"),
                    format!("{} finds an etcdctl that works", task(plan, "up")),
                );
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    let all = observation.members.len();
    let mut evidence = format!("{answering} of {all} answer");
    if !unasked.is_empty() {
        verdict = verdict.max(Verdict::Skipped);
        evidence.push_str(&format!(
            "; not checked: {} could not be asked",
            list(unasked)
        ));
    }
    Judgement {
        verdict,
        evidence,
        findings,
    }
}
