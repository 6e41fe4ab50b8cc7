use super::{Check, Finding, Judgement, Verdict, task, unseen::Unseen};
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
                        format!("read its log: {}", task(plan, "logs", member.name.as_str())),
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
                        task(plan, "logs", member.name.as_str()),
                        task(plan, "up", "")
                    ),
                ));
            }
            Look::NotAsked(why) => unasked.push(format!("{} {why}", member.name)),
        }
    }
    let all = observation.members.len();
    if !unasked.is_empty() {
        return Judgement {
            verdict: verdict.max(Verdict::Skipped),
            evidence: format!(
                "{answering} of {all} answer; not checked: {}",
                unasked.join(", ")
            ),
            findings,
        };
    }
    Unseen::default().settle(verdict, format!("{answering} of {all} answer"), findings)
}
