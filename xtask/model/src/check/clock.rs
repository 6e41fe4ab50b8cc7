use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "clock",
    title: "the machines' clocks agree with this host's",
    about: About {
        looks_at: "How far each machine's clock is from this host's, read over ssh. The time that \
            the query takes limits the precision: only a difference that certainly exceeds 1 s is \
            a warning. etcd itself warns of a difference of 1 s between peers.",
        why: "A wrong clock makes certificates look expired or not yet valid, and makes the logs \
            of several members hard to compare. It does not stop Raft, which compares no clocks. \
            etcd 3 counts a lease as time that passes on the leader; in etcd 2 a time to live ends \
            at a moment on the clock, so it can end early or late.",
        what_to_do: "Synchronize the machine's clock with systemd-timesyncd or chrony: `cargo \
            xtask ssh core-01`, then `timedatectl` shows whether one is active. A machine that was \
            paused wakes up with the time at which it was paused. Where no time server can be \
            reached, set the clock once with `sudo date --set=…`.",
        read: "https://etcd.io/docs/v3.6/learning/why/#notes-on-the-usage-of-lock-and-lease",
    },
    judge,
};

/// The tolerated difference in seconds. etcd itself warns of a second between peers (rafthttp's probing, `the
/// clock difference against peer is too high`).
const MOST: f64 = 1.0;

fn judge(_plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    // The largest difference that the queries leave possible.
    let mut within = 0.0_f64;
    for (member, machine) in observation.machines_seen() {
        // The clock is ahead by an amount between these; both are negative if it is behind.
        let (least, most) = machine.clock_ahead;
        within = within.max(least.abs()).max(most.abs());
        let off = if least > MOST {
            format!("has a clock at least {least:.1} s ahead of this host's")
        } else if most < -MOST {
            format!("has a clock at least {:.1} s behind this host's", -most)
        } else {
            continue;
        };
        findings.push(Finding::new(
            Some(member),
            off,
            Hint::says("leases expire by the leader's clock, certificates by each member's: synchronize the machine's clock with `systemd-timesyncd` or `chrony`"),
        ));
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Warn
    };
    let evidence = match observation.machines_seen().count() {
        0 => String::new(),
        _ => format!("within {within:.1} s of this host's clock"),
    };
    Coverage::of_machines(observation).settle(verdict, evidence, findings)
}
