//! `status --format json`: one object, or with `--watch` one per line, stable within its `format`.
//!
//! Fields may be added without a new format. Existing fields are not removed and keep their
//! meaning.

use std::time::Duration;

use serde::Serialize;

use crate::advice;
use crate::elections::Election;
use crate::hint::Hint;
use crate::observation::{Condition, Look, MemberSnapshot, Snapshot};
use crate::ui::json;
use crate::values::HostName;

/// The number of this format.
pub const FORMAT: u32 = 1;

/// Renders a snapshot as indented JSON, with a newline at the end.
pub fn render(snapshot: &Snapshot) -> String {
    json(&Document::of(snapshot))
}

/// Renders a snapshot of this moment on one line, with a newline at the end.
pub fn line(at: Duration, snapshot: &Snapshot, last_election: Option<&Election>) -> String {
    let line = Line {
        at: seconds(at),
        document: Document::of(snapshot),
        last_election: last_election.map(LastElection::of),
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// A time in seconds, rounded to milliseconds, which is the precision of a look.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[derive(Serialize)]
struct Line<'a> {
    at: f64,
    #[serde(flatten)]
    document: Document<'a>,
    last_election: Option<LastElection<'a>>,
}

#[derive(Serialize)]
struct LastElection<'a> {
    term: Option<u64>,
    leader: Option<&'a HostName>,
    leader_id: String,
    told_at: f64,
    after: Option<f64>,
}

impl<'a> LastElection<'a> {
    fn of(election: &'a Election) -> Self {
        Self {
            term: election.term,
            leader: election.name.as_ref(),
            leader_id: election.leader.to_string(),
            told_at: seconds(election.told),
            after: election.after.map(seconds),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    cluster: &'a str,
    driver: &'static str,
    running_version: String,
    running: usize,
    leader: Option<&'a HostName>,
    members: Vec<MemberJson<'a>>,
    differences: &'a [String],
    hints: Vec<AdviceJson>,
}

#[derive(Serialize)]
struct AdviceJson {
    text: String,
    commands: Vec<String>,
    effect: String,
}

#[derive(Serialize)]
struct MemberJson<'a> {
    name: &'a HostName,
    endpoint: &'a str,
    condition: Option<&'static str>,
    runs_as: Option<String>,
    answers: bool,
    error: Option<&'a str>,
    id: Option<String>,
    version: Option<&'a str>,
    role: Option<&'static str>,
    raft_term: Option<u64>,
    raft_index: Option<u64>,
    lag: Option<u64>,
    database_size_bytes: Option<u64>,
}

impl<'a> Document<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let members = snapshot.members.iter();
        Self {
            format: FORMAT,
            cluster: snapshot.cluster.as_str(),
            driver: snapshot.driver.as_str(),
            running_version: snapshot.version.to_string(),
            running: snapshot.running(),
            leader: snapshot.leader().map(|leader| &leader.name),
            members: members
                .map(|member| MemberJson::of(snapshot, member))
                .collect(),
            differences: &snapshot.changes,
            hints: advice::of_snapshot(snapshot)
                .into_iter()
                .map(AdviceJson::of)
                .collect(),
        }
    }
}

impl AdviceJson {
    fn of(hint: Hint) -> Self {
        Self {
            effect: hint.effect.to_string(),
            text: hint.text,
            commands: hint.commands,
        }
    }
}

impl<'a> MemberJson<'a> {
    fn of(snapshot: &Snapshot, member: &'a MemberSnapshot) -> Self {
        let status = member.status.seen();
        Self {
            name: &member.name,
            endpoint: &member.endpoint,
            condition: member.condition.as_ref().map(condition_name),
            runs_as: member.condition.as_ref().and_then(Condition::runs_as),
            answers: status.is_some(),
            error: match &member.status {
                Look::Seen(_) => None,
                Look::Failed(why) | Look::NotAsked(why) => Some(why),
            },
            id: status.map(|status| status.member_id.to_string()),
            version: status.map(|status| status.version.as_str()),
            role: member.role(),
            raft_term: status.and_then(|status| status.raft_term),
            raft_index: status.and_then(|status| status.raft_index),
            lag: snapshot.lag(member),
            database_size_bytes: status.and_then(|status| status.db_size),
        }
    }
}

/// A condition's name in machine-readable output.
const fn condition_name(condition: &Condition) -> &'static str {
    match condition {
        Condition::Absent => "no-data",
        Condition::Stopped => "stopped",
        Condition::Unfinished => "unfinished",
        // `runs_as` shows whether it is halted.
        Condition::Running(_) | Condition::Halted { .. } => "running",
    }
}
