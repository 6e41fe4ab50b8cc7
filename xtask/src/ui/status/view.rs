//! `status --watch` on a terminal: the lines that are rewritten after each glance.

use std::time::Duration;

use anstyle::Style;

use super::words::{leadership, role, runs_as};
use crate::advice;
use crate::elections::{Elections, Leadership};
use crate::observation::Glance;
use crate::ui;
use crate::ui::moment;
use crate::ui::style::{BOLD, FAINT, GREEN, PLAIN, RED};
use crate::ui::table::{Table, number, size};

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
    lines.extend(table(glance).lines().map(str::to_owned));
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
    let heading = [
        "MEMBER", "ROLE", "TERM", "LAG", "INDEX", "DATABASE", "RUNS AS",
    ];
    let mut table = Table::under(FAINT, heading);
    for member in &glance.members {
        let status = member.status.seen();
        let style = if status.is_some() { PLAIN } else { RED };
        let cells = [
            member.name.to_string(),
            role(member).to_owned(),
            number(status.and_then(|status| status.raft_term)),
            number(glance.lag(member)),
            number(status.and_then(|status| status.raft_index)),
            size(status.and_then(|status| status.db_size)),
            runs_as(member),
        ];
        table.styled_row(style, cells);
    }
    table.to_string()
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
