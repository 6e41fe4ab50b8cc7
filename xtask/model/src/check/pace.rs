use std::time::Duration;

use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, task};
use crate::observation::Observation;
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "pace",
    title: "no member is much slower than the others",
    about: About {
        looks_at: "How long each member took to report its status, including the start of etcdctl. \
            Half a second is too long if it is also more than five times the median of all \
            members: on a host where everything is slow, no member counts as slow.",
        why: "A slow member costs nothing while it follows, but every write waits for it when it \
            leads. Clients that are connected to it wait already. Slowness is often the first sign \
            that a disk or a host is about to fail.",
        what_to_do: "Check again: a single slow answer means little. If the member stays slow, \
            check what else uses the processor and the disk of its host. `cargo xtask logs \
            core-01` shows etcd's own complaints, such as requests that took too long. If the slow \
            member leads, `etcdctl move-leader` moves the leadership to another.",
        read: "https://etcd.io/docs/v3.6/tuning/",
    },
    judge,
};

/// A member that answers faster than this is never slow.
const QUICK: Duration = Duration::from_millis(500);

/// How many times the median a member may take.
const RATIO: u32 = 5;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement::not_applicable(
            "etcd 2 takes several queries at once, so no single answer can be timed",
        );
    }
    let unseen = Coverage::of(observation, "its status", |member| &member.status);
    let mut seen: Vec<(Duration, &HostName)> = observation
        .members
        .iter()
        .filter_map(|member| Some((member.took?, &member.name)))
        .collect();
    seen.sort_unstable();
    let Some((median, _)) = seen.get(seen.len().saturating_sub(1) / 2) else {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    };
    let is_slow = |took: &Duration| *took >= QUICK && *took > *median * RATIO;
    let slow = seen.iter().filter(|(took, _)| is_slow(took));
    let findings: Vec<Finding> = slow
        .map(|(took, member)| {
            Finding::new(
                Some(member),
                format!(
                    "took {} to answer; the median is {}",
                    milliseconds(*took),
                    milliseconds(*median)
                ),
                Hint::informs(
                    "check again; if it stays slow, check what else its host is doing",
                    [task(plan, "verify")],
                ),
            )
        })
        .collect();
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Warn
    };
    let most = seen.last().map_or(*median, |(most, _)| *most);
    let evidence = format!("answered within {}", milliseconds(most));
    unseen.settle(verdict, evidence, findings)
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
