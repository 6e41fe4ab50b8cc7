use super::quorum_state::QuorumState;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, logs};
use crate::observation::{AlarmKind, Look, Observation};
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "write",
    title: "values written through each member are read from every other, and removed",
    about: About {
        looks_at: "A separate value is written through each member, and each member must then \
            return the values that were written through all. The reads are linearizable, so none \
            of them may return old data. The values are attached to a lease of 60 s and removed \
            together; what cannot be removed expires. The revision grows a little each time.",
        why: "Only this takes every step of a client's request. It needs a client port, the path \
            to the leader, the disks of a majority, and the way back. A member can report its own \
            status and yet pass nothing on. Finding each value through every member also shows \
            that they are one cluster.",
        what_to_do: "Verify again if a member failed or a leader was elected at that moment. Check \
            `quorum`, `leader` and `alarms` first: without the first two nothing is written, and \
            NOSPACE refuses writes. If these pass, read the log of the member that accepted no \
            write: `cargo xtask logs core-01`. A value that is acknowledged but not found is \
            serious: see `identity` and `hash`.",
        read: "https://etcd.io/docs/v3.6/learning/api_guarantees/",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    let mut verdict = Verdict::Pass;
    let full = observation
        .members
        .iter()
        .filter_map(|member| member.alarms.seen())
        .flatten()
        .any(|alarm| alarm.kind == AlarmKind::NoSpace);

    // Under the alarm NOSPACE etcd refuses writes, and without a quorum it can do nothing: `alarms` and
    // `quorum` say what to do.
    let tells_alone = !full && QuorumState::of(plan, observation).has_quorum();
    let mut written: Vec<&HostName> = Vec::new();
    for member in &observation.members {
        match &member.write {
            Look::Seen(_) => written.push(&member.name),
            Look::NotAsked(_) => {}
            Look::Failed(why) => {
                verdict = Verdict::Fail;
                let hint = tells_alone.then(|| log(plan, &member.name));
                let text = format!("accepted no write: {why}");
                findings.push(Finding::new(Some(&member.name), text, hint));
            }
        }
    }
    let mut readers = 0;
    for member in &observation.members {
        match &member.reads {
            Look::NotAsked(_) => {}
            Look::Failed(why) => {
                verdict = Verdict::Fail;
                findings.push(Finding::new(
                    Some(&member.name),
                    format!("could not read the values back: {why}"),
                    tells_alone.then(|| log(plan, &member.name)),
                ));
            }
            Look::Seen(read) => {
                readers += 1;
                let missing: Vec<&HostName> = written
                    .iter()
                    .copied()
                    .filter(|name| !read.contains(name))
                    .collect();
                if !missing.is_empty() {
                    verdict = Verdict::Fail;
                    findings.push(Finding::new(
                        Some(&member.name),
                        match missing.as_slice() {
                            [one] => format!("does not have the value written through {one}"),
                            _ => format!("does not have the values written through {}", list(missing)),
                        },
                        Hint::says(
                            "acknowledged writes must be readable everywhere: these members are not one cluster, or their data is damaged; see `identity` and `hash`",
                        ),
                    ));
                }
            }
        }
    }
    if let Look::Failed(why) = &observation.probe.removed {
        verdict = verdict.max(Verdict::Warn);
        findings.push(Finding::new(
            None,
            format!(
                "the values under `{}` could not be removed: {why}",
                observation.probe.prefix
            ),
            Hint::says("nothing to do: they expire within a minute"),
        ));
    }

    // Failures are reported above. What others did not get to do because of them is not.
    let unseen = Coverage::of_unasked(observation, |member| &member.write);
    if written.is_empty() {
        return unseen.nothing(
            verdict.max(Verdict::Skipped),
            "nothing was written",
            findings,
        );
    }
    let removed = match &observation.probe.removed {
        Look::Seen(()) => ", all removed",
        Look::Failed(_) | Look::NotAsked(_) => "",
    };
    let all = observation.members.len();
    let evidence = format!(
        "written through {} of {all}, read from {readers}{removed}",
        written.len()
    );
    unseen.settle(verdict, evidence, findings)
}

fn log(plan: &Plan, member: &HostName) -> Hint {
    Hint::informs(
        "if a member has just failed, verify again; otherwise read its log",
        [logs(plan, member)],
    )
}
