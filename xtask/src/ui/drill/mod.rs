//! Output of `drill`: for people, for programs, and a report to keep. Pure functions from finished
//! drills to text.

pub mod html;
pub mod json;
pub mod table;

use std::time::Duration;

use clap::ValueEnum;

use crate::drill::summary::{Gap, NewLeader, Shortfall, Summary};
use crate::drill::words::{moment, seconds};
use crate::drill::{Disturbance, Drill, Event};
use crate::wording::{count, list, many};

/// The last line: faults injected and found, or changes made, acknowledged writes, and losses.
pub fn closing(drills: &[Drill]) -> String {
    let summaries: Vec<Summary> = drills.iter().map(Summary::of).collect();
    let figures = Figures::of(drills, &summaries);
    if figures.changes > 0 {
        let changes = many(figures.changes, "change");
        let changes = match figures.changed {
            all if all == figures.changes => format!("{changes} made"),
            some => format!("{} of {changes} made", count(some)),
        };
        return format!(
            "{changes}, {}, {}, at most {} apart",
            many(figures.acknowledged, "acknowledged write"),
            figures.lost(),
            seconds(figures.longest_gap)
        );
    }
    let unseen = match figures.unseen {
        0 => String::new(),
        unseen => format!(" ({} nothing to find)", leaves(unseen)),
    };
    format!(
        "{} injected, {} found by `verify`{unseen}, {}, {}",
        many(figures.faults, "fault"),
        count(figures.found),
        many(figures.acknowledged, "acknowledged write"),
        figures.lost()
    )
}

fn leaves(faults: usize) -> String {
    let verb = if faults == 1 { "leaves" } else { "leave" };
    format!("{} {verb}", count(faults))
}

/// What a drill does to its clients, in a word.
const fn kind(disturbance: Disturbance) -> &'static str {
    match disturbance {
        Disturbance::Fault(_) => "fault",
        Disturbance::Change(_) => "change",
    }
}

/// The totals of all drills.
struct Figures {
    drills: usize,
    faults: usize,
    changes: usize,
    /// Changes that are complete.
    changed: usize,
    found: usize,
    /// Faults that `verify` is not expected to report.
    unseen: usize,
    acknowledged: usize,
    /// Counted only for drills after which all keys could be read back.
    lost: usize,
    /// Acknowledged writes whose loss restorations announced.
    announced: usize,
    not_read_back: usize,
    /// The longest time without an acknowledged write while clients were at work.
    longest_gap: Duration,
}

impl Figures {
    fn of(drills: &[Drill], summaries: &[Summary]) -> Self {
        let lost = |summary: &Summary| Some(summary.read_back.as_ref()?.lost.len());
        let leaves_nothing = |one: &Drill| one.expected.is_empty() && !one.disturbance.is_change();
        let not_changed = summaries.iter();
        let not_changed = not_changed.filter(|one| one.reasons.contains(&Shortfall::NotChanged));
        let changes = drills.iter().filter(|one| one.disturbance.is_change());
        let changes = changes.count();
        let gaps = summaries.iter().map(|one| one.longest_gap.length());
        Self {
            drills: drills.len(),
            faults: drills.len() - changes,
            changes,
            changed: changes - not_changed.count(),
            found: summaries.iter().filter(|one| one.is_found()).count(),
            unseen: drills.iter().filter(|one| leaves_nothing(one)).count(),
            acknowledged: summaries.iter().map(|one| one.writes.acknowledged).sum(),
            lost: summaries.iter().filter_map(lost).sum(),
            announced: summaries
                .iter()
                .filter_map(|one| Some(one.restoration?.announced))
                .sum(),
            not_read_back: summaries.iter().filter(|one| lost(one).is_none()).count(),
            longest_gap: gaps.max().unwrap_or_default(),
        }
    }

    /// Keys that could not be read back do not count as kept.
    fn lost(&self) -> String {
        let lost = match self.announced {
            0 => format!("{} lost", count(self.lost)),
            announced => {
                let beyond = count(self.lost);
                format!("{} lost as announced, {beyond} beyond", count(announced))
            }
        };
        match self.not_read_back {
            0 => lost,
            all if all == self.drills => "losses unknown: nothing could be read back".to_owned(),
            some => format!(
                "{lost} as far as known: after {} nothing could be read back",
                many(some, "drill")
            ),
        }
    }
}

/// The format of the results on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// One fact about a drill.
struct Fact {
    name: &'static str,
    requirement: Requirement,
    text: String,
}

/// How a fact compares with what is required.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Requirement {
    Met,
    Missed,
    /// It could not be determined.
    Unknown,
    /// Nothing is required.
    Absent,
}

impl Fact {
    fn new(name: &'static str, requirement: Requirement, text: impl Into<String>) -> Self {
        Self {
            name,
            requirement,
            text: text.into(),
        }
    }
}

/// All facts about a drill: first those that decide whether it passed, then the others.
fn facts(drill: &Drill, summary: &Summary) -> Vec<Fact> {
    let mut facts = Vec::new();
    for reason in &summary.reasons {
        if let Shortfall::NotInjected | Shortfall::NotChanged | Shortfall::NothingWritten = reason {
            facts.push(Fact::new("done", Requirement::Missed, reason.to_string()));
        }
    }
    let is_change = drill.disturbance.is_change();
    facts.extend((!is_change).then(|| found(drill, summary)));
    facts.extend(lost(summary));
    facts.extend(announced(drill, summary));
    facts.push(registers(summary));
    facts.extend(healthy(drill, summary));
    facts.push(writes(summary));
    facts.extend(gaps(drill, summary));
    facts.push(leader(drill, summary));
    facts.extend((!is_change).then(|| next_write(drill, summary)));
    facts
}

fn found(drill: &Drill, summary: &Summary) -> Fact {
    let is_missed = |reason: &&Shortfall| matches!(reason, Shortfall::NotFound { .. });
    let name = "found";
    if let Some(reason) = summary.reasons.iter().find(is_missed) {
        return Fact::new(name, Requirement::Missed, reason.to_string());
    }
    match summary.found_after {
        Some(after) => {
            let reported: Vec<String> = drill
                .expected
                .iter()
                .map(|line| format!("`{line}`"))
                .collect();
            Fact::new(
                name,
                Requirement::Met,
                format!(
                    "`verify` reported only {}, {} after the injection began",
                    list(reported),
                    seconds(after)
                ),
            )
        }
        None if drill.expected.is_empty() => Fact::new(
            name,
            Requirement::Absent,
            "`verify` had nothing to report and reported nothing",
        ),
        None => Fact::new(
            name,
            Requirement::Unknown,
            "`verify` reported what was expected; the time is unknown",
        ),
    }
}

fn lost(summary: &Summary) -> Vec<Fact> {
    let name = "lost";
    let Some(read_back) = &summary.read_back else {
        return vec![Fact::new(
            name,
            Requirement::Unknown,
            Shortfall::NotReadBack.to_string(),
        )];
    };
    let written = summary
        .writes
        .acknowledged_once
        .saturating_sub(read_back.announced);
    let all = many(written, "acknowledged write");
    let fact = match read_back.lost.len() {
        0 if written == 0 => Fact::new(
            name,
            Requirement::Absent,
            "no write of a write-once key was acknowledged",
        ),
        0 => {
            let none = match summary.restoration {
                Some(_) => "none beyond what was announced",
                None => "none",
            };
            let text = format!("{none}: {all} of write-once keys, all read back");
            Fact::new(name, Requirement::Met, text)
        }
        lost => Fact::new(
            name,
            Requirement::Missed,
            format!("{} of {all} of write-once keys", count(lost)),
        ),
    };
    let kept = read_back.not_taken_back;
    let kept = (kept > 0).then(|| {
        let text = Shortfall::NotTakenBack(kept).to_string();
        Fact::new("restored", Requirement::Missed, text)
    });
    let there = read_back.refused_and_there.len();
    let refused = (there > 0).then(|| {
        let text = Shortfall::RefusedAndThere(there).to_string();
        Fact::new("refused", Requirement::Missed, text)
    });
    [fact].into_iter().chain(kept).chain(refused).collect()
}

/// What a restoration lost, as it had to.
fn announced(drill: &Drill, summary: &Summary) -> Option<Fact> {
    let (restored, restoration) = (drill.restored.as_ref()?, summary.restoration?);
    let lost = match restoration.announced {
        0 => "no acknowledged write".to_owned(),
        some => many(some, "acknowledged write"),
    };
    let snapshot = restored.snapshot;
    let source = match &restored.survivor {
        Some(member) => format!("{member} ended at revision {snapshot}"),
        None => format!("the backup ends at revision {snapshot}"),
    };
    let text = format!("{lost} lost, as announced: {source}");
    Some(Fact::new("announced", Requirement::Absent, text))
}

fn registers(summary: &Summary) -> Fact {
    let is_about_them = |reason: &&Shortfall| {
        matches!(
            reason,
            Shortfall::NotLinearizable(_) | Shortfall::NotShownLinearizable(_)
        )
    };
    let name = "registers";
    let proof = &summary.registers;
    match summary.reasons.iter().find(is_about_them) {
        None => Fact::new(
            name,
            Requirement::Met,
            format!(
                "linearizable{}: {} and {} of {} fit one order",
                match summary.restoration {
                    Some(_) => ", before the loss and without what was lost",
                    None => "",
                },
                many(proof.writes, "write"),
                many(proof.reads, "read"),
                many(proof.registers, "register"),
            ),
        ),
        Some(Shortfall::NotLinearizable(_)) => Fact::new(
            name,
            Requirement::Missed,
            format!(
                "{} of {} not linearizable",
                count(proof.violations.len()),
                many(proof.registers, "register")
            ),
        ),
        Some(reason) => Fact::new(name, Requirement::Unknown, reason.to_string()),
    }
}

/// Nothing if half of a change was made, after which nobody has looked.
fn healthy(drill: &Drill, summary: &Summary) -> Option<Fact> {
    let is_about_it = |reason: &&Shortfall| matches!(reason, Shortfall::NotHealthy(_));
    let name = "healthy";
    if let Some(reason) = summary.reasons.iter().find(is_about_it) {
        return Some(Fact::new(name, Requirement::Missed, reason.to_string()));
    }
    if summary.reasons.contains(&Shortfall::NotChanged) {
        return None;
    }
    let when = match (summary.healthy_after, drill.disturbance) {
        (Some(after), Disturbance::Fault(_)) => {
            format!("{} after the healing began", seconds(after))
        }
        (Some(after), Disturbance::Change(_)) => {
            format!("{} after the last step", seconds(after))
        }
        (None, _) => "in the end".to_owned(),
    };
    let text = match drill.afterwards.as_str() {
        "" => when,
        how => format!("{how}; {when}"),
    };
    Some(Fact::new(name, Requirement::Met, text))
}

fn writes(summary: &Summary) -> Fact {
    let writes = &summary.writes;
    let mut text = format!(
        "{} acknowledged, {} a minute",
        count(writes.acknowledged),
        count(writes.per_minute)
    );
    if writes.refused > 0 {
        text.push_str(&format!("; {} refused", count(writes.refused)));
    }
    if writes.unknown > 0 {
        let took_effect = match writes.unknown_that_took_effect {
            Some(0) => "none of them seen to take effect".to_owned(),
            Some(some) => format!("{} of them seen to take effect", count(some)),
            None => "how many took effect is unknown".to_owned(),
        };
        text.push_str(&format!(
            "; {} of unknown outcome, {took_effect}",
            count(writes.unknown)
        ));
    }
    Fact::new("writes", Requirement::Absent, text)
}

fn gaps(drill: &Drill, summary: &Summary) -> Vec<Fact> {
    let told = |gap: &Gap| {
        format!(
            "{} without an acknowledged write, from {} to {}",
            seconds(gap.length()),
            moment(gap.from),
            moment(gap.to)
        )
    };
    let mut facts = vec![Fact::new(
        "gap",
        Requirement::Absent,
        format!("at most {}", told(&summary.longest_gap)),
    )];
    facts.extend(summary.rests.iter().map(|rest| {
        let text = format!(
            "the clients sent no requests from {} to {}, so nothing is known of that time",
            moment(rest.from),
            moment(rest.to)
        );
        Fact::new("rest", Requirement::Absent, text)
    }));
    let is_another = |gap: &&Gap| **gap != summary.longest_gap;
    facts.extend(
        summary
            .gap_under_fault
            .as_ref()
            .filter(is_another)
            .map(|gap| {
                let kind = kind(drill.disturbance);
                let text = format!("during the {kind}, at most {}", told(gap));
                Fact::new("gap", Requirement::Absent, text)
            }),
    );
    facts
}

fn next_write(drill: &Drill, summary: &Summary) -> Fact {
    let text = match summary.written_after {
        Some(after) => {
            let served = summary.restoration.and_then(|one| one.served_after);
            let served = served.map_or_else(String::new, |after| {
                format!(", {} after the restoration began", seconds(after))
            });
            format!(
                "acknowledged {} after the injection began{served}",
                seconds(after)
            )
        }
        None if rested_under_fault(drill, summary) => "unknown: the clients were paused".to_owned(),
        None => "no write sent after the injection was acknowledged".to_owned(),
    };
    Fact::new("next write", Requirement::Absent, text)
}

/// Whether the clients were paused when the fault was injected.
fn rested_under_fault(drill: &Drill, summary: &Summary) -> bool {
    let mut moments = drill.moments.iter();
    let injected = moments.find(|moment| moment.event == Event::Injected);
    injected.is_some_and(|injected| summary.rests.iter().any(|rest| rest.to > injected.at))
}

fn leader(drill: &Drill, summary: &Summary) -> Fact {
    let text = match &summary.new_leader {
        Some(NewLeader {
            after,
            leader,
            term,
        }) => format!(
            "{leader} became the leader in term {term}, {} after the {} began",
            seconds(*after),
            match drill.disturbance {
                Disturbance::Fault(_) => "injection",
                Disturbance::Change(_) => "change",
            }
        ),
        None => "leadership did not change".to_owned(),
    };
    Fact::new("leader", Requirement::Absent, text)
}
