//! The top of the page: the verdict, the cluster and the totals of all drills.

use std::fmt::Write;

use super::{run, tiles};
use crate::drill::Drill;
use crate::drill::run::Run;
use crate::drill::summary::Summary;
use crate::ui::drill::{Figures, leaves};
use crate::wording::{count, many};

pub(super) fn heading(
    page: &mut String,
    title: &str,
    run: &Run,
    drills: &[Drill],
    summaries: &[Summary],
) {
    let passed = summaries.iter().filter(|one| one.is_passed()).count();
    let (class, verdict) = match (passed, drills.len()) {
        (_, 0) => ("bad", "nothing was done".to_owned()),
        (1, 1) => ("good", "passed".to_owned()),
        (0, 1) => ("bad", "failed".to_owned()),
        (some, all) if some == all => ("good", format!("all {} passed", count(all))),
        (some, all) => ("bad", format!("{} of {} passed", count(some), count(all))),
    };
    let _ = writeln!(
        page,
        "<header>\n<h1>{title}</h1>\n<p class=\"verdict {class}\">{verdict}</p>"
    );
    if drills.len() > 1 {
        totals(page, &Figures::of(drills, summaries));
    }
    run::run(page, run, drills);
    page.push_str("</header>\n");
}

/// The totals of all drills.
fn totals(page: &mut String, figures: &Figures) {
    let found = match figures.unseen {
        0 => "found by verify".to_owned(),
        unseen => format!(
            "of {} found by verify; {} nothing to find",
            count(figures.faults - unseen),
            leaves(unseen)
        ),
    };
    let of_them = match figures.announced {
        0 => "of them lost".to_owned(),
        announced => format!("of them lost, beyond {} as announced", count(announced)),
    };
    let lost = match (figures.not_read_back, figures.lost) {
        (0, 0) => ("0".to_owned(), of_them, ""),
        (0, lost) => (count(lost), of_them, "bad"),
        (all, _) if all == figures.drills => ("unknown".to_owned(), "lost".to_owned(), "bad"),
        (some, lost) => {
            let unread = many(some, "drill");
            let what = format!("known to be lost; after {unread} nothing could be read back");
            (count(lost), what, "bad")
        }
    };
    let found = (count(figures.found), found, "");
    let faults = (count(figures.faults), "faults injected".to_owned(), "");
    let changes = (count(figures.changes), "changes made".to_owned(), "");
    let acknowledged = count(figures.acknowledged);
    let acknowledged = (acknowledged, "acknowledged writes".to_owned(), "");
    if figures.changes > 0 {
        tiles::row(page, &[changes, acknowledged, lost]);
    } else {
        tiles::row(page, &[faults, found, acknowledged, lost]);
    }
}
