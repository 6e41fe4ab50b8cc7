//! `status --watch` on a terminal: the lines that are rewritten after each glance.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::words::{leadership, number, role, runs_as};
use crate::advice;
use crate::elections::{Elections, Leadership};
use crate::observation::Glance;
use crate::ui;
use crate::ui::moment;
use crate::ui::table::Table;
use crate::values::quantity;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();

/// The lines after a glance at this moment, coloured.
pub fn lines(at: Duration, glance: &Glance, elections: &Elections) -> Vec<String> {
    let style = match elections.leadership() {
        (Leadership::Held, _) => GREEN,
        _ => RED,
    };
    let mut lines = vec![
        styled(BOLD, &summary(at, glance)),
        styled(style, &leadership(at, elections)),
        String::new(),
    ];
    let table = table(glance);
    let mut rows = table.lines();
    lines.extend(rows.next().map(|heading| styled(FAINT, heading)));
    for (row, member) in rows.zip(&glance.members) {
        lines.push(match member.status.seen() {
            Some(_) => row.to_owned(),
            None => styled(RED, row),
        });
    }
    let hints = advice::at_a_glance(glance);
    if !hints.is_empty() {
        lines.push(String::new());
        lines.extend(hints.iter().map(ui::hint_line));
    }
    lines
}

fn summary(at: Duration, glance: &Glance) -> String {
    let name = &glance.cluster;
    let (answering, all) = (glance.answering(), glance.members.len());
    let time = moment::time_of_day(at);
    format!("{name} at {time} UTC: {answering} of {all} members answer")
}

/// What changes comes first and what may be long comes last: a narrow terminal cuts that.
fn table(glance: &Glance) -> String {
    let mut table = Table::new([
        "MEMBER", "ROLE", "TERM", "LAG", "INDEX", "DATABASE", "RUNS AS",
    ]);
    for member in &glance.members {
        let status = member.status.seen();
        let size = status.and_then(|status| status.db_size);
        table.row([
            member.name.to_string(),
            role(member).to_owned(),
            number(status.and_then(|status| status.raft_term)),
            number(glance.lag(member)),
            number(status.and_then(|status| status.raft_index)),
            size.map_or_else(|| "-".to_owned(), quantity::size),
            runs_as(member).to_owned(),
        ]);
    }
    table.to_string()
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
