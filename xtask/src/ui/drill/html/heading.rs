//! The top of the page: the verdict, the cluster and the totals of all drills.

use std::fmt::Write;

use super::text::{code, escaped};
use super::tiles;
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::ui::drill::{Figures, closing};
use crate::wording::{count, many};

pub(super) fn heading(page: &mut String, title: &str, drills: &[Drill], summaries: &[Summary]) {
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
    if let Some(drill) = drills.first() {
        let members = drill.members.iter().map(|name| escaped(name.as_str()));
        let _ = writeln!(
            page,
            "<p class=\"about\">etcd {} on {}: {}</p>",
            escaped(&drill.version.to_string()),
            many(drill.members.len(), "member"),
            members.collect::<Vec<_>>().join(", ")
        );
    }
    let figures = Figures::of(drills, summaries);
    if drills.len() > 1 {
        let found = match figures.unseen {
            0 => "found by verify".to_owned(),
            unseen => format!("of {} found by verify", count(figures.faults - unseen)),
        };
        let tiles = [
            (count(figures.faults), "faults injected".to_owned(), ""),
            (count(figures.found), found, ""),
            (
                count(figures.acknowledged),
                "acknowledged writes".to_owned(),
                "",
            ),
            if figures.not_read_back == figures.faults {
                ("unknown".to_owned(), "lost".to_owned(), "bad")
            } else {
                let class = if figures.lost == 0 { "" } else { "bad" };
                (count(figures.lost), "of them lost".to_owned(), class)
            },
        ];
        tiles::row(page, &tiles);
    }
    let _ = writeln!(
        page,
        "<p class=\"closing\">{}.</p>\n</header>",
        code(&closing(drills))
    );
}
