use super::quorum_state::QuorumState;
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, logs};
use crate::advice;
use crate::observation::etcdctl::is_unauthorized;
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
    let mut findings = refused(plan, observation);
    findings.extend(unread(plan, observation));
    let mut verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
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

    findings.extend(unauthorized(observation));
    // Failures are reported above. What others did not get to do because of them is not.
    let unseen = Coverage::of_unasked(observation, |member| &member.write);
    let written = written(observation).count();
    if written == 0 {
        return unseen.nothing(
            verdict.max(Verdict::Skipped),
            "nothing was written",
            findings,
        );
    }
    let reads = observation.members.iter();
    let readers = reads.filter_map(|member| member.reads.seen()).count();
    let removed = match &observation.probe.removed {
        Look::Seen(()) => ", all removed",
        Look::Failed(_) | Look::NotAsked(_) => "",
    };
    let all = observation.members.len();
    let evidence = format!("written through {written} of {all}, read from {readers}{removed}");
    unseen.settle(verdict, evidence, findings)
}

/// The members that answer, and refuse to write for want of a user. `reachable` reports those that do not answer either.
fn unauthorized(observation: &Observation) -> Option<Finding> {
    let mut members = observation.members.iter();
    members.find_map(|member| match (&member.write, &member.status) {
        (Look::NotAsked(why), Look::Seen(_)) if is_unauthorized(why) => Some(Finding::new(
            None,
            format!("nothing was written: {} {why}", member.name),
            advice::give_a_user(),
        )),
        _ => None,
    })
}

/// The members through which a value was written.
fn written(observation: &Observation) -> impl Iterator<Item = &HostName> {
    let members = observation.members.iter();
    members
        .filter(|member| member.write.seen().is_some())
        .map(|member| &member.name)
}

/// The members that accepted no write.
fn refused(plan: &Plan, observation: &Observation) -> Vec<Finding> {
    let refused = observation.members.iter().filter_map(|member| {
        let Look::Failed(why) = &member.write else {
            return None;
        };
        let text = format!("accepted no write: {why}");
        let hint = log(plan, observation, &member.name);
        Some(Finding::new(Some(&member.name), text, hint))
    });
    refused.collect()
}

/// The members that did not return every value that was written.
fn unread(plan: &Plan, observation: &Observation) -> Vec<Finding> {
    let unread = observation.members.iter().filter_map(|member| {
        let name = &member.name;
        let read = match &member.reads {
            Look::NotAsked(_) => return None,
            Look::Failed(why) => {
                let text = format!("could not read the values back: {why}");
                return Some(Finding::new(Some(name), text, log(plan, observation, name)));
            }
            Look::Seen(read) => read,
        };
        let missing: Vec<&HostName> = written(observation)
            .filter(|name| !read.contains(name))
            .collect();
        let text = match missing.as_slice() {
            [] => return None,
            [one] => format!("does not have the value written through {one}"),
            _ => format!("does not have the values written through {}", list(missing)),
        };
        Some(Finding::new(
            Some(name),
            text,
            Hint::says(
                "acknowledged writes must be readable everywhere: these members are not one cluster, or their data is damaged; see `identity` and `hash`",
            ),
        ))
    });
    unread.collect()
}

/// Where to look for a member's reason. Under the alarm NOSPACE etcd refuses writes, and without a quorum it
/// can do nothing: `alarms` and `quorum` say what to do.
fn log(plan: &Plan, observation: &Observation, member: &HostName) -> Option<Hint> {
    let alarms = observation.members.iter();
    let mut alarms = alarms.filter_map(|member| member.alarms.seen()).flatten();
    let is_full = alarms.any(|alarm| alarm.kind == AlarmKind::NoSpace);
    (!is_full && QuorumState::of(plan, observation).has_quorum()).then(|| log_hint(plan, member))
}

fn log_hint(plan: &Plan, member: &HostName) -> Hint {
    Hint::informs(
        "if a member has just failed, verify again; otherwise read its log",
        [logs(plan, member)],
    )
}
