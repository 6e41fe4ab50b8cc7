//! `doctor` for people: a summary, and each check with its evidence. Errors and warnings are
//! printed as diagnostics.

use std::fmt::Write;

use crate::doctor::HostReport;
use crate::plan::Plan;
use crate::report::Severity;
use crate::ui::judgements;
use crate::ui::shown::shown;
use crate::ui::style::{GREEN, RED, YELLOW};

/// Renders a report with colours, which the caller strips if the output is not a terminal.
pub fn render(plan: &Plan, report: &HostReport, width: usize) -> String {
    let style = match (report.is_usable(), report.count(Severity::Warning)) {
        (false, _) => RED,
        (true, 0) => GREEN.bold(),
        (true, _) => YELLOW.bold(),
    };
    let mut text = String::new();
    let summary = shown(&report.summary(plan));
    let _ = writeln!(text, "{style}{summary}{style:#}\n");
    text + &judgements::table(&report.checks, "ERROR", width)
}
