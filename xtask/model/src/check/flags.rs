use std::collections::BTreeMap;

use super::{
    About, Check, Hint, Judgement, Verdict, coverage::Coverage, grouped, list,
    quorum_state::QuorumState, restart, ssh, task,
};
use crate::observation::{Look, Observation, StartedWith};
use crate::plan::flags::{self, FlagOrigin, InitialState, MemberFlags};
use crate::plan::{Member, Plan};
use crate::render;
use crate::values::{EtcdVersion, HostName};

pub(super) static CHECK: Check = Check {
    name: "flags",
    title: "every member runs with the defined flags",
    about: About {
        looks_at: "The command line and the environment of each member's process, compared with \
            the flags that the definition gives it in the version that it runs. Flags that etcd \
            reads only while it has no data are left out: `identity` and `members` check their \
            effect. On a machine, the member's own name and addresses are left out too.",
        why: "etcd reads its flags when it starts, so a later change to the definition does not \
            affect running members. A timeout, a quota or a compaction setting that never took \
            effect is missed when it matters. Members with different election timeouts, or one \
            that was started by hand, make elections and full databases hard to explain.",
        what_to_do: "To apply the definition to local members: `cargo xtask restart`, or `cargo xtask \
            down`, then `cargo xtask up`; the data is kept. To keep what runs, undo the change to the definition. A machine gets its \
            flags from its user-data: see the check `user-data`.",
        read: "https://etcd.io/docs/v3.6/op-guide/configuration/",
    },
    judge,
};

/// The places of files, and the flags that etcd reads only while it has no data.
const OF_THE_START: &[&str] = &[
    "cert-file",
    "data-dir",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "key-file",
    "peer-cert-file",
    "peer-key-file",
    "peer-trusted-ca-file",
    "trusted-ca-file",
];

/// The flags that a machine fills in itself.
const OF_THE_MACHINE: &[&str] = &[
    "name",
    "listen-client-urls",
    "advertise-client-urls",
    "listen-peer-urls",
];

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut unseen = Coverage::default();
    let mut findings = Vec::new();
    let mut same = 0;
    for (index, seen) in observation.members.iter().enumerate() {
        let Some(member) = plan.members.iter().find(|one| one.name == seen.name) else {
            continue;
        };
        let started = match observation.started.get(index) {
            Some(Look::Seen(started)) => started,
            Some(Look::NotAsked(why) | Look::Failed(why)) => {
                unseen.add(&seen.name, why);
                continue;
            }
            None => {
                unseen.add(&seen.name, "was not inspected");
                continue;
            }
        };
        let version = seen.status.seen();
        let version = version.and_then(|status| status.version.parse().ok());
        let differences = differences(plan, member, version, started);
        if differences.is_empty() {
            same += 1;
        } else {
            findings.push((index, &seen.name, format!("runs {}", list(differences))));
        }
    }
    let first = findings.first().map(|(_, name, _)| *name);
    let findings = findings.into_iter().map(|(index, name, text)| {
        let hint = hint(plan, observation, (index, first.unwrap_or(name)));
        (name, text, hint)
    });
    let findings = grouped(findings);
    let all = observation.members.len();
    let evidence = match (same, findings.is_empty()) {
        (0, true) => String::new(),
        _ => format!("as defined on {same} of {all}"),
    };
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    unseen.settle(verdict, evidence, findings)
}

/// The differences between the flags that a member was started with and those that it would get now.
pub fn differences(
    plan: &Plan,
    member: &Member,
    version: Option<EtcdVersion>,
    started: &StartedWith,
) -> Vec<String> {
    let plan = match version {
        Some(version) if version != plan.version() => &plan.run_by(version),
        _ => plan,
    };
    let is_compared = |name: &str| {
        let is_of_the_machine = plan.on_machines && OF_THE_MACHINE.contains(&name);
        !OF_THE_START.contains(&name) && !is_of_the_machine
    };
    let defined = flags::flags(plan, &MemberFlags::at(plan, member, "", InitialState::New));
    let defined = defined
        .into_iter()
        .filter(|flag| !(plan.on_machines && flag.origin == FlagOrigin::MemberFlags));
    let defined: BTreeMap<String, String> = defined
        .filter(|flag| is_compared(&flag.name))
        .map(|flag| (flag.name, flag.value))
        .collect();
    let mut differences = Vec::new();
    for (name, value) in &defined {
        match started.flag(name) {
            Some(runs) if runs == value => {}
            Some(runs) => {
                differences.push(format!(
                    "with `--{name}={runs}` instead of `--{name}={value}`"
                ));
            }
            None => differences.push(format!("without `--{name}={value}`")),
        }
    }
    let surplus = started.flags.iter();
    let surplus = surplus.filter(|(name, _)| is_compared(name) && !defined.contains_key(*name));
    if started.trusts_former {
        differences.push("with a former certificate authority".to_owned());
    }
    differences.extend(
        surplus.map(|(name, value)| format!("with `--{name}={value}`, which is not defined")),
    );
    differences
}

/// What to do about a member. Members with the same differences share a hint, which names `example`.
fn hint(
    plan: &Plan,
    observation: &Observation,
    (index, example): (usize, &HostName),
) -> Option<Hint> {
    let started = observation.started.get(index).and_then(Look::seen);
    let trusts_former = started.is_some_and(|started| started.trusts_former);
    if trusts_former && observation.recorded.replaces_authority {
        let text = "let the new certificate authority replace the old one, one member at a time";
        return Some(Hint::heals(text, [task(plan, "apply")]));
    }
    if !plan.on_machines || trusts_former {
        // A member that does not serve comes first: the others would be stopped for nothing.
        let is_whole = QuorumState::of(plan, observation).is_whole();
        let text = "restart the members to apply the flags; the data is kept";
        return is_whole.then(|| Hint::heals(text, [restart(plan)]));
    }
    let machine = observation.machines.get(index).and_then(Look::seen);
    let digest = machine.and_then(|machine| machine.user_data.clone());
    // Otherwise the flags follow from the user-data, and `user-data` says what to do.
    let is_as_defined = digest == Some(render::user_data_sha256(plan));
    is_as_defined.then(|| {
        Hint::informs(
            "the user-data matches the definition, so the unit was changed on the machine; inspect it there",
            [ssh(plan, example)],
        )
    })
}
