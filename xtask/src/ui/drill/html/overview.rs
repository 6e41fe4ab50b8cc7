//! The overview: a row for each drill.

use std::fmt::Write;

use super::text::escaped;
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::ui::drill::table;

pub(super) fn overview(page: &mut String, drills: &[Drill], summaries: &[Summary]) {
    page.push_str("<div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"All drills\">\n<table class=\"overview\">\n<thead><tr>");
    for (heading, is_number) in table::COLUMNS {
        let class = if is_number { " class=\"number\"" } else { "" };
        let _ = write!(
            page,
            "<th scope=\"col\"{class}>{}</th>",
            heading.to_lowercase()
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (number, (drill, summary)) in drills.iter().zip(summaries).enumerate() {
        let class = if summary.is_passed() { "good" } else { "bad" };
        let _ = write!(page, "<tr class=\"{class}\">");
        let row = table::row(drill, summary);
        for (column, ((_, is_number), cell)) in table::COLUMNS.iter().zip(&row).enumerate() {
            // Colour replaces capital letters.
            let cell = escaped(&match column {
                0 => cell.clone(),
                _ => cell.to_lowercase(),
            });
            let class = if *is_number { " class=\"number\"" } else { "" };
            let _ = match column {
                0 => write!(
                    page,
                    "<th scope=\"row\"><a href=\"#drill-{}\">{cell}</a></th>",
                    number + 1
                ),
                1 => write!(page, "<td><span class=\"mark\">{cell}</span></td>"),
                _ => write!(page, "<td{class}>{cell}</td>"),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}
