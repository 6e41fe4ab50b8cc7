use super::quorum_state::{self, QuorumState, ours};
use super::{About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, list, logs};
use crate::observation::{MemberObservation, Observation};
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

pub(super) static CHECK: Check = Check {
    name: "peers",
    title: "every member is connected to every other",
    about: About {
        looks_at: "Each member's metric `etcd_network_active_peers`, which counts the members that \
            it is connected to. Members that do not answer are left out: `reachable` reports them.",
        why: "Two members that lost their connection go unnoticed as long as both reach the \
            leader. If one of them has to lead next, the other cannot follow it, and the cluster \
            may have no leader although all members run. No etcdctl query reveals it.",
        what_to_do: "Find out what lies between the two: a firewall, a route, a cable. Each member \
            has to reach the peer port (`etcd.peer_port`) of every other, in both directions: a connection does not \
            survive the loss of one. `cargo xtask logs core-01` names the peer that a member does \
            not reach, and why.",
        read: "https://etcd.io/docs/v3.6/op-guide/failures/#network-partition",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    if plan.version().minor_release() < (3, 3) {
        return Judgement::not_applicable("etcd counts its connections since 3.3");
    }
    if plan.members.len() == 1 {
        return Judgement::not_applicable("there is no other member");
    }
    let unseen = Coverage::of_ours(plan, observation, "its connections", |member| &member.peers);
    let answering: Vec<(&MemberObservation, EtcdId)> = ours(plan, observation)
        .filter_map(|member| Some((member, member.status.seen()?.member_id)))
        .collect();
    let are_exchanged = quorum_state::are_exchanged(plan, observation);
    let mut findings = Vec::new();
    let mut connections = 0;
    let mut looked = false;
    for (member, id) in &answering {
        let Some(peers) = member.peers.seen() else {
            continue;
        };
        looked = true;
        let others = answering.iter().filter(|(_, other)| other != id);
        let (reached, missed): (Vec<_>, Vec<_>) =
            others.partition(|(_, other)| peers.contains(other));
        connections += reached.len();
        if !missed.is_empty() {
            let missed: Vec<&HostName> = missed.iter().map(|(other, _)| &other.name).collect();
            // Members that answer in each other's place refuse each other, and `identity` says what to do. If
            // too few answer, `quorum` or `reachable` does.
            let is_lost = QuorumState::of(plan, observation).is_lost();
            let hint = (!are_exchanged && !is_lost).then(|| {
                Hint::informs(
                    "check what lies between their peer ports; its log shows what it tried",
                    [logs(plan, &member.name)],
                )
            });
            let text = format!("has no connection to {}", list(missed));
            findings.push(Finding::new(Some(&member.name), text, hint));
        }
    }
    if !looked {
        return unseen.settle(Verdict::Skipped, "", findings);
    }
    let verdict = if findings.is_empty() {
        Verdict::Pass
    } else {
        Verdict::NotYet
    };
    let evidence = match connections {
        0 => "no connections".to_owned(),
        1 => "1 connection".to_owned(),
        many => format!("{many} connections, counted at both ends"),
    };
    unseen.settle(verdict, evidence, findings)
}
