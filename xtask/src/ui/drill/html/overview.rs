//! The overview: a row for each drill. Narrow pages omit columns, because the section of a drill has
//! all its figures.

use std::fmt::Write;

use super::text::{escaped, unbroken};
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::ui::drill::table::{self, COLUMNS, headings};

/// The narrowest page that shows each column, as a class of the style sheet.
const SHOWN: [&str; COLUMNS.len()] = [
    "",       // FAULT or CHANGE
    "",       // VERDICT
    "medium", // FOUND
    "wide",   // NEW LEADER
    "wide",   // NEXT WRITE
    "medium", // LONGEST GAP
    "medium", // HEALTHY
    "wide",   // WRITES
    "wide",   // UNKNOWN
    "",       // LOST
    "wide",   // REGISTERS
];

pub(super) fn overview(page: &mut String, drills: &[Drill], summaries: &[Summary]) {
    page.push_str("<table class=\"overview\">\n<thead><tr>");
    for (column, heading) in headings(drills).iter().enumerate() {
        let _ = write!(
            page,
            "<th scope=\"col\" class=\"{}\">{}</th>",
            class(column),
            heading.to_lowercase()
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (number, (drill, summary)) in drills.iter().zip(summaries).enumerate() {
        row(page, number + 1, drill, summary);
    }
    page.push_str("</tbody>\n</table>\n");
}

fn class(column: usize) -> String {
    let number = if COLUMNS[column].1 { "number " } else { "" };
    format!("{number}{}", SHOWN[column])
}

fn row(page: &mut String, number: usize, drill: &Drill, summary: &Summary) {
    let verdict = if summary.is_passed() { "good" } else { "bad" };
    let _ = write!(page, "<tr class=\"{verdict}\">");
    for (column, cell) in table::row(drill, summary).iter().enumerate() {
        // Colour replaces capital letters.
        let text = cell.to_lowercase();
        let class = class(column);
        let _ = match column {
            0 => write!(
                page,
                "<th scope=\"row\"><a href=\"#drill-{number}\">{}</a></th>",
                unbroken(cell)
            ),
            1 => write!(
                page,
                "<td><span class=\"mark\">{}</span></td>",
                escaped(&text)
            ),
            _ => write!(page, "<td class=\"{class}\">{}</td>", unbroken(&text)),
        };
    }
    page.push_str("</tr>\n");
}
