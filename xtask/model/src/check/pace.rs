use std::time::Duration;

use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, task};
use crate::observation::Observation;
use crate::plan::Plan;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "pace",
    title: "no member is much slower than the others",
    about: About {
        looks_at: "How long each member took to describe itself, etcdctl's own start included. \
            Half a second is too long where it is also five times what the middle one of all \
            members took: on a host where everything is slow, nobody is.",
        why: "A slow member costs nothing while it follows, and everything when it leads: then \
            every write waits for it. Clients that are connected to it wait already. It is often \
            the first that is seen of a disk or a host about to fail.",
        what_to_do: "Look again: a single slow answer means little. If it stays so, look at the \
            member's host for what else uses its processor and its disk. `cargo xtask logs \
            core-01` has etcd's own complaints, such as requests that took too long. If the slow \
            one leads, `etcdctl move-leader` lets another one lead.",
        read: "https://etcd.io/docs/v3.6/tuning/",
    },
    judge,
};

/// What nobody would call slow.
const QUICK: Duration = Duration::from_millis(500);

/// How many times longer than the middle one a member may take.
const RATIO: u32 = 5;

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().is_v2() {
        return Judgement::not_applicable(
            "etcd 2 is asked several things at once, which take their time together",
        );
    }
    let unseen = Coverage::of(observation, "how it is", |member| &member.status);
    let mut seen: Vec<(Duration, &HostName)> = observation
        .members
        .iter()
        .filter_map(|member| Some((member.took?, &member.name)))
        .collect();
    seen.sort_unstable();
    let Some((middle, _)) = seen.get(seen.len().saturating_sub(1) / 2) else {
        return unseen.settle(Verdict::Skipped, "", Vec::new());
    };
    let is_slow = |took: &Duration| *took >= QUICK && *took > *middle * RATIO;
    let slow = seen.iter().filter(|(took, _)| is_slow(took));
    let findings: Vec<Finding> = slow
        .map(|(took, member)| {
            Finding::new(
                Some(member),
                format!(
                    "took {} to answer, the middle one of all {}",
                    milliseconds(*took),
                    milliseconds(*middle)
                ),
                Hint::informs(
                    "look again; if it stays slow, look at what else its host is doing",
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
    let most = seen.last().map_or(*middle, |(most, _)| *most);
    let evidence = format!("answered within {}", milliseconds(most));
    unseen.settle(verdict, evidence, findings)
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
