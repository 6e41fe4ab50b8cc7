//! The numbers behind the timeline: writes per time step.

use std::fmt::Write;
use std::time::Duration;

use super::length;
use crate::drill::Drill;
use crate::drill::history::{Action, Answer, Operation};
use crate::ui::drill::html::text::escaped;
use crate::values::HostName;
use crate::wording::count;

/// The maximum number of rows of the table.
const ROWS: u128 = 60;

/// The table of the numbers, for readers who cannot see the drawing or want exact values.
pub(super) fn table(page: &mut String, drill: &Drill, end: Duration) {
    let steps = [
        1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000,
    ];
    let mut fitting = steps
        .into_iter()
        .filter(|step| end.as_millis() / step < ROWS);
    let step = Duration::from_millis(fitting.next().unwrap_or(86_400_000) as u64);
    let _ = write!(
        page,
        "<details>\n<summary>The same in numbers, per {}</summary>\n<div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"Writes over time\">\n<table class=\"list\">\n<thead><tr><th scope=\"col\" class=\"number\">from</th>",
        length(step)
    );
    for member in &drill.members {
        let _ = write!(
            page,
            "<th scope=\"col\" class=\"number\">{}</th>",
            escaped(member.as_str())
        );
    }
    page.push_str("<th scope=\"col\" class=\"number\">refused</th><th scope=\"col\" class=\"number\">unknown</th></tr></thead>\n<tbody>\n");
    let columns: Vec<Vec<(u32, usize)>> = drill
        .members
        .iter()
        .map(|member| {
            bins(drill, Some(member), step, |one| {
                *one == Answer::Acknowledged
            })
        })
        .chain([
            bins(drill, None, step, |one| matches!(one, Answer::Refused(_))),
            bins(drill, None, step, |one| matches!(one, Answer::Unknown(_))),
        ])
        .collect();
    let rows = end.as_millis().div_ceil(step.as_millis().max(1));
    for bin in 0..u32::try_from(rows).unwrap_or(u32::MAX) {
        let _ = write!(
            page,
            "<tr><th scope=\"row\" class=\"number\">{}</th>",
            length(step * bin)
        );
        for column in &columns {
            let found = column.iter().find(|(at, _)| *at == bin);
            let writes = found.map_or(0, |(_, writes)| *writes);
            let _ = write!(page, "<td class=\"number\">{}</td>", count(writes));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n</details>\n");
}

/// The number of writes with these answers that ended in each step, without empty steps.
pub(super) fn bins(
    drill: &Drill,
    member: Option<&HostName>,
    step: Duration,
    is_counted: fn(&Answer) -> bool,
) -> Vec<(u32, usize)> {
    let is_meant = |one: &&Operation| {
        matches!(one.action, Action::Write(_))
            && is_counted(&one.answer)
            && member.is_none_or(|member| one.through == *member)
    };
    let writes = drill.history.operations.iter().filter(is_meant);
    let bin = |one: &Operation| one.ended.as_millis() / step.as_millis().max(1);
    let mut ended: Vec<u32> = writes
        .map(|one| u32::try_from(bin(one)).unwrap_or(u32::MAX))
        .collect();
    ended.sort_unstable();
    ended
        .chunk_by(|one, other| one == other)
        .map(|same| (same[0], same.len()))
        .collect()
}

/// The maximum number of acknowledged writes through one member in a step.
pub(super) fn most(drill: &Drill, step: Duration) -> usize {
    let members = drill.members.iter();
    let bins = members.flat_map(|member| {
        bins(drill, Some(member), step, |answer| {
            *answer == Answer::Acknowledged
        })
    });
    bins.map(|(_, writes)| writes).max().unwrap_or_default()
}
