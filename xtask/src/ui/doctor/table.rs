//! `doctor` for people: a summary, and each condition with what it rests on. What is to be done about
//! them is said as diagnostics.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::doctor::Report;
use crate::judgement::Verdict;
use crate::plan::Plan;
use crate::report::Severity;
use crate::ui::verify::shown;

const FAINT: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// Renders everything, coloured. Whoever prints it leaves the colours out where there is no terminal.
pub fn render(plan: &Plan, report: &Report) -> String {
    let style = match (report.is_usable(), report.count(Severity::Warning)) {
        (false, _) => RED,
        (true, 0) => GREEN.bold(),
        (true, _) => YELLOW.bold(),
    };
    let mut text = String::new();
    let summary = shown(&report.summary(plan));
    let _ = writeln!(text, "{style}{summary}{style:#}\n");
    let names = report.checks.iter().map(|checked| checked.name.len());
    let width = names.max().unwrap_or_default();
    for checked in &report.checks {
        let judgement = &checked.judgement;
        let (label, style) = match judgement.verdict {
            Verdict::Pass => ("ok", GREEN),
            Verdict::NotApplicable => ("n/a", FAINT),
            // What was seen is as it should be, and not everything was seen.
            Verdict::Skipped if judgement.is_partial() => ("partly", YELLOW),
            Verdict::Skipped => ("skipped", YELLOW),
            Verdict::Warn => ("warning", YELLOW),
            Verdict::NotYet | Verdict::Fail => ("ERROR", RED),
        };
        let (name, evidence) = (checked.name, shown(&judgement.evidence()));
        let _ = writeln!(
            text,
            "{style}{label:<7}{style:#}  {name:<width$}  {evidence}"
        );
    }
    text
}
