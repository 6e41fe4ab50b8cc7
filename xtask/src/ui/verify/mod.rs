//! Output of `verify`: for people, for programs and for test reports. Pure functions from an
//! observation and a report to text.

pub mod explain;
pub mod json;
pub mod junit;
pub mod table;

use crate::judgement::Verdict;

/// A verdict's name in machine-readable output.
const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::NotApplicable => "not-applicable",
        Verdict::Warn => "warn",
        Verdict::Skipped => "skipped",
        Verdict::NotYet => "not-yet",
        Verdict::Fail => "fail",
    }
}
