use super::{Check, Finding, Judgement, Verdict, task, unseen::Unseen};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "discovery",
    title: "no machine was bootstrapped by a discovery service",
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    for (member, machine) in observation.machines_seen() {
        if !machine.discovery.is_empty() {
            findings.push(Finding::new(
                Some(member),
                format!("runs with `{}`", machine.discovery.join(" ")),
                format!(
                    "a discovery token serves one bootstrap alone, and no definition renders to one: {}, then {}",
                    task(plan, "destroy"),
                    task(plan, "up")
                ),
            ));
        }
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    // Where no etcd runs, none could be asked how it was started.
    let evidence = match observation.machines_seen().count() {
        0 => "",
        _ if findings.is_empty() => "none",
        _ => "in use",
    };
    Unseen::of_machines(observation).settle(verdict, evidence, findings)
}
