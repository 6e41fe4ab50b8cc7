//! The table: the answer in its first line, one line a member, one line a check, then each finding with
//! what to do about it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::shown;
use crate::check::{Health, Report};
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::observation::{MemberObservation, Observation, Status};
use crate::plan::Plan;
use crate::values::quantity;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Renders everything, coloured. Whoever prints it leaves the colours out where there is no terminal.
pub fn render(plan: &Plan, observation: &Observation, report: &Report) -> String {
    let mut text = String::new();
    let style = match report.health() {
        Health::Healthy => GREEN.bold(),
        Health::Unhealthy => RED,
        Health::NotProven => YELLOW.bold(),
    };
    let summary = shown(&report.summary(plan));
    let _ = writeln!(text, "{style}{summary}{style:#}\n");
    members(&mut text, observation);
    text.push('\n');
    checks(&mut text, report);
    findings(&mut text, report);
    explanation(&mut text, report);
    text
}

fn members(text: &mut String, observation: &Observation) {
    let head = [
        "MEMBER", "ENDPOINT", "ID", "VERSION", "ROLE", "TERM", "INDEX", "DATABASE",
    ];
    let rows: Vec<Vec<String>> = observation.members.iter().map(row).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([head[column].len()]).max().unwrap_or_default()
        })
        .collect();
    let head: Vec<String> = head.into_iter().map(str::to_owned).collect();
    let _ = writeln!(text, "{FAINT}{}{FAINT:#}", line(&head, &widths));
    for (member, row) in observation.members.iter().zip(&rows) {
        let line = line(row, &widths);
        if member.status.seen().is_some() {
            let _ = writeln!(text, "{line}");
        } else {
            let _ = writeln!(text, "{RED}{line}{RED:#}");
        }
    }
}

fn row(member: &MemberObservation) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mut row = vec![member.name.to_string(), member.endpoint.clone()];
    match member.status.seen() {
        Some(status) => row.extend([
            status.member_id.to_string(),
            shown(&status.version),
            role(status).to_owned(),
            number(status.raft_term),
            number(status.raft_index),
            status
                .db_size
                .map_or_else(|| "-".to_owned(), quantity::size),
        ]),
        None => row.extend(["-"; 6].map(str::to_owned)),
    }
    row
}

/// What part a member plays.
pub(super) fn role(status: &Status) -> &'static str {
    if status.is_learner {
        "learner"
    } else if status.leader.is_none() {
        "no leader"
    } else if status.leader == Some(status.member_id) {
        "leader"
    } else {
        "follower"
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    cells.join("  ").trim_end().to_owned()
}

fn checks(text: &mut String, report: &Report) {
    let names = report.checks.iter().map(|checked| checked.name.len());
    let width = names.max().unwrap_or_default();
    for checked in &report.checks {
        let (label, style) = match checked.judgement.verdict {
            Verdict::Pass => ("ok", GREEN),
            Verdict::NotApplicable => ("n/a", FAINT),
            Verdict::Warn => ("warning", YELLOW),
            // What was seen holds, and it was not seen everywhere.
            Verdict::Skipped if checked.judgement.is_partial() => ("partly", YELLOW),
            Verdict::Skipped => ("skipped", YELLOW),
            Verdict::NotYet => ("not yet", RED),
            Verdict::Fail => ("FAILED", RED),
        };
        let name = checked.name;
        let evidence = shown(&checked.judgement.evidence());
        let _ = writeln!(
            text,
            "{style}{label:<7}{style:#}  {name:<width$}  {evidence}"
        );
    }
}

fn findings(text: &mut String, report: &Report) {
    for checked in &report.checks {
        let verdict = checked.judgement.verdict;
        let (label, style) = match verdict {
            Verdict::NotYet | Verdict::Fail => ("error", RED),
            Verdict::Warn | Verdict::Skipped => ("warning", YELLOW),
            Verdict::Pass | Verdict::NotApplicable => ("note", CYAN),
        };
        for finding in &checked.judgement.findings {
            let about = match finding.member() {
                Some(member) => format!("{member} "),
                None => String::new(),
            };
            let name = checked.name;
            let _ = writeln!(
                text,
                "\n{style}{label}{style:#}{BOLD}: {name}: {about}{}{BOLD:#}",
                shown(&finding.text)
            );
            if let Some(hint) = &finding.hint {
                let _ = writeln!(text, "  {CYAN}hint{CYAN:#}: {}", shown(&hint.to_string()));
            }
        }
    }
}

/// Where to learn what a check means that does not simply hold: the first of the worst, as an example.
fn explanation(text: &mut String, report: &Report) {
    let worst = [Verdict::Fail, Verdict::NotYet, Verdict::Warn];
    let first = worst
        .iter()
        .find_map(|&verdict| report.names(&[verdict]).first().copied());
    if let Some(name) = first {
        let _ = writeln!(
            text,
            "\n{CYAN}hint{CYAN:#}: {}",
            Hint::informs(
                "what a check means",
                [format!("cargo xtask verify --explain {name}")]
            )
        );
    }
}
