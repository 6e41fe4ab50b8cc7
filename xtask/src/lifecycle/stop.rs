//! Stopping every member of a cluster, as `down` and `destroy` do it.

use std::time::Duration;

use super::{known_data, open};
use crate::driver::DRIVERS;
use crate::etcd::observe;
use crate::observation::{Condition, Look, Status};
use crate::report::Outcome;
use crate::state::{DataSeen, Lock, Record};
use crate::steps;
use crate::ui::Ui;
use crate::values::HostName;
use crate::workspace::Home;

/// What came of stopping a cluster.
pub struct Stopped {
    /// The members that were stopped.
    pub stopped: Vec<HostName>,
    /// Those of them that have data; where none was stopped, all that have.
    pub kept: Vec<HostName>,
}

/// Stops a cluster and keeps its data.
///
/// # Errors
/// Fails where it has not been started, or a member cannot be stopped.
pub fn down(ui: Ui, home: &Home) -> Outcome<Stopped> {
    open::insist_on_traces(home)?;
    let task = format!("down {}", home.name);
    let _lock = Lock::take(home, &task, &ui.saying())?;
    // Who was waited for may have destroyed it.
    open::insist_on_traces(home)?;
    // A member may lose its data while it does not run.
    let data = DataSeen::of(home);
    for driver in DRIVERS {
        known_data::note_on_disk(&data, *driver, home, &driver.traces(home));
    }
    let stopped = stop(ui, home)?;
    let kept = with_data(home, &stopped)?;
    Ok(Stopped { stopped, kept })
}

/// Stops every member that runs, in the best order, and returns their names.
///
/// Who runs is seen from what is there, not from the record: that may be damaged or gone, and must
/// then not keep anybody from stopping the cluster.
///
/// # Errors
/// Fails where a member can be stopped by no means.
pub(super) fn stop(ui: Ui, home: &Home) -> Outcome<Vec<HostName>> {
    let mut stopped = Vec::new();
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
        // A machine takes longer to shut down than a leader to hand over.
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
        }
    }
    Ok(stopped)
}

/// Of members that were just stopped, those that have data; where none was, of all that have left anything.
fn with_data(home: &Home, stopped: &[HostName]) -> Outcome<Vec<HostName>> {
    let mut with_data = Vec::new();
    for driver in DRIVERS {
        let mut members = driver.traces(home);
        members.extend_from_slice(stopped);
        members.sort();
        members.dedup();
        members.retain(|member| stopped.is_empty() || stopped.contains(member));
        // A machine that is there has its disk.
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

/// The leader, where members tell in time. Where it is not known, stopping merely takes longer.
fn leader(home: &Home) -> Option<HostName> {
    let record = Record::read(home).ok()??;
    let members = record.members();
    let statuses = observe::statuses(&members, &record.tools()?, Duration::from_secs(5));
    let leads = |status: &&Status| status.leader == Some(status.member_id);
    let seen = statuses.iter().filter_map(Look::seen);
    let leader = seen.filter(leads).map(|status| status.member_id).next()?;
    // By its ID: another one may answer at a member's address. One that was added later has none that is
    // known beforehand.
    let known = members.iter().find(|member| member.id == leader);
    let known = known.or_else(|| {
        let answers = |status: &Look<Status>| status.seen().is_some_and(|s| s.member_id == leader);
        members.get(statuses.iter().position(answers)?)
    });
    known.map(|member| member.name.clone())
}
