use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage};
use crate::observation::Observation;
use crate::plan::Plan;

pub(super) static CHECK: Check = Check {
    name: "clock",
    title: "the machines' clocks agree with this host's",
    about: About {
        looks_at: "How far the clock of each machine is from this host's, asked over ssh. The \
            time that it takes to ask limits how exactly that can be known: only what is \
            certainly more than 1 s is a warning. From 1 s on etcd itself warns of the difference \
            between peers.",
        why: "A wrong clock makes certificates look expired or not yet valid, and logs of several \
            members hard to lay side by side. It does not stop Raft, which compares no clocks. \
            Leases of etcd 3 are counted as time that passes on the leader; the times to live of \
            etcd 2 are moments on the clock, and end early or late.",
        what_to_do: "Have the machine keep time, by systemd-timesyncd or chrony: `cargo xtask ssh \
            core-01`, then `timedatectl` says whether it does. A machine that was paused wakes up \
            with the time at which it fell asleep. Where no time server can be reached, set the \
            clock once by `sudo date --set=…`.",
        read: "https://etcd.io/docs/v3.6/learning/why/#notes-on-the-usage-of-lock-and-lease",
    },
    judge,
};

/// By how many seconds a clock may be off. etcd itself warns of a second between peers
/// (rafthttp's probing, `the clock difference against peer is too high`).
const MOST: f64 = 1.0;

fn judge(_plan: &Plan, observation: &Observation) -> Judgement {
    let mut findings = Vec::new();
    // How far from this host's a clock may be without having been noticed.
    let mut within = 0.0_f64;
    for (member, machine) in observation.machines_seen() {
        // Somewhere between these it is ahead; both are below zero where it is behind.
        let (least, most) = machine.clock_ahead;
        within = within.max(least.abs()).max(most.abs());
        let off = if least > MOST {
            format!("has a clock that is at least {least:.1} s ahead of this host's")
        } else if most < -MOST {
            format!(
                "has a clock that is at least {:.1} s behind this host's",
                -most
            )
        } else {
            continue;
        };
        findings.push(Finding::new(
            Some(member),
            off,
            Hint::says("leases expire by the leader's clock and certificates by each member's: have the machine keep time, by `systemd-timesyncd` or `chrony`"),
        ));
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Warn
    };
    let evidence = match observation.machines_seen().count() {
        0 => String::new(),
        // As exactly as the time that it took to ask lets one know.
        _ => format!("within {within:.1} s of this host's"),
    };
    Coverage::of_machines(observation).settle(verdict, evidence, findings)
}
