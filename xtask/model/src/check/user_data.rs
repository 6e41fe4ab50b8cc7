use super::{About, Check, Hint, Judgement, Verdict, coverage::Coverage, grouped, task};
use crate::advice;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::render;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "user-data",
    title: "every machine was set up with the user-data rendered from the definition",
    about: About {
        looks_at: "The SHA-256 of the user-data that each machine was set up with, read on the \
            machine, compared with that of the user-data that the definition renders to now.",
        why: "A machine keeps the user-data that it was created with, so a later change to the \
            definition does not reach it. etcd behaves the same way: it reads its `initial-` flags \
            only while it has no data. Until the two agree, the files in version control describe \
            a different cluster from the one that runs, and the next cluster made from them will \
            differ.",
        what_to_do: "To keep the cluster as it is, undo the change to the definition. To apply the \
            change and keep the data: `cargo xtask plan` shows the steps, and `cargo xtask apply` \
            takes them, one machine after another. Where a member runs etcd 2, or starts as the \
            recipe of 2015 says: `vagrant provision`, in the folder of the rendered files, for one \
            machine after another, and `cargo xtask verify` after each.",
        read: "https://etcd.io/docs/v3.6/op-guide/clustering/#static",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let wanted = render::user_data_sha256(plan);
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
            None => "has read no user-data since its last change".to_owned(),
        };
        findings.push((member, text));
    }
    let first = findings.first().map(|(member, _)| *member);
    let hint = first.map(|first| hint(plan, first, findings.len() == 1));
    let findings = findings
        .into_iter()
        .map(|(member, text)| (member, text, hint.clone()));
    let findings = grouped(findings);
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let all = observation.machines.len();
    let evidence = format!("{} on {same} of {all}", short(&wanted));
    Coverage::of_machines(observation).settle(verdict, evidence, findings)
}

/// What to do, starting with this member.
pub fn hint(plan: &Plan, first: &HostName, is_only: bool) -> Hint {
    if advice::can_be_replaced(plan) {
        return Hint::heals(
            "undo the change to the definition; or apply it, one machine after another",
            [task(plan, "apply")],
        );
    }
    let folder = render::folder(&plan.name);
    let text = "undo the change to the definition; or apply it and keep the data, one machine after another, starting with this one";
    let commands = [
        format!("(cd {folder} && vagrant provision {first})"),
        task(plan, "verify --wait 2m"),
    ];
    if is_only {
        Hint::heals(text, commands)
    } else {
        Hint::makes_safer(text, commands)
    }
}

/// The start of a digest, enough for people to tell two apart.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
