//! The table: for one drill a line per fact, for several a row per drill; then everything that
//! failed, and the totals.

use std::fmt::Write;

use super::{Fact, Requirement, announced, closing, facts, next_write, rested_under_fault};
use crate::drill::history::{Answer, Operation};
use crate::drill::summary::{Gap, Lost, Shortfall, Summary};
use crate::drill::words::{moment, seconds, value};
use crate::drill::{Disturbance, Drill};
use crate::ui::shown::shown;
use crate::ui::style::{BOLD, FAINT, GREEN, PLAIN, RED, YELLOW};
use crate::ui::table::{Table, wrapped};
use crate::wording::count;

/// The maximum number of details of one kind. JSON has all.
const LONGEST: usize = 10;

/// Renders drills with colours, which the caller strips if the output is not a terminal.
pub fn render(drills: &[Drill], width: usize) -> String {
    let summaries: Vec<Summary> = drills.iter().map(Summary::of).collect();
    let mut text = String::new();
    match (drills, summaries.as_slice()) {
        ([drill], [summary]) => one(&mut text, drill, summary, width),
        _ => several(&mut text, drills, &summaries, width),
    }
    for (drill, summary) in drills.iter().zip(&summaries) {
        for reason in &summary.reasons {
            let details = details(summary, reason);
            // A single drill shows it above, except for the details.
            if drills.len() > 1 || !details.is_empty() {
                failure(&mut text, drill, reason, &details);
            }
        }
    }
    let style = if summaries.iter().all(Summary::is_passed) {
        GREEN.bold()
    } else {
        RED
    };
    let _ = writeln!(text, "\n{style}{}{style:#}", shown(&closing(drills)));
    text
}

fn one(text: &mut String, drill: &Drill, summary: &Summary, width: usize) {
    let (verdict, style) = if summary.is_passed() {
        ("passed", GREEN.bold())
    } else {
        ("failed", RED)
    };
    let _ = writeln!(
        text,
        "{style}{}: {} {verdict}: {}{style:#}\n",
        drill.cluster,
        drill.disturbance.name(),
        shown(&drill.done)
    );
    let facts = facts(drill, summary);
    let mut table = Table::without_heading();
    for Fact {
        name,
        requirement,
        text: told,
    } in &facts
    {
        let (label, style) = match requirement {
            Requirement::Met => ("ok", GREEN),
            Requirement::Missed => ("FAILED", RED),
            Requirement::Unknown => ("unknown", YELLOW),
            Requirement::Absent => ("", FAINT),
        };
        table.labelled_row(style, [label.to_owned(), (*name).to_owned(), shown(told)]);
    }
    let table = table.wide(0, "unknown".len());
    *text += &table.wrapped_at(width).to_string();
}

fn several(text: &mut String, drills: &[Drill], summaries: &[Summary], width: usize) {
    let mut table = Table::under(FAINT, headings(drills));
    for (column, (_, is_number)) in COLUMNS.iter().enumerate() {
        if *is_number {
            table = table.right(column);
        }
    }
    for (drill, summary) in drills.iter().zip(summaries) {
        let style = if summary.is_passed() { PLAIN } else { RED };
        table.styled_row(style, row(drill, summary));
    }
    let is_change = drills.iter().any(|drill| drill.disturbance.is_change());
    let expendable = match is_change {
        false => EXPENDABLE,
        true => EXPENDABLE_OF_CHANGES,
    };
    *text += &table.fit(width, &expendable, 0).to_string();
    restorations(text, drills, summaries, width);
}

/// What restorations lost on purpose, and when the cluster served again: a line for each.
fn restorations(text: &mut String, drills: &[Drill], summaries: &[Summary], width: usize) {
    for (drill, summary) in drills.iter().zip(summaries) {
        let Some(announced) = announced(drill, summary) else {
            continue;
        };
        let next = next_write(drill, summary);
        let told = format!(
            "{}: {}; next write: {}",
            drill.disturbance.name(),
            announced.text,
            next.text
        );
        text.push('\n');
        for line in wrapped(&shown(&told), width) {
            let _ = writeln!(text, "{line}");
        }
    }
}

/// The columns to leave out on a narrow terminal, in this order: `--format json` has all.
const EXPENDABLE: [usize; 6] = [8, 7, 3, 4, 6, 10];

/// The same for changes, of which some columns say nothing.
const EXPENDABLE_OF_CHANGES: [usize; 6] = [2, 4, 8, 3, 6, 10];

/// The columns for several drills, and whether they are numbers.
pub(super) const COLUMNS: [(&str, bool); 11] = [
    ("FAULT", false),
    ("VERDICT", false),
    ("FOUND", true),
    ("NEW LEADER", false),
    ("NEXT WRITE", true),
    ("LONGEST GAP", true),
    ("HEALTHY", true),
    ("WRITES", true),
    ("UNKNOWN", true),
    ("LOST", true),
    ("REGISTERS", false),
];

/// The headings of these columns. One call has either faults or changes.
pub(super) fn headings(drills: &[Drill]) -> [&'static str; COLUMNS.len()] {
    let mut headings = COLUMNS.map(|(heading, _)| heading);
    if drills.iter().any(|drill| drill.disturbance.is_change()) {
        headings[0] = "CHANGE";
    }
    headings
}

/// The cells of a drill in these columns.
pub(super) fn row(drill: &Drill, summary: &Summary) -> [String; COLUMNS.len()] {
    let after = |time: Option<_>| time.map_or_else(|| "never".to_owned(), seconds);
    let proof = &summary.registers;
    [
        drill.disturbance.name().to_owned(),
        if summary.is_passed() {
            "passed".to_owned()
        } else {
            "FAILED".to_owned()
        },
        match summary.found_after {
            Some(after) if summary.is_found() => seconds(after),
            None if drill.expected.is_empty() && drill.reported.is_empty() => "-".to_owned(),
            _ => "no".to_owned(),
        },
        summary.new_leader.as_ref().map_or_else(
            || "-".to_owned(),
            |new| format!("{} after {}", new.leader, seconds(new.after)),
        ),
        match summary.written_after {
            None if drill.disturbance.is_change() || rested_under_fault(drill, summary) => {
                "-".to_owned()
            }
            time => after(time),
        },
        longest_gap(drill, summary).map_or_else(|| "-".to_owned(), |gap| seconds(gap.length())),
        after(summary.healthy_after),
        count(summary.writes.acknowledged),
        count(summary.writes.unknown),
        summary
            .read_back
            .as_ref()
            .map_or_else(|| "?".to_owned(), |read_back| count(read_back.lost.len())),
        if proof.holds() {
            "linearizable"
        } else if proof.violations.is_empty() {
            "not shown"
        } else {
            "NOT LINEARIZABLE"
        }
        .to_owned(),
    ]
}

/// That of a change may lie just after it.
fn longest_gap(drill: &Drill, summary: &Summary) -> Option<Gap> {
    match drill.disturbance {
        Disturbance::Fault(_) => summary.gap_under_fault,
        Disturbance::Change(_) => Some(summary.longest_gap),
    }
}

/// A failure, with all known details.
fn failure(text: &mut String, drill: &Drill, reason: &Shortfall, details: &[String]) {
    let told = shown(&reason.to_string());
    let _ = writeln!(
        text,
        "\n{RED}error{RED:#}{BOLD}: {}: {told}{BOLD:#}",
        drill.disturbance.name()
    );
    for detail in details {
        let _ = writeln!(text, "  {}", shown(detail));
    }
}

fn details(summary: &Summary, reason: &Shortfall) -> Vec<String> {
    let read_back = summary.read_back.iter();
    let (all, mut details): (usize, Vec<String>) = match reason {
        Shortfall::Lost(all) => {
            let lost = read_back.flat_map(|read_back| &read_back.lost);
            (*all, lost.take(LONGEST).map(lost_write).collect())
        }
        Shortfall::RefusedAndThere(all) => {
            let there = read_back.flat_map(|read_back| &read_back.refused_and_there);
            (*all, there.take(LONGEST).map(refused).collect())
        }
        Shortfall::NotLinearizable(all) => {
            let violations = summary.registers.violations.iter().take(LONGEST);
            let details = violations.map(|one| format!("{}: {}", one.key, one.why));
            (*all, details.collect())
        }
        Shortfall::NotShownLinearizable(_) => {
            let keys = summary.registers.ambiguous.iter().take(LONGEST).cloned();
            (summary.registers.ambiguous.len(), keys.collect())
        }
        Shortfall::NotInjected
        | Shortfall::NotChanged
        | Shortfall::NotTakenBack(_)
        | Shortfall::NothingWritten
        | Shortfall::NotReadBack
        | Shortfall::NotFound { .. }
        | Shortfall::NotHealthy(_) => (0, Vec::new()),
    };
    if all > details.len() {
        details.push(format!("and {} more", count(all - details.len())));
    }
    details
}

fn lost_write(lost: &Lost) -> String {
    let holds = match &lost.holds {
        None => "is gone".to_owned(),
        Some(other) => format!("holds {}", value(other)),
    };
    format!(
        "{} {holds}: {} was acknowledged by {} at {}",
        lost.key,
        value(&lost.value),
        lost.through,
        moment(lost.acknowledged)
    )
}

fn refused(one: &Operation) -> String {
    let why = match &one.answer {
        Answer::Refused(why) => why.as_str(),
        _ => "",
    };
    format!(
        "{} was refused by {} at {}: {why}",
        one.key,
        one.through,
        moment(one.ended)
    )
}
