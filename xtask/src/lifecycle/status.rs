//! A snapshot of each member of a cluster.

mod looks;

use std::time::Duration;

use super::{definitions, known_data, open, unfinished, way_back};
use crate::advice::Unusable;
use crate::check;
use crate::etcd::observe;
use crate::hint::Hint;
use crate::observation::{Condition, Look, MemberSnapshot, Snapshot, Status};
use crate::plan::identity::EtcdId;
use crate::report::Outcome;
use crate::session::Started;
use crate::state::DataSeen;
use crate::values::HostName;
use crate::wording::{list, list_of_words};

pub use looks::Looks;

/// How long a member may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes a snapshot.
pub fn snapshot(started: &Started) -> Outcome<Snapshot> {
    let Started {
        home,
        record,
        driver,
        ..
    } = started;
    let tools = started.tools()?;
    let names = record.names();
    let conditions = driver.conditions(home, &names)?;
    let data = DataSeen::of(home);
    known_data::note_on_disk(&data, *driver, home, &names);
    let members = record.members();
    let statuses = observe::statuses(&members, &tools, PATIENCE);
    known_data::note_answers(&data, &members, &statuses);
    let seen = conditions.into_iter().map(Some).zip(statuses);
    Ok(snapshot_of(started, seen))
}

/// Combines what the driver and the members themselves report, in the record's order.
fn snapshot_of(
    started: &Started,
    seen: impl IntoIterator<Item = (Option<Condition>, Look<Status>)>,
) -> Snapshot {
    let record = &started.record;
    let planned = record.members();
    let cluster_id = record.cluster_id();
    let members = planned.into_iter().zip(seen);
    let members = members.map(|(member, (condition, status))| MemberSnapshot {
        endpoint: member.client_url(),
        predicted_id: member.id,
        name: member.name,
        status: own_status(condition.as_ref(), status, cluster_id),
        condition,
    });
    let members: Vec<MemberSnapshot> = members.collect();
    let mut snapshot = Snapshot {
        cluster: started.home.name.clone(),
        driver: record.driver,
        version: record.etcd.version,
        lost: lost(started, &members),
        damaged: damaged(started, &members),
        way_back: None,
        unfinished: unfinished::hint(&started.home),
        changes: changes(started, &members),
        is_redefined: open::is_redefined(started),
        is_defined: definitions::exists(&started.home.workspace, &started.home.name),
        members,
    };
    snapshot = snapshot.each_member_once();
    snapshot.way_back = way_back(started, &snapshot);
    snapshot
}

/// How the definition differs from what runs, in words, as far as this host shows quickly.
fn changes(started: &Started, seen: &[MemberSnapshot]) -> Vec<String> {
    let Started {
        home,
        record,
        driver,
        ..
    } = started;
    let mut changes = open::changes(started);
    let in_transit = record.in_transit().into_iter();
    changes.extend(in_transit.map(|one| {
        let (name, address) = (one.name, one.address);
        format!("`{name}` at {address} is being added or removed by `apply`")
    }));
    let Some(defined) = open::defined(started).filter(|plan| !record.is_redefined_by(plan)) else {
        return changes;
    };
    if driver.machines().is_some() {
        let outdated = driver.outdated(home, &defined).into_iter();
        changes.extend(outdated.map(|one| one.message));
        return changes;
    }
    let processes = driver.started_with(home, &record.names());
    let members = record.members();
    let mut different: Vec<(String, Vec<&HostName>)> = Vec::new();
    for ((member, process), seen) in members.iter().zip(&processes).zip(seen) {
        let version = seen.status.seen().map(|status| status.version.parse());
        let (Some(process), Some(Ok(version))) = (process.seen(), version) else {
            continue;
        };
        let flags = check::flag_differences(&defined, member, Some(version), process);
        if flags.is_empty() {
            continue;
        }
        let flags = list(flags);
        match different.iter_mut().find(|(known, _)| *known == flags) {
            Some((_, members)) => members.push(&member.name),
            None => different.push((flags, vec![&member.name])),
        }
    }
    changes.extend(different.into_iter().map(|(flags, members)| {
        let verb = if members.len() == 1 { "runs" } else { "run" };
        format!("{} {verb} {flags}", list_of_words(members))
    }));
    changes
}

/// What to do if the majority has lost its data.
fn way_back(started: &Started, snapshot: &Snapshot) -> Option<Hint> {
    // Nothing is lost while a majority can start or serves.
    let unusable = snapshot.lost.len() + snapshot.damaged.len();
    if unusable == 0 || snapshot.leader().is_some() || snapshot.unasked().is_some() {
        return None;
    }
    let Started {
        home,
        record,
        driver,
        ..
    } = started;
    let remains = snapshot.members.iter().map(|member| {
        let (name, condition) = (&member.name, member.condition.as_ref());
        let status = member.status.seen();
        let remains = way_back::remains(home, *driver, name, condition, status, &snapshot.lost);
        (name.clone(), remains)
    });
    let remains: Vec<_> = remains.collect();
    way_back::hint(home, *driver, record.etcd.version, &remains)
}

/// What answers at the address of a member that does not run may be a member of another cluster.
fn own_status(
    condition: Option<&Condition>,
    status: Look<Status>,
    cluster_id: EtcdId,
) -> Look<Status> {
    let is_down = matches!(condition, Some(Condition::Stopped | Condition::Absent));
    match status.seen() {
        Some(seen) if is_down && seen.cluster_id != cluster_id => {
            Look::Failed("another cluster answers at its address".to_owned())
        }
        _ => status,
    }
}

/// The members that lost their data.
fn lost(started: &Started, members: &[MemberSnapshot]) -> Vec<HostName> {
    let absent = |member: &&MemberSnapshot| member.condition == Some(Condition::Absent);
    let absent: Vec<&MemberSnapshot> = members.iter().filter(absent).collect();
    if absent.is_empty() {
        return Vec::new();
    }
    let had_data = known_data::of(started.driver, &started.home, &started.record.members());
    let names = absent.into_iter().map(|member| &member.name);
    names
        .filter(|name| had_data.contains(name))
        .cloned()
        .collect()
}

/// The members whose logs say that they cannot run with their data.
fn damaged(started: &Started, members: &[MemberSnapshot]) -> Vec<HostName> {
    let stopped = members.iter().filter(|member| member.is_down());
    let is_damaged = |member: &&MemberSnapshot| {
        let ended = started.driver.ended(&started.home, &member.name);
        ended.and_then(Unusable::because_of).is_some()
    };
    let damaged = stopped.filter(|member| member.condition == Some(Condition::Stopped));
    let damaged = damaged.filter(is_damaged);
    damaged.map(|member| member.name.clone()).collect()
}
