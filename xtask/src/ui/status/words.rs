//! Wordings for members and leadership that several views share.

use std::time::Duration;

use crate::elections::{Election, Elections, Leadership};
use crate::moment::long;
use crate::observation::{Condition, Look, MemberSnapshot};

/// The width of the column with what a member runs as. The layout must not depend on a process ID.
pub(super) const RUNS_AS: usize = "process 4194304".len();

/// What a member runs as, or why it is not running.
pub(super) fn runs_as(member: &MemberSnapshot) -> String {
    let words = match &member.condition {
        None => "?",
        Some(Condition::Absent) => "no data",
        Some(Condition::Stopped) => "stopped",
        Some(Condition::Unfinished) => "not set up yet",
        Some(condition @ (Condition::Running(_) | Condition::Halted { .. })) => {
            return condition.runs_as().unwrap_or_default();
        }
    };
    words.to_owned()
}

/// A member's role in its cluster.
pub(super) fn role(member: &MemberSnapshot) -> &'static str {
    match member.role() {
        Some(role) => role,
        None if matches!(member.status, Look::NotAsked(_)) => "not asked",
        None if member.runs() || member.condition.is_none() => "does not answer",
        None => "-",
    }
}

/// The leader, and since when it leads.
pub(super) fn leadership(at: Duration, elections: &Elections) -> String {
    let (leadership, since) = elections.leadership();
    let last = elections.last();
    if let Some(election) = last.filter(|_| leadership == Leadership::Held) {
        let (leader, term) = (leader(election), term(election));
        let elected = elected(at, election, elections);
        return format!("{leader} leads, elected {elected}{term}");
    }
    let what = match leadership {
        Leadership::Down => "no member runs",
        Leadership::Unknown => "no answer from any member",
        Leadership::Held | Leadership::Vacant => "no leader",
    };
    let since = at.saturating_sub(since);
    let time = match since.as_secs() {
        0 => String::new(),
        _ => format!(" for {}", long(since)),
    };
    let last = last.map_or_else(String::new, |election| {
        format!("; {} led last{}", leader(election), term(election))
    });
    format!("{what}{time}{last}")
}

/// The time of an election, as precisely as it is known.
fn elected(at: Duration, election: &Election, elections: &Elections) -> String {
    let told = at.saturating_sub(election.told);
    let latest = long(told);
    match election.after {
        Some(after) if election.told.saturating_sub(after) > EXACTLY => {
            let earliest = long(at.saturating_sub(after));
            match told.as_secs() {
                0 => format!("within the last {earliest}"),
                _ if earliest == latest => format!("{latest} ago"),
                _ => format!("{latest} to {earliest} ago"),
            }
        }
        Some(_) if told.as_secs() == 0 => "just now".to_owned(),
        Some(_) => format!("{latest} ago"),
        None if elections.was_before_watching(election) => "before watching began".to_owned(),
        None => "before it could be seen".to_owned(),
    }
}

/// Two snapshots at most this far apart give a single time for what happened between them.
const EXACTLY: Duration = Duration::from_secs(5);

fn leader(election: &Election) -> String {
    match &election.name {
        Some(name) => name.to_string(),
        None => format!("member {}", election.leader),
    }
}

fn term(election: &Election) -> String {
    let term = election.term;
    term.map_or_else(String::new, |term| format!(" (term {term})"))
}
