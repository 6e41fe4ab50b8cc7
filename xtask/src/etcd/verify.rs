//! Looks and judges, once or until all is well.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::observe::{PATIENCE, observe};
use super::tools::Tools;
use crate::check::{self, Health, Report};
use crate::observation::Observation;
use crate::plan::Plan;

/// What was seen in one look, and what was made of it.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What was seen.
    pub observation: Observation,
    /// What every check made of it.
    pub report: Report,
}

/// Looks once.
pub fn once(plan: &Plan, tools: &Tools) -> Verified {
    let observation = observe(plan, tools, PATIENCE);
    let report = check::judge(plan, &observation);
    Verified {
        observation,
        report,
    }
}

/// Looks again and again, until a look finds the cluster healthy or the time is over; the result is the
/// last look. Looks at least once. `missing` is told of every look that did not find it healthy and is
/// not the last.
pub fn until_healthy(
    plan: &Plan,
    tools: &Tools,
    wait: Duration,
    missing: &mut dyn FnMut(&Verified),
) -> Verified {
    let deadline = Instant::now() + wait;
    let (_open, never) = mpsc::channel::<()>();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let verified = once(plan, tools);
        let left = deadline.saturating_duration_since(Instant::now());
        if verified.report.health() == Health::Healthy || left.is_zero() {
            return verified;
        }
        missing(&verified);
        // Nobody answers: it is only the time that passes, less and less often.
        let _ = never.recv_timeout(pause.min(left));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
