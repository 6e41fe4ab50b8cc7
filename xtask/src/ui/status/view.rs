//! `status --watch` on a terminal: the lines that each snapshot rewrites.

use std::time::Duration;

use anstyle::Style;

use super::words::{RUNS_AS, leadership, role, runs_as};
use crate::advice;
use crate::elections::{Elections, Leadership};
use crate::moment;
use crate::observation::Snapshot;
use crate::ui;
use crate::ui::style::{BOLD, FAINT, GREEN, PLAIN, RED};
use crate::ui::table::{Table, cut, number, size, wrapped};

/// The lines for a snapshot of this moment, with colours.
pub fn lines(
    at: Duration,
    snapshot: &Snapshot,
    elections: &Elections,
    width: usize,
) -> Vec<String> {
    let style = match elections.leadership() {
        (Leadership::Held, _) => GREEN,
        _ => RED,
    };
    let mut lines = vec![
        styled(BOLD, &cut(&summary(at, snapshot), width)),
        styled(style, &cut(&leadership(at, elections), width)),
        String::new(),
    ];
    lines.extend(table(snapshot, width).lines().map(str::to_owned));
    let hints = advice::of_snapshot(snapshot);
    if !hints.is_empty() {
        lines.push(String::new());
        lines.extend(
            hints
                .iter()
                .flat_map(|hint| wrapped(&ui::hint_line(hint), width)),
        );
    }
    lines
}

fn summary(at: Duration, snapshot: &Snapshot) -> String {
    let name = &snapshot.cluster;
    let (answering, all) = (snapshot.answering(), snapshot.members.len());
    let time = moment::time_of_day(at);
    format!("{name} at {time} UTC: {answering} of {all} members answer")
}

fn table(snapshot: &Snapshot, width: usize) -> String {
    let heading = [
        "MEMBER", "ROLE", "RUNS AS", "TERM", "LAG", "INDEX", "DATABASE",
    ];
    let mut table = Table::under(FAINT, heading);
    for member in &snapshot.members {
        let status = member.status.seen();
        let style = if status.is_some() { PLAIN } else { RED };
        let cells = [
            member.name.to_string(),
            role(member).to_owned(),
            runs_as(member),
            number(status.and_then(|status| status.raft_term)),
            number(snapshot.lag(member)),
            number(status.and_then(|status| status.raft_index)),
            size(status.and_then(|status| status.db_size)),
        ];
        table.styled_row(style, cells);
    }
    // A narrow terminal shows less of them. The name may be cut, but never the number of a process.
    table
        .wide(2, RUNS_AS)
        .fit(width, &[6, 5, 3, 4], 0)
        .to_string()
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
