//! Lets local members without data ask the others whether to found the cluster, as machines do.

use std::collections::BTreeSet;

use crate::bootstrap::{Answer, Decision, Entry, Identity, Newcomer};
use crate::command_line;
use crate::etcd::http::Sender;
use crate::etcd::peers;
use crate::hint::Hint;
use crate::plan::flags::InitialState;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::steps::Start;
use crate::values::HostName;

/// Decides for each member that is to be started without data. `is_recorded`: whether the cluster has a
/// record. `sender`: asks the others. Returns the members that join a running cluster, each with its ID there.
///
/// # Errors
///
/// Refuses if a member can neither found the cluster nor join it.
pub(super) fn decide(
    plan: &Plan,
    sender: &Sender,
    is_recorded: bool,
    start: &mut Start,
) -> Outcome<Vec<(HostName, EtcdId)>> {
    let mut joining = Vec::new();
    let new = start.members.iter_mut();
    let new = new.filter(|(_, state)| *state == InitialState::New);
    // All are asked before any is started.
    for (name, state) in new {
        let Some(member) = plan.members.iter().find(|member| member.name == *name) else {
            continue;
        };
        match newcomer(plan, member).decide(&answers(plan, sender, member)) {
            Decision::Found => {}
            Decision::Join(list) if is_list_of(plan, &list) => {
                *state = InitialState::Existing;
                let url = member.peer_url();
                let mut list = list.iter();
                let entry = list.find(|entry| entry.peer_urls.contains(&url));
                joining.extend(entry.map(|entry| (name.clone(), entry.id)));
            }
            Decision::Join(_) => {
                let why = "the cluster expects it, but has other members than the definition";
                return Err(refused(plan, is_recorded, member, why));
            }
            Decision::Lost(_) if is_recorded => start.lost.push(name.clone()),
            Decision::Lost(why) => return Err(refused(plan, is_recorded, member, &why)),
            Decision::Wait(why) => return Err(refused(plan, is_recorded, member, &why)),
        }
    }
    start.members.retain(|(name, _)| !start.lost.contains(name));
    Ok(joining)
}

fn newcomer(plan: &Plan, member: &Member) -> Newcomer {
    let joining = Identity {
        cluster: plan.cluster_id,
        member: member.id,
    };
    Newcomer {
        joining: (!plan.is_predicted(member)).then_some(joining),
        ..Newcomer::of(plan, member)
    }
}

fn answers(plan: &Plan, sender: &Sender, member: &Member) -> Vec<(String, Answer)> {
    let others = plan.members.iter();
    let others = others.filter(|other| other.name != member.name);
    others
        .map(|other| (other.name.to_string(), peers::ask(other, sender)))
        .collect()
}

/// Whether these are the plan's members: etcd refuses to join with any other list.
fn is_list_of(plan: &Plan, list: &[Entry]) -> bool {
    let listed = list.iter().flat_map(|entry| entry.peer_urls.clone());
    let planned = plan.members.iter().map(Member::peer_url);
    listed.collect::<BTreeSet<String>>() == planned.collect()
}

fn refused(plan: &Plan, is_recorded: bool, member: &Member, why: &str) -> Failure {
    let name = &member.name;
    let diagnostic = Diagnostic::error(format!("`{name}` has no data and is not started: {why}"));
    Failure::refused(if is_recorded {
        diagnostic
            .note("it could found a second cluster")
            .hint(Hint::informs(
                "see what the others are",
                [command_line::task(plan, "verify")],
            ))
    } else {
        diagnostic
            .note(
                "something else runs at the addresses of this cluster, which was not started here",
            )
            .hint("stop that, or choose another `network.subnet`")
    })
}
