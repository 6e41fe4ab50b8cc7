use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, etcdctl};
use crate::advice;
use crate::command_line;
use crate::observation::{Look, Observation};
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "data",
    title: "every member that answers has its data on disk",
    about: About {
        looks_at: "Whether the data folder of each member that answers holds a write-ahead log, \
            and for local processes the database: on this host, or over ssh on machines.",
        why: "A member whose data is removed goes on serving from its open files, and loses \
            everything when it stops. If its whole folder is gone, etcd exits within 30 seconds; \
            otherwise, nothing shows it before the next restart. If it happens to a majority, that \
            restart loses the cluster's data.",
        what_to_do: "Do not restart it. `cargo xtask replace core-01 --yes` takes a backup from \
            another member, removes this one from the cluster and adds it again with the data of \
            the others. If no quorum is left without it, copy its keys while it serves: it cannot \
            send a snapshot. `cargo xtask restore` brings back the last backup.",
        read: "https://etcd.io/docs/v3.6/op-guide/runtime-configuration/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let members = observation.members.iter().enumerate();
    let answering = members.filter(|(_, member)| member.status.seen().is_some());
    let mut unseen = Coverage::of(observation, "its status", |member| &member.status);
    let (mut with_data, mut lost): (usize, Vec<&HostName>) = (0, Vec::new());
    for (index, member) in answering {
        match observation.data.get(index) {
            Some(Look::Seen(true)) => with_data += 1,
            Some(Look::Seen(false)) => lost.push(&member.name),
            Some(Look::Failed(why) | Look::NotAsked(why)) => unseen.add(&member.name, why),
            None => unseen.add(&member.name, "was not inspected"),
        }
    }
    let verdict = match (lost.is_empty(), with_data) {
        (false, _) => Verdict::Fail,
        (true, 0) => Verdict::Skipped,
        (true, _) => Verdict::Pass,
    };
    let findings = lost.iter().enumerate().map(|(index, member)| {
        let hint = (index == 0).then(|| hint(plan, member, with_data));
        let text = "runs, but its data is gone, or a part of it: do not restart it";
        Finding::new(Some(member), text, hint)
    });
    let evidence = match with_data + lost.len() {
        0 => String::new(),
        all => format!("{with_data} of {all} on disk"),
    };
    let findings = findings.collect();
    unseen.settle(verdict, evidence, findings)
}

/// What to do about the first of them. `others`: how many others have theirs.
fn hint(plan: &Plan, member: &HostName, others: usize) -> Hint {
    if others >= plan.quorum() && advice::can_be_replaced(plan) {
        return Hint::heals(
            "replace it while the others serve",
            [command_line::replace(&plan.name, member) + " --yes"],
        );
    }
    let get = if plan.version().is_v2() {
        "ls --recursive /"
    } else {
        "get --prefix ''"
    };
    Hint::makes_safer(
        "copy its keys and values while it serves: it cannot send a snapshot",
        [etcdctl(plan, get)],
    )
}
