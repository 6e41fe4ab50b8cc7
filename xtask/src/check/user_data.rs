use super::{Check, Judgement, Verdict, grouped, task, unseen::Unseen};
use crate::observation::Observation;
use crate::plan::Plan;
use crate::render;

pub(super) static CHECK: Check = Check {
    name: "user-data",
    title: "every machine was set up with the user-data that the definition renders to",
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let wanted = render::user_data_sha256(plan);
    let hint = || {
        format!(
            "to have it, without the old data: {}, then {}; to keep the data, member by member: `vagrant provision` in `{}`",
            task(plan, "destroy"),
            task(plan, "up"),
            render::folder(&plan.name)
        )
    };
    let mut findings = Vec::new();
    let mut same = 0;
    for (member, machine) in observation.machines_seen() {
        let text = match &machine.user_data {
            Some(digest) if *digest == wanted => {
                same += 1;
                continue;
            }
            Some(digest) => format!(
                "was set up with the user-data {}, not {}",
                short(digest),
                short(&wanted)
            ),
            None => "has no user-data".to_owned(),
        };
        findings.push((member, text, hint()));
    }
    let findings = grouped(findings);
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let all = observation.machines.len();
    let evidence = format!("{} on {same} of {all}", short(&wanted));
    Unseen::of_machines(observation).settle(verdict, evidence, findings)
}

/// As much of a digest as tells two apart for people.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
