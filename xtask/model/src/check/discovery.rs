use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "discovery",
    title: "no machine was bootstrapped by a discovery service",
    about: About {
        looks_at: "The command line and the environment of the etcd process on each machine: \
            neither may mention discovery, such as `--discovery`, `--discovery-srv` or \
            `ETCD_DISCOVERY`. Where no etcd runs, or its process cannot be inspected, this is not \
            checked.",
        why: "A cluster that is bootstrapped by discovery cannot be rebuilt from version control. \
            A discovery token works for one bootstrap, even one that failed half-way, and needs a \
            service that answers. Whatever registers first becomes a member, regardless of the \
            definition.",
        what_to_do: "No definition renders such a flag: the machine was set up from other files, \
            or somebody added the flag by hand. See also the check `user-data`. etcd reads the \
            flag only while it has no data, so the running members are safe; to get rid of it, run \
            `cargo xtask destroy`, then `cargo xtask up`.",
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
            unseen.add(member, "runs no etcd that could be inspected");
            continue;
        };
        looked_at += 1;
        if !words.is_empty() {
            findings.push(Finding::new(
                Some(member),
                format!("runs with `{}`", words.join(" ")),
                Hint::says(
                    "etcd reads it only while it has no data, so the running cluster is safe; no definition renders it, so a rebuilt cluster does not have it",
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
