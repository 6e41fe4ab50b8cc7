use super::{CHECKS, Check, Judgement, MACHINE_CHECKS, Standing, Verdict};
use crate::observation::Observation;
use crate::plan::Plan;
use crate::report::Exit;

/// What all checks found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each check with its judgement, in the order of [`CHECKS`] and [`MACHINE_CHECKS`].
    pub checks: Vec<Checked>,
    /// Where the cluster stands.
    pub standing: Standing,
}

/// A check that was made.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Which.
    pub check: &'static Check,
    /// What it found.
    pub judgement: Judgement,
}

/// Whether a cluster is healthy, all checks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Everything was checked and holds.
    Healthy,
    /// Something does not hold.
    Unhealthy,
    /// Nothing is known to be wrong, but something could not be checked.
    NotProven,
}

/// Makes every check that there is something to look at for.
pub fn judge(plan: &Plan, observation: &Observation) -> Report {
    let machines = MACHINE_CHECKS.iter().filter(|_| plan.on_machines);
    let checks = CHECKS.iter().chain(machines).map(|&check| Checked {
        check,
        judgement: (check.judge)(plan, observation),
    });
    Report {
        checks: checks.collect(),
        standing: Standing::of(plan, observation),
    }
}

impl Report {
    /// Whether the cluster is healthy.
    pub fn health(&self) -> Health {
        let worst = self
            .checks
            .iter()
            .map(|checked| checked.judgement.verdict)
            .max()
            .unwrap_or(Verdict::Skipped);
        match worst {
            Verdict::Pass | Verdict::NotApplicable | Verdict::Warn => Health::Healthy,
            Verdict::Skipped => Health::NotProven,
            Verdict::NotYet | Verdict::Fail => Health::Unhealthy,
        }
    }

    /// The exit status that says so. A cluster that could not be looked at everywhere is not called
    /// healthy, and one of which nothing bad is known is not called unhealthy.
    pub fn exit(&self) -> Exit {
        match self.health() {
            Health::Healthy => Exit::Success,
            Health::Unhealthy => Exit::Unhealthy,
            Health::NotProven => Exit::CouldNotLook,
        }
    }

    /// The names of the checks with one of these verdicts.
    pub fn names(&self, verdicts: &[Verdict]) -> Vec<&'static str> {
        self.checks
            .iter()
            .filter(|checked| verdicts.contains(&checked.judgement.verdict))
            .map(|checked| checked.check.name)
            .collect()
    }

    /// One line: healthy or not, and what a reader wants to know first.
    pub fn summary(&self, plan: &Plan) -> String {
        let name = &plan.name;
        let standing = &self.standing;
        match self.health() {
            Health::Healthy => format!("{name} is healthy: {standing}"),
            Health::Unhealthy => format!("{name} is unhealthy: {standing}"),
            Health::NotProven => {
                let skipped = self.names(&[Verdict::Skipped]);
                let skipped = match skipped.len() {
                    1..=3 => super::list(skipped),
                    many => format!("{many} of {} conditions", self.checks.len()),
                };
                format!("{name} is not proven healthy: {skipped} could not be checked; {standing}")
            }
        }
    }
}
