//! Tiles: large figures, each with its meaning.

use std::fmt::Write;
use std::time::Duration;

use super::text::escaped;
use crate::drill::summary::Summary;
use crate::drill::words::seconds;
use crate::drill::{Disturbance, Drill};
use crate::ui::drill::kind;
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
    let kind = kind(drill.disturbance);
    let found = match summary.found_after {
        Some(after) if summary.is_found() => (seconds(after), "until verify found it", ""),
        _ if drill.expected.is_empty() && drill.reported.is_empty() => {
            ("nothing".to_owned(), "for verify to find", "")
        }
        _ => ("not".to_owned(), "found by verify", "bad"),
    };
    let found = (!drill.disturbance.is_change()).then(|| {
        let (figure, what, class) = found;
        (figure, what.to_owned(), class)
    });
    let lost = match &summary.read_back {
        None => ("unknown".to_owned(), "lost".to_owned(), "bad"),
        Some(read_back) => (
            count(read_back.lost.len()),
            match summary.restoration {
                Some(_) => "lost beyond what was announced".to_owned(),
                None => "of them lost".to_owned(),
            },
            bad(!read_back.lost.is_empty()),
        ),
    };
    let leader = match &summary.new_leader {
        Some(new) => (seconds(new.after), "until a new leader".to_owned(), ""),
        None => ("no".to_owned(), "new leader".to_owned(), ""),
    };
    let gap = match summary.gap_under_fault {
        Some(gap) => (
            seconds(gap.length()),
            format!("longest time without a write during the {kind}"),
            "",
        ),
        None => (
            "unknown".to_owned(),
            format!("time without a write: no client wrote during the {kind}"),
            "",
        ),
    };
    let announced = summary.restoration.map(|one| {
        let what = "lost, as announced".to_owned();
        (count(one.announced), what, "")
    });
    let writes = (
        count(summary.writes.acknowledged),
        "acknowledged writes".to_owned(),
        bad(summary.writes.acknowledged == 0),
    );
    let healthy = match drill.disturbance {
        Disturbance::Fault(_) => "from healing to healthy",
        Disturbance::Change(_) => "from the last step to healthy",
    };
    let healthy = (
        after(summary.healthy_after),
        healthy.to_owned(),
        bad(summary.healthy_after.is_none()),
    );
    let tiles = [writes].into_iter().chain(announced).chain([lost, gap]);
    let tiles: Vec<_> = tiles.chain(found).chain([leader, healthy]).collect();
    row(page, &tiles);
}
