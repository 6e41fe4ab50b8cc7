use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, logs, ssh};
use crate::observation::{Look, Observation};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "unit",
    title: "the unit etcd.service is active on every machine",
    about: About {
        looks_at: "The state in which systemd has the unit `etcd.service` of each machine: \
            `active`, or what else. It is asked over ssh, with the key that Vagrant gave the \
            machine. Members that run as processes of this host have no unit and no such check.",
        why: "An etcd that runs outside of its unit does not come back after a boot. One that its \
            unit starts over and over may answer just when it is asked, and then not. The unit is \
            also what gives etcd the flags of the definition, and at the first start fetches it.",
        what_to_do: "In the state `activating` it may still be fetching etcd: `cargo xtask verify \
            --wait 2m`. Else the machine's log says why: `cargo xtask logs core-01`. A flag that \
            this version does not know, or data that a newer version wrote, ends etcd at once. \
            `cargo xtask up` starts the unit where it does not run; `cargo xtask ssh core-01` \
            leads to the machine.",
        read: "https://etcd.io/docs/v3.6/op-guide/configuration/",
    },
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
                Hint::informs(
                    "it may be fetching etcd; see what it does",
                    [logs(plan, member)],
                ),
            ),
            _ => (
                Verdict::Fail,
                Hint::informs("see why", [logs(plan, member)]),
            ),
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
                Hint::informs("see whether ssh gets there", [ssh(plan, &member.name)]),
            ));
        }
    }
    let all = observation.machines.len();
    Coverage::of_machines(observation).settle(
        verdict,
        format!("active on {active} of {all}"),
        findings,
    )
}
