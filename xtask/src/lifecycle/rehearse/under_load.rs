//! Clients at work while something is done to a cluster, and the events by their clock.

use std::time::{Duration, Instant};

use crate::drill::history::History;
use crate::drill::{Event, Moment};
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::pause::pause;
use crate::plan::Plan;
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::workload::Clients;

/// How long clients work before and after a disturbance, for comparison.
pub(super) const UNDISTURBED: Duration = Duration::from_secs(1);

/// The pause between two looks.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What was done under load, and what the clients noticed.
pub(super) struct Noticed<T> {
    pub(super) outcome: Outcome<T>,
    /// The events, in order.
    pub(super) moments: Vec<Moment>,
    pub(super) history: History,
}

/// The running clients, and the events by their clock.
pub(in crate::lifecycle) struct Timeline<'a> {
    pub(super) clients: &'a mut Clients,
    moments: Vec<Moment>,
}

impl Timeline<'_> {
    pub(in crate::lifecycle) fn note(&mut self, event: Event) {
        self.moments.push(Moment {
            at: self.clients.elapsed(),
            event,
        });
    }

    /// Lets the clients use the members that the cluster has now.
    pub(in crate::lifecycle) fn follow(&mut self, plan: &Plan) {
        self.clients.follow(plan);
    }
}

/// Does this while clients are at work, and a while before and after. The clients are stopped and their keys removed
/// in every case. `at_work`: how long it will take at least. Returns nothing if the user interrupted it before it
/// began.
///
/// # Errors
///
/// Fails if the cluster does not serve the clients.
pub(super) fn under_load<T>(
    plan: &Plan,
    tools: &Tools,
    at_work: Duration,
    rate: u32,
    interruption: &DeferredInterrupt,
    work: impl FnOnce(&mut Timeline<'_>) -> Outcome<T>,
) -> Outcome<Option<Noticed<T>>> {
    let mut clients = Clients::begin(plan, tools, at_work, rate).map_err(|why| {
        Failure::failed(
            Diagnostic::error(format!("the clients could not get a lease: {why}")).hint(
                Hint::informs(
                    "check the cluster",
                    [format!("cargo xtask verify {}", plan.name)],
                ),
            ),
        )
    })?;
    pass(UNDISTURBED, interruption);
    if interruption.is_asked() {
        clients.end();
        return Ok(None);
    }
    let mut timeline = Timeline {
        clients: &mut clients,
        moments: Vec::new(),
    };
    let outcome = work(&mut timeline);
    let moments = timeline.moments;
    if outcome.is_ok() {
        pass(UNDISTURBED, interruption);
    }
    let (history, elections) = clients.end();
    let mut moments = [moments, elections].concat();
    moments.sort_by_key(|moment| moment.at);
    Ok(Some(Noticed {
        outcome,
        moments,
        history,
    }))
}

/// Waits, and returns early on an interruption.
pub(super) fn pass(time: Duration, interruption: &DeferredInterrupt) {
    let until = Instant::now() + time;
    while Instant::now() < until && !interruption.is_asked() {
        let left = until.saturating_duration_since(Instant::now());
        pause(left.min(LOOK_AGAIN));
    }
}
