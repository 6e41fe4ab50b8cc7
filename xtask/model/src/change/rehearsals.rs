//! The changes that `drill` rehearses on a copy of a cluster: a row each in [`REHEARSALS`].

use crate::definition::MOST_MEMBERS;
use crate::plan::{Member, Plan};
use crate::values::HostName;
use crate::wording::many;

/// All rehearsals, in the order of the list.
pub static REHEARSALS: &[Rehearsal] = &[
    Rehearsal {
        name: "grow",
        title: "members are added, up to the next odd number",
        task: Task::Apply(grown),
    },
    Rehearsal {
        name: "shrink",
        title: "members are removed, down to an odd number",
        task: Task::Apply(shrunk),
    },
    Rehearsal {
        name: "replace",
        title: "a follower is replaced, and joins without data",
        task: Task::Replace,
    },
    Rehearsal {
        name: "rolling-restart",
        title: "all members are restarted, the leader last",
        task: Task::Restart,
    },
    Rehearsal {
        name: "rolling-upgrade",
        title: "all members get VERSION, which is the next word",
        task: Task::Upgrade,
    },
    Rehearsal {
        name: "address-change",
        title: "a member moves to another address",
        task: Task::Apply(moved),
    },
];

/// A change that can be rehearsed.
#[derive(Debug)]
pub struct Rehearsal {
    /// The name: stable, because it is part of the interface.
    pub name: &'static str,
    /// What happens, as a short sentence: the list has room for 55 characters.
    pub title: &'static str,
    /// The task that makes the change.
    pub task: Task,
}

/// The task that makes a change.
#[derive(Debug, Clone, Copy)]
pub enum Task {
    /// `apply`, after this edit of the plan. The error says what keeps this plan from being edited like that: `needs at
    /// least 3 members`.
    Apply(fn(&Plan) -> Result<Plan, String>),
    /// `replace`, of a follower.
    Replace,
    /// `restart`, of all members.
    Restart,
    /// `apply`, with the version that the user names.
    Upgrade,
}

/// The rehearsal of this name.
pub fn named(name: &str) -> Option<&'static Rehearsal> {
    REHEARSALS.iter().find(|rehearsal| rehearsal.name == name)
}

impl Rehearsal {
    /// Why it is not possible on a copy of this plan's cluster.
    pub fn obstacle(&self, plan: &Plan) -> Option<String> {
        match self.task {
            Task::Apply(edit) => edit(plan).err(),
            Task::Replace => (plan.members.len() < 2).then(|| needs_at_least(2)),
            Task::Restart | Task::Upgrade => None,
        }
    }
}

fn grown(plan: &Plan) -> Result<Plan, String> {
    let wanted = plan.members.len() + 1;
    let wanted = wanted + usize::from(wanted.is_multiple_of(2));
    if wanted > MOST_MEMBERS {
        let most = many(MOST_MEMBERS - 2, "member");
        return Err(format!("needs at most {most}"));
    }
    let mut grown = plan.clone();
    while grown.members.len() < wanted {
        let name = unused_name(&grown).ok_or("needs an unused name for a member")?;
        let address = grown.unused_address();
        let (ports, scheme) = (grown.ports(), grown.scheme());
        let member = Member::new(name, address, ports, scheme, &grown.etcd.token);
        grown = grown.with_member(member);
    }
    Ok(grown)
}

fn shrunk(plan: &Plan) -> Result<Plan, String> {
    let wanted = plan.members.len().saturating_sub(1);
    if wanted == 0 {
        return Err(needs_at_least(2));
    }
    let wanted = wanted - usize::from(wanted.is_multiple_of(2));
    let leaving = plan.members.iter().skip(wanted);
    Ok(leaving.fold(plan.clone(), |plan, one| plan.without_member(&one.name)))
}

fn moved(plan: &Plan) -> Result<Plan, String> {
    let Some(last) = plan.members.last() else {
        return Err(needs_at_least(1));
    };
    let moved = last.at(plan.unused_address(), last.ports, &plan.etcd.token);
    Ok(plan.without_member(&last.name).with_member(moved))
}

fn needs_at_least(members: usize) -> String {
    format!("needs at least {}", many(members, "member"))
}

/// The name that a counted member would have next.
fn unused_name(plan: &Plan) -> Option<HostName> {
    let mut names = (1..=u8::MAX).map(|number| plan.name_prefix.numbered(number));
    names.find(|name| !plan.names().contains(name))
}
