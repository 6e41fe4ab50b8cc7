//! Tiles: large figures, each with its meaning.

use std::fmt::Write;
use std::time::Duration;

use super::text::escaped;
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::drill::words::seconds;
use crate::wording::count;

/// A row of tiles: figure, meaning and class of each.
pub(super) fn row(page: &mut String, tiles: &[(String, String, &str)]) {
    page.push_str("<dl class=\"tiles\">\n");
    for (figure, name, class) in tiles {
        let _ = writeln!(
            page,
            "<div class=\"{class}\"><dt>{}</dt><dd>{}</dd></div>",
            escaped(name),
            escaped(figure)
        );
    }
    page.push_str("</dl>\n");
}

/// The tiles of one drill.
pub(super) fn of_drill(page: &mut String, drill: &Drill, summary: &Summary) {
    let after = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), seconds);
    let bad = |is_bad: bool| if is_bad { "bad" } else { "" };
    let found = match summary.found_after {
        Some(after) if summary.is_found() => (seconds(after), "until verify found it", ""),
        _ if drill.expected.is_empty() && drill.reported.is_empty() => {
            ("nothing".to_owned(), "for verify to find", "")
        }
        _ => ("not".to_owned(), "found by verify", "bad"),
    };
    let lost = match &summary.read_back {
        None => ("unknown".to_owned(), "lost", "bad"),
        Some(read_back) => (
            count(read_back.lost.len()),
            match summary.restoration {
                Some(_) => "lost beyond what was announced",
                None => "of them lost",
            },
            bad(!read_back.lost.is_empty()),
        ),
    };
    let leader = match &summary.new_leader {
        Some(new) => (seconds(new.after), "until a new leader", ""),
        None => ("no".to_owned(), "new leader", ""),
    };
    let gap = match summary.gap_under_fault {
        Some(gap) => (
            seconds(gap.length()),
            "longest time without a write during the fault",
            "",
        ),
        None => (
            "unknown".to_owned(),
            "time without a write: no client wrote during the fault",
            "",
        ),
    };
    let announced = summary
        .restoration
        .map(|one| (count(one.announced), "lost, as announced", ""));
    let tiles = [
        (
            count(summary.writes.acknowledged),
            "acknowledged writes",
            bad(summary.writes.acknowledged == 0),
        ),
        lost,
        gap,
        found,
        leader,
        (
            after(summary.healthy_after),
            "from healing to healthy",
            bad(summary.healthy_after.is_none()),
        ),
    ];
    let [writes, rest @ ..] = tiles;
    let tiles = [writes].into_iter().chain(announced).chain(rest);
    let tiles: Vec<_> = tiles
        .map(|(figure, name, class)| (figure, name.to_owned(), class))
        .collect();
    row(page, &tiles);
}
