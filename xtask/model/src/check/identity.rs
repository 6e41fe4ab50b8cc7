use super::{
    About, Check, Finding, Hint, Judgement, Verdict, coverage::Coverage, grouped, list, task,
};
use super::{quorum_state, reachable};
use crate::advice::can_be_replaced;
use crate::command_line::replace;
use crate::observation::{MemberObservation, Observation, Status};
use crate::plan::identity::member_id;
use crate::plan::{Member, Plan};
use crate::values::{HostName, Token};

pub(super) static CHECK: Check = Check {
    name: "identity",
    title: "cluster and members have the predicted IDs",
    about: About {
        looks_at: "The cluster ID and the member ID that each member reports, compared with those \
            that follow from the definition. A member's ID is a hash of its peer URLs and the \
            `initial-cluster-token`, and the cluster ID is a hash of its members' IDs: both are \
            known before the first start. The ID of a member that was added later also depends on \
            the time: it is compared with the one that was recorded then.",
        why: "What answers at the right address may belong to another cluster. Data of an earlier \
            generation, a second cluster on the same network or two swapped addresses look healthy \
            from outside. Members with different cluster IDs refuse each other's messages, so they \
            never form one cluster; clients do not notice.",
        what_to_do: "The finding says where the other ID comes from, as far as that can be known. \
            etcd reads its token and its initial members only while its data folder is empty: if \
            they changed in the definition afterwards, undo the change. If it is a foreign \
            cluster, find out who else uses the address. A single local member that runs on \
            another cluster's data is replaced by `cargo xtask replace core-03`.",
        read: "https://etcd.io/docs/v3.6/faq/#what-does-the-etcd-warning-request-ignored-cluster-id-mismatch-mean",
    },
    judge,
};

fn judge(plan: &Plan, observation: &Observation) -> Judgement {
    let mut unseen = Coverage::of(observation, "its identity", |member| &member.status);
    let mut verdict = Verdict::Pass;
    let mut findings = Vec::new();
    let mut exchanged = Vec::new();
    let is_redefined = observation.recorded.is_redefined;
    let mut as_predicted = Vec::new();
    let seen = observation
        .members
        .iter()
        .filter_map(|member| Some((member, member.status.seen()?)));
    for (seen, status) in seen {
        let Some(member) = plan.members.iter().find(|m| m.name == seen.name) else {
            continue;
        };
        if let Some(other) = member_with(plan, status).filter(|other| other.name != member.name) {
            verdict = Verdict::Fail;
            exchanged.extend(answers_as(plan, observation, (seen, member), other));
            continue;
        }
        match differs(plan, is_redefined, member, status) {
            None => as_predicted.push(&member.name),
            Some((how, text, hint)) => {
                let hint = if quorum_state::is_stranger(plan, observation, seen) {
                    Some(if can_be_replaced(plan) {
                        Hint::heals(
                            "it runs on another cluster's data; replace it, and its data is moved aside",
                            [replace(&plan.name, &member.name)],
                        )
                    } else {
                        Hint::says(
                            "it runs on another cluster's data, and no task restores its own here; the others keep running without it",
                        )
                    })
                } else {
                    hint
                };
                verdict = verdict.max(how);
                if how == Verdict::Skipped {
                    unseen.add(&seen.name, "has an ID that is not recorded");
                }
                findings.push((&member.name, text, hint));
            }
        }
    }
    let mut findings = grouped(findings);
    findings.extend(exchanged);
    let evidence = match verdict {
        Verdict::Pass if as_predicted.is_empty() => {
            return unseen.settle(Verdict::Skipped, "", findings);
        }
        Verdict::Pass if as_predicted.len() == plan.members.len() => {
            let added = plan.members.iter().filter(|one| !plan.is_predicted(one));
            let added: Vec<&HostName> = added.map(|member| &member.name).collect();
            let of_added = match added.as_slice() {
                [] => String::new(),
                added => format!(", that of {} as recorded", list(added)),
            };
            format!(
                "cluster {} and all member IDs as predicted{of_added}",
                plan.cluster_id
            )
        }
        Verdict::Pass => format!(
            "cluster {}; {} as predicted",
            plan.cluster_id,
            list(as_predicted)
        ),
        Verdict::Skipped => format!("cluster {}, as predicted", plan.cluster_id),
        _ => format!("expected cluster {}", plan.cluster_id),
    };
    unseen.settle(verdict, evidence, findings)
}

/// The member of the plan with the ID in this status.
fn member_with<'a>(plan: &'a Plan, status: &Status) -> Option<&'a Member> {
    let mut members = plan.members.iter();
    members.find(|member| member.id == status.member_id)
}

/// Reports that another member answers at a member's address. Of two members that answer in each other's
/// place, only the first is reported.
fn answers_as(
    plan: &Plan,
    observation: &Observation,
    (seen, member): (&MemberObservation, &Member),
    other: &Member,
) -> Option<Finding> {
    let (name, others) = (&member.name, &other.name);
    let mut members = observation.members.iter();
    let other_seen = members.find(|one| one.name == *others);
    let answers_there = other_seen.and_then(|one| one.status.seen()?.member_id.into());
    if answers_there != Some(member.id) {
        return Some(Finding::new(
            Some(name),
            format!("answers as {others}"),
            reachable::passed_on(plan, observation, seen, other.id),
        ));
    }
    let position = |wanted: &HostName| plan.members.iter().position(|one| one.name == *wanted);
    if position(others) < position(name) {
        return None;
    }
    let (down, up) = (task(plan, "down"), task(plan, "up"));
    // A process reports its own name to the cluster, whatever data it runs on.
    let listed = quorum_state::listed_as(observation, other.id);
    let (text, hint) = if listed.contains(&name.as_str()) {
        (
            format!("{name} and {others} run on each other's data"),
            Hint::informs(
                "give each its own data folder back while the cluster is stopped",
                [down, up],
            ),
        )
    } else if listed.contains(&others.as_str()) {
        (
            format!("{name} and {others} are swapped: each answers at the other's address"),
            Hint::says("check what forwards or translates their addresses"),
        )
    } else {
        let verify = task(plan, "verify --wait 60s");
        (
            format!("{name} and {others} answer in each other's place"),
            Hint::informs(
                "their addresses or their data folders are swapped; which of the two is known once they have a leader",
                [verify],
            ),
        )
    };
    Some(Finding {
        members: vec![name.clone(), others.clone()],
        text,
        hint: Some(hint),
    })
}

/// How a member differs from its prediction, if it does. `is_redefined`: the definition describes another cluster
/// than the one that was started.
fn differs(
    plan: &Plan,
    is_redefined: bool,
    member: &Member,
    status: &Status,
) -> Option<(Verdict, String, Option<Hint>)> {
    if status.cluster_id == plan.cluster_id && status.member_id == member.id {
        return None;
    }
    if status.cluster_id == plan.cluster_id {
        // etcd makes its ID from the time, too.
        let known = if plan.is_predicted(member) {
            "predicted"
        } else {
            "recorded"
        };
        return Some((
            Verdict::Skipped,
            format!(
                "has the ID {}, not the {known} {}: it was added while the cluster ran",
                status.member_id, member.id
            ),
            Some(Hint::heals(
                "if you added it, record its ID",
                [task(plan, "adopt")],
            )),
        ));
    }
    let foreign = format!("belongs to cluster {}", status.cluster_id);
    if status.member_id == member.id {
        return Some((
            Verdict::Fail,
            format!("{foreign}, which started with the same token but other members"),
            Some(Hint::says(format!(
                "compare the members of {} with that cluster's",
                plan.source
            ))),
        ));
    }
    Some(match started_with(plan, member, status) {
        Some(token) => (
            Verdict::Fail,
            format!(
                "{foreign}, which started with the token `{token}`, not `{}`",
                plan.etcd.token
            ),
            Some(Hint::says(format!(
                "its data is of another generation; if that is the right one, restore the token in {}",
                plan.source
            ))),
        ),
        // `definition` says what to do.
        None if is_redefined => (
            Verdict::Fail,
            format!("{foreign}, not to the one that is now defined"),
            None,
        ),
        None => (
            Verdict::Fail,
            format!(
                "{foreign}, which is foreign: neither its token nor its members are known here"
            ),
            Some(Hint::says(
                "find out who else uses its address, or whose data it runs on",
            )),
        ),
    })
}

/// The token that a foreign member must have started with, if it is a likely one: etcd's default, or another
/// generation of this cluster.
fn started_with(plan: &Plan, member: &Member, status: &Status) -> Option<String> {
    let token = plan.etcd.token.as_str();
    let base = match token.rsplit_once('-') {
        Some((base, generation)) if generation.parse::<u32>().is_ok() => base,
        _ => token,
    };
    let generations = (0..=100).map(|generation| format!("{base}-{generation}"));
    [Token::ETCD_DEFAULT, base, plan.name.as_str()]
        .into_iter()
        .map(str::to_owned)
        .chain(generations)
        .find(|token| member_id(&[member.peer_url()], token) == status.member_id)
}
