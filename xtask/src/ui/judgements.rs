//! The table that `verify` and `doctor` have in common: a line for each condition, whether it holds, and what
//! that rests on.

use super::shown::shown;
use super::style::{FAINT, GREEN, RED, YELLOW};
use super::table::Table;
use crate::judgement::{Judged, Verdict};

/// Renders it, coloured. `failed` is the label of what does not hold.
pub(super) fn table<F>(checks: &[Judged<F>], failed: &str) -> String {
    let mut table = Table::without_heading();
    for Judged {
        name, judgement, ..
    } in checks
    {
        let (label, style) = match judgement.verdict {
            Verdict::Pass => ("ok", GREEN),
            Verdict::NotApplicable => ("n/a", FAINT),
            Verdict::Warn => ("warning", YELLOW),
            Verdict::Skipped if judgement.is_partial() => ("partly", YELLOW),
            Verdict::Skipped => ("skipped", YELLOW),
            Verdict::NotYet => ("not yet", RED),
            Verdict::Fail => (failed, RED),
        };
        let evidence = shown(&judgement.evidence());
        table.labelled_row(style, [label.to_owned(), (*name).to_owned(), evidence]);
    }
    table.wide(0, "warning".len()).to_string()
}
