//! Judgements over a plan and what was seen of it: one file each, and one line in [`CHECKS`].

use crate::observation::Observation;
use crate::plan::Plan;
use crate::values::HostName;

/// Every check, in the order in which they are reported.
pub static CHECKS: &[&Check] = &[];

/// A named condition of a cluster.
#[derive(Debug)]
pub struct Check {
    /// Its name: stable, part of the program's interface.
    pub name: &'static str,
    /// What it asks, as a phrase that is true of a healthy cluster.
    pub title: &'static str,
    /// Judges. Must not pass where it could not look.
    pub judge: fn(&Plan, &Observation) -> Judgement,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the condition holds.
    pub verdict: Verdict,
    /// What the verdict rests on, in a few words.
    pub evidence: String,
    /// Everything that is wrong or worth knowing, each with what to do about it.
    pub findings: Vec<Finding>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It holds, and there is something its user should know.
    Warn,
    /// It was not checked, and so is not known.
    Skipped,
    /// It does not hold and may come to hold by itself.
    NotYet,
    /// It does not hold, and waiting will not change that.
    Fail,
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The member it concerns, where it concerns one.
    pub member: Option<HostName>,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}
