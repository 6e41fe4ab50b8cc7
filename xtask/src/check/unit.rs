use super::{Check, Finding, Judgement, Verdict, logs, ssh, unseen::Unseen};
use crate::observation::{Look, Observation};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "unit",
    title: "the unit etcd.service is active on every machine",
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut verdict = Verdict::Pass;
    let mut findings = Vec::new();
    let mut active = 0;
    for (member, machine) in observation.machines_seen() {
        let unit = machine.unit.as_str();
        let (found, hint) = match unit {
            "active" => {
                active += 1;
                continue;
            }
            "activating" | "reloading" | "deactivating" => (
                Verdict::NotYet,
                format!(
                    "it may be fetching etcd; see what it does: {}",
                    logs(plan, member)
                ),
            ),
            _ => (Verdict::Fail, format!("see why: {}", logs(plan, member))),
        };
        verdict = verdict.max(found);
        findings.push(Finding::new(
            Some(member),
            format!("has its unit etcd.service in the state `{unit}`"),
            hint,
        ));
    }
    for (member, machine) in observation.members.iter().zip(&observation.machines) {
        if let (Look::Failed(why), Look::Seen(_)) = (machine, &member.status) {
            findings.push(Finding::new(
                Some(&member.name),
                format!("could not be looked into: {why}"),
                format!("see whether ssh gets there: {}", ssh(plan, &member.name)),
            ));
        }
    }
    let all = observation.machines.len();
    Unseen::of_machines(observation).settle(
        verdict,
        format!("active on {active} of {all}"),
        findings,
    )
}
