//! A change under load: what it cost the clients.

use std::time::{Duration, SystemTime};

use super::no_clients;
use super::under_load::{Noticed, Timeline, under_load};
use crate::check::Health;
use crate::drill::{Disturbance, Drill, Event};
use crate::etcd::verify::Verified;
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::DriverName;

/// A change that is complete.
pub struct Changed {
    /// What `verify` found.
    pub verified: Verified,
    /// What was done, in words.
    pub done: String,
}

/// What a change cost its clients.
pub struct ChangeCost {
    /// When they started.
    pub started: SystemTime,
    /// The driver of the members.
    pub driver: DriverName,
    /// What they noticed.
    pub drill: Drill,
}

/// The load during a change.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The maximum rate of all clients together, in requests per second.
    pub rate: u32,
}

/// Refuses if clients cannot use the cluster.
pub(in crate::lifecycle) fn refuse_without_clients(session: &Session) -> Outcome<()> {
    no_clients(session).map_or(Ok(()), |obstacle| Err(obstacle.refusal))
}

/// Makes a change while clients are at work. Returns what it cost, also if the change fails half-way.
///
/// # Errors
///
/// Fails if nothing was changed yet.
pub(in crate::lifecycle) fn change_under_load(
    session: &mut Session,
    name: &'static str,
    load: Load,
    interruption: &DeferredInterrupt,
    change: impl FnOnce(&mut Session, &mut Timeline<'_>) -> Outcome<Changed>,
) -> Outcome<(Outcome<Changed>, ChangeCost)> {
    let started = SystemTime::now();
    let (cluster, version) = (session.plan.name.clone(), session.plan.version());
    let driver = session.driver.name();
    let before = session.plan.names();
    let (plan, tools) = (session.plan.clone(), session.tools.clone());
    let (at_work, rate) = (Duration::ZERO, load.rate);
    let noticed = under_load(&plan, &tools, at_work, rate, interruption, |timeline| {
        timeline.note(Event::Changing);
        let changed = change(session, timeline)?;
        if changed.verified.report.health() == Health::Healthy {
            timeline.note(Event::Healthy);
        }
        Ok(changed)
    })?;
    let Some(Noticed {
        outcome,
        moments,
        history,
    }) = noticed
    else {
        return Err(Failure::interrupted(Diagnostic::error(
            "interrupted before the first step",
        )));
    };
    let mut members = session.plan.names();
    let asked = history.operations.iter().map(|one| &one.through);
    for member in before.iter().chain(asked) {
        if !members.contains(member) {
            members.push(member.clone());
        }
    }
    let drill = Drill {
        cluster,
        version,
        members,
        disturbance: Disturbance::Change(name),
        done: outcome.as_ref().map_or_else(
            |_| "it is not complete".to_owned(),
            |changed| changed.done.clone(),
        ),
        moments,
        expected: Vec::new(),
        reported: Vec::new(),
        afterwards: outcome.as_ref().map_or_else(
            |_| String::new(),
            |changed| changed.verified.report.summary(&session.plan),
        ),
        history,
        restored: None,
    };
    let cost = ChangeCost {
        started,
        driver,
        drill,
    };
    Ok((outcome, cost))
}
