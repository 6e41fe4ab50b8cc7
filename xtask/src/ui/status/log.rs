//! `status --watch` when output is not a terminal: one line per change, and at least one per
//! minute. Each line is complete by itself: time, member or cluster, and state.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::words::{leadership, role, runs_as};
use crate::check::LAGS_BEYOND;
use crate::elections::{Election, Elections, Leadership};
use crate::moment;
use crate::observation::{Look, MemberSnapshot, Snapshot};
use crate::ui::shown::shown;
use crate::values::{ClusterName, HostName, quantity};

/// The maximum time without a line.
const SILENCE: Duration = Duration::from_secs(60);

/// The last printed state.
#[derive(Debug, Default)]
pub struct Log {
    members: BTreeMap<HostName, State>,
    leadership: Option<(Leadership, Option<Election>)>,
    last_line: Duration,
    /// The width of the longest name.
    width: usize,
}

/// The state of a member that is worth a line when it changes. The log index changes all the time
/// and is not.
#[derive(Debug, PartialEq, Eq)]
struct State {
    runs_as: String,
    role: Option<&'static str>,
    term: Option<u64>,
    lags: bool,
}

impl Log {
    /// The lines for a snapshot of this moment; often none.
    pub fn lines(&mut self, at: Duration, snapshot: &Snapshot, elections: &Elections) -> String {
        let names = snapshot.members.iter().map(|one| one.name.as_str());
        let names = names.chain([snapshot.cluster.as_str()]);
        self.width = names.map(str::len).max().unwrap_or_default();
        let cluster = snapshot.cluster.as_str();
        let mut text = String::new();
        for member in &snapshot.members {
            let state = State::of(snapshot, member);
            if self.members.get(&member.name) != Some(&state) {
                text += &self.line(at, member.name.as_str(), &described(snapshot, member));
                self.members.insert(member.name.clone(), state);
            }
        }
        let is_there = |name: &HostName| snapshot.members.iter().any(|one| one.name == *name);
        let gone: Vec<HostName> = self.members.keys().cloned().collect();
        for name in gone.into_iter().filter(|name| !is_there(name)) {
            self.members.remove(&name);
            text += &self.line(at, name.as_str(), "is no longer a member");
        }
        let now = (elections.leadership().0, elections.last().cloned());
        if self.leadership.as_ref() != Some(&now) {
            let leadership = leadership(at, elections);
            text += &self.line(at, cluster, &leadership);
            self.leadership = Some(now);
        }
        if !text.is_empty() {
            self.last_line = at;
        } else if at.saturating_sub(self.last_line) >= SILENCE {
            self.last_line = at;
            text = self.line(at, cluster, &summary(at, snapshot, elections));
        }
        text
    }

    /// The last line, when there is nothing left to watch.
    pub fn last_line(&self, at: Duration, cluster: &ClusterName, why: &str) -> String {
        self.line(at, cluster.as_str(), why)
    }

    fn line(&self, at: Duration, about: &str, what: &str) -> String {
        let width = self.width;
        format!("{}  {about:width$}  {what}\n", moment::utc(at))
    }
}

impl State {
    fn of(snapshot: &Snapshot, member: &MemberSnapshot) -> Self {
        Self {
            runs_as: runs_as(member).to_owned(),
            role: member.role(),
            term: member.status.seen().and_then(|status| status.raft_term),
            lags: snapshot.lag(member).is_some_and(|lag| lag > LAGS_BEYOND),
        }
    }
}

/// A member's full state.
fn described(snapshot: &Snapshot, member: &MemberSnapshot) -> String {
    let runs_as = runs_as(member);
    let status = match &member.status {
        Look::Seen(status) => status,
        Look::Failed(_) | Look::NotAsked(_) if member.is_down() => return runs_as.to_owned(),
        Look::Failed(why) => return format!("does not answer ({runs_as}): {}", shown(why)),
        Look::NotAsked(why) => return format!("health unknown ({runs_as}): {}", shown(why)),
    };
    let mut text = role(member).to_owned();
    if let Some(term) = status.raft_term {
        let _ = write!(text, " in term {term}");
    }
    if let Some(lag) = snapshot.lag(member) {
        let _ = write!(text, ", {lag} behind");
    }
    if let Some(index) = status.raft_index {
        let _ = write!(text, ", log entry {index}");
    }
    if let Some(size) = status.db_size {
        let _ = write!(text, ", database {}", quantity::size(size));
    }
    let _ = write!(text, ", {runs_as}");
    text
}

/// The state of the cluster on one line, if nothing has changed.
fn summary(at: Duration, snapshot: &Snapshot, elections: &Elections) -> String {
    let (answering, all) = (snapshot.answering(), snapshot.members.len());
    let leadership = leadership(at, elections);
    let mut text = format!("unchanged: {answering} of {all} answer; {leadership}");
    let seen = || snapshot.members.iter().filter_map(|one| one.status.seen());
    if let Some(index) = seen().filter_map(|status| status.raft_index).max() {
        let _ = write!(text, "; log entry {index}");
    }
    let lags = snapshot.members.iter().filter_map(|one| snapshot.lag(one));
    if let Some(lag) = lags.max() {
        let _ = write!(text, ", at most {lag} behind");
    }
    if let Some(size) = seen().filter_map(|status| status.db_size).max() {
        let _ = write!(text, ", database at most {}", quantity::size(size));
    }
    text
}
