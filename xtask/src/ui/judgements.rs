//! The table of checks that `verify` and `doctor` share: one line per check, with its verdict and
//! evidence.

use super::shown::shown;
use super::style::{FAINT, GREEN, RED, YELLOW};
use super::table::Table;
use crate::judgement::{Judged, Verdict};

/// Renders the table with colours, at most this wide. `failed`: the label of failed checks.
pub(super) fn table<F>(checks: &[Judged<F>], failed: &str, width: usize) -> String {
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
    let table = table.wide(0, "warning".len());
    table.wrapped_at(width).to_string()
}
