//! What `status` prints: for people, for programs. Pure functions from what was seen to text.

pub mod json;
pub mod table;

use crate::observation::{Condition, Glimpse};

/// What a member runs as, or why it does not run.
fn runs_as(member: &Glimpse) -> &str {
    match &member.condition {
        None => "?",
        Some(Condition::Absent) => "no data",
        Some(Condition::Stopped) => "stopped",
        Some(Condition::Unfinished) => "not set up yet",
        Some(Condition::Running(what)) => what,
    }
}

/// What a member does in its cluster.
fn role(member: &Glimpse) -> &'static str {
    match member.role() {
        Some(role) => role,
        None if member.runs() => "does not answer",
        None => "-",
    }
}

/// A number that may not have been told.
fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}
