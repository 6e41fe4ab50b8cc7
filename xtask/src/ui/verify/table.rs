//! The table: a summary, one line per member, one line per check, then each finding with its hint.

use std::fmt::Write;

use crate::check::{ClusterReport, Health};
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::observation::Observation;
use crate::plan::Plan;
use crate::ui::judgements;
use crate::ui::shown::shown;
use crate::ui::style::{BOLD, CYAN, FAINT, GREEN, RED, YELLOW};
use crate::ui::table::{Table, nothing, number, size};

/// Renders a report with colours, which the caller strips if the output is not a terminal. Tables are at most
/// `width` columns wide.
pub fn render(
    plan: &Plan,
    observation: &Observation,
    report: &ClusterReport,
    width: usize,
) -> String {
    let mut text = String::new();
    let style = match report.health() {
        Health::Healthy => GREEN.bold(),
        Health::Unhealthy => RED,
        Health::NotProven => YELLOW.bold(),
    };
    let summary = shown(&report.summary(plan));
    let _ = writeln!(text, "{style}{summary}{style:#}\n");
    text += &members(observation, width);
    text.push('\n');
    text += &judgements::table(&report.checks, "FAILED", width);
    findings(&mut text, report);
    explanation(&mut text, report);
    text
}

fn members(observation: &Observation, width: usize) -> String {
    let heading = [
        "MEMBER", "ENDPOINT", "ID", "VERSION", "ROLE", "TERM", "INDEX", "DATABASE",
    ];
    let mut table = Table::under(FAINT, heading);
    for member in &observation.members {
        let (name, endpoint) = (member.name.to_string(), member.endpoint.clone());
        match member.status.seen() {
            Some(status) => table.row([
                name,
                endpoint,
                status.member_id.to_string(),
                shown(&status.version),
                status.role().to_owned(),
                number(status.raft_term),
                number(status.raft_index),
                size(status.db_size),
            ]),
            None => {
                let mut cells = [(); 8].map(|()| nothing());
                (cells[0], cells[1]) = (name, endpoint);
                table.styled_row(RED, cells);
            }
        }
    }
    table.fit(width, &EXPENDABLE, 0).to_string()
}

/// The columns to leave out on a narrow terminal, in this order.
const EXPENDABLE: [usize; 5] = [7, 6, 5, 3, 1];

fn findings(text: &mut String, report: &ClusterReport) {
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

/// A hint to the explanation of the first of the worst checks, as an example.
fn explanation(text: &mut String, report: &ClusterReport) {
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
