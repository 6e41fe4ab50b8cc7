use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, logs, ssh};
use crate::observation::{Look, Observation};
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "unit",
    title: "the unit etcd.service is active on every machine",
    about: About {
        looks_at: "The state that systemd reports for the unit `etcd.service` on each machine: \
            `active`, or another one. It is read over ssh, with the key that Vagrant gave the \
            machine. Members that run as local processes have no unit and no such check.",
        why: "An etcd that runs outside its unit does not come back after a reboot. One that its \
            unit starts over and over may answer when it is queried, and fail right after. The \
            unit also gives etcd the flags of the definition, and fetches etcd at the first start.",
        what_to_do: "In the state `activating` it may still be fetching etcd: `cargo xtask verify \
            --wait 2m`. Otherwise the machine's log says why: `cargo xtask logs core-01`. A flag \
            that this version does not know, or data that a newer version wrote, makes etcd exit \
            at once. `cargo xtask up` starts the unit where it does not run; `cargo xtask ssh \
            core-01` logs in to the machine.",
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
                Some(Hint::informs(
                    "it may still be fetching etcd; read its log",
                    [logs(plan, member)],
                )),
            ),
            // `reachable` says what to do.
            _ if machine.gave_up_without_data() => (Verdict::Fail, None),
            _ => (
                Verdict::Fail,
                Some(Hint::informs("read its log", [logs(plan, member)])),
            ),
        };
        verdict = verdict.max(found);
        let state = format!("has its unit etcd.service in the state `{unit}`");
        let text = match &machine.failing {
            Some(failing) => format!("{state}, which {}", failing.in_words()),
            None => state,
        };
        findings.push(Finding::new(Some(member), text, hint));
    }
    for (member, machine) in observation.members.iter().zip(&observation.machines) {
        if let (Look::Failed(why), Look::Seen(_)) = (machine, &member.status) {
            findings.push(Finding::new(
                Some(&member.name),
                format!("could not be inspected: {why}"),
                Hint::informs("check whether ssh reaches it", [ssh(plan, &member.name)]),
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
