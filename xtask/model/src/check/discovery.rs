use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "discovery",
    title: "no machine was bootstrapped by a discovery service",
    about: About {
        looks_at: "The command line and the environment of the etcd that runs on each machine: \
            nothing in them may be about discovery, such as `--discovery`, `--discovery-srv` or \
            `ETCD_DISCOVERY`. Where no etcd runs, or where it cannot be looked into, this is not \
            checked.",
        why: "A cluster that is bootstrapped by discovery cannot be made anew from version \
            control. A discovery token serves one bootstrap, even one that failed half-way, and \
            takes a service that answers. Who registers first is a member, whatever the \
            definition says.",
        what_to_do: "No definition renders to such a flag: the machine was set up by other files, \
            or the flag was added by hand. See also the check `user-data`. etcd reads it only \
            while it has no data, so the running members are safe; to be rid of it, `cargo xtask \
            destroy`, then `cargo xtask up`.",
        read: "https://etcd.io/docs/v3.6/dev-internal/discovery_protocol/",
    },
    judge,
};

fn judge(_plan: &Plan, observation: &Observation) -> Judgement {
    let mut unseen = Coverage::of_machines(observation);
    let mut findings = Vec::new();
    let mut looked_at = 0;
    for (member, machine) in observation.machines_seen() {
        let Some(words) = &machine.discovery else {
            unseen.add(member, "runs no etcd that could be looked into");
            continue;
        };
        looked_at += 1;
        if !words.is_empty() {
            findings.push(Finding::new(
                Some(member),
                format!("runs with `{}`", words.join(" ")),
                Hint::says(
                    "etcd reads it only while it has no data, so what runs is safe; no definition renders to it, so a cluster set up anew is without it",
                ),
            ));
        }
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    let evidence = match looked_at {
        0 => "",
        _ if findings.is_empty() => "none",
        _ => "in use",
    };
    unseen.settle(verdict, evidence, findings)
}
