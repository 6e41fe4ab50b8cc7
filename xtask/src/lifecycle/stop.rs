//! Stops every member of a cluster, for `down` and `destroy`.

use std::time::Duration;

use super::{backup, known_data, open};
use crate::driver::DRIVERS;
use crate::etcd::observe;
use crate::hint::Hint;
use crate::observation::{Condition, Look, Status};
use crate::process;
use crate::report::Outcome;
use crate::state::{DataSeen, Lock, Record};
use crate::steps;
use crate::ui::{self, Ui};
use crate::values::HostName;
use crate::wording::list;
use crate::workspace::Home;

/// The result of stopping a cluster.
pub struct Stopped {
    /// The members that were stopped.
    pub stopped: Vec<HostName>,
    /// Those of them that have data; if none was stopped, all members that have data.
    pub kept: Vec<HostName>,
}

/// Stops a cluster and keeps its data.
pub fn down(ui: Ui, home: &Home) -> Outcome<Stopped> {
    open::require_traces(home)?;
    let task = format!("down {}", home.name);
    let _lock = Lock::take(home, &task, &ui.saying())?;
    // The task that held the lock may have destroyed the cluster.
    open::require_traces(home)?;
    backup::end_leftovers(home)?;
    // A member may lose its data while it is stopped.
    let data = DataSeen::of(home);
    for driver in DRIVERS {
        known_data::note_on_disk(&data, *driver, home, &driver.traces(home));
    }
    let stopped = stop(ui, home, "down")?;
    let kept = with_data(home, &stopped)?;
    Ok(Stopped { stopped, kept })
}

/// Stops every running member, in the best order, and returns their names.
///
/// Running members are found by their processes and machines, not by the record: a damaged or
/// missing record must not prevent a cluster from being stopped.
///
/// `task` is named after an interruption, as what stops the rest.
pub(super) fn stop(ui: Ui, home: &Home, task: &str) -> Outcome<Vec<HostName>> {
    let mut stopped = Vec::new();
    let interrupted = process::on_interrupt(left(home, task, &stopped, &[]));
    for driver in DRIVERS {
        let members = driver.traces(home);
        let conditions = driver.conditions(home, &members)?;
        let running: Vec<HostName> = members
            .into_iter()
            .zip(conditions)
            .filter(|(_, condition)| condition.is_running())
            .map(|(member, _)| member)
            .collect();
        if running.is_empty() {
            continue;
        }
        interrupted.change(left(home, task, &stopped, &running));
        // A machine takes longer to shut down than a leader takes to transfer its leadership.
        let leader = match driver.machines() {
            Some(_) => None,
            None => leader(home),
        };
        for group in steps::stop(&running, leader.as_ref()) {
            driver.stop(home, &group, &ui.saying())?;
            for member in group {
                ui.say(&format!("{member}: stopped"));
                stopped.push(member);
            }
            interrupted.change(left(home, task, &stopped, &running));
        }
    }
    Ok(stopped)
}

/// The message after an interruption: what was stopped, what may run, and how to stop that.
fn left(home: &Home, task: &str, stopped: &[HostName], running: &[HostName]) -> String {
    let name = &home.name;
    let rest: Vec<&HostName> = running
        .iter()
        .filter(|one| !stopped.contains(one))
        .collect();
    let state = match (stopped, rest.as_slice()) {
        ([], []) => "no member was stopped yet".to_owned(),
        ([], rest) => format!("{} may still run", list(rest)),
        (stopped, []) => format!("{} stopped", were(stopped)),
        (stopped, rest) => format!("{} stopped; {} may still run", were(stopped), list(rest)),
    };
    let next = Hint::heals("continue", [format!("cargo xtask {task} {name}")]);
    format!("{name}: {state}\n{}", ui::hint_line(&next))
}

fn were(members: &[HostName]) -> String {
    let verb = if members.len() == 1 { "was" } else { "were" };
    format!("{} {verb}", list(members))
}

/// The stopped members that have data; if none was stopped, all members that have data.
fn with_data(home: &Home, stopped: &[HostName]) -> Outcome<Vec<HostName>> {
    let mut with_data = Vec::new();
    for driver in DRIVERS {
        let mut members = driver.traces(home);
        members.extend_from_slice(stopped);
        members.sort();
        members.dedup();
        members.retain(|member| stopped.is_empty() || stopped.contains(member));
        // An existing machine has its disk.
        if driver.machines().is_some() {
            let traces = driver.traces(home);
            with_data.extend(members.into_iter().filter(|member| traces.contains(member)));
            continue;
        }
        let conditions = driver.conditions(home, &members)?;
        let both = members.into_iter().zip(conditions);
        with_data.extend(
            both.filter(|(_, condition)| *condition == Condition::Stopped)
                .map(|(member, _)| member),
        );
    }
    Ok(with_data)
}

/// The leader, if members report it in time. Without it, stopping takes longer.
pub(super) fn leader(home: &Home) -> Option<HostName> {
    let record = Record::read(home).ok()??;
    let members = record.members();
    let statuses = observe::statuses(&members, &record.tools(home)?, Duration::from_secs(5));
    let leads = |status: &&Status| status.leader == Some(status.member_id);
    let seen = statuses.iter().filter_map(Look::seen);
    let leader = seen.filter(leads).map(|status| status.member_id).next()?;
    // Found by its ID, because another member may answer at a member's address. The ID of a member
    // that was added later is not predicted.
    let known = members.iter().find(|member| member.id == leader);
    let known = known.or_else(|| {
        let answers = |status: &Look<Status>| status.seen().is_some_and(|s| s.member_id == leader);
        members.get(statuses.iter().position(answers)?)
    });
    known.map(|member| member.name.clone())
}
