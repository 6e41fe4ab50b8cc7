//! The table: one line per member.

use super::words::{RUNS_AS, role, runs_as};
use crate::observation::Snapshot;
use crate::ui::shown::shown;
use crate::ui::table::{Table, nothing, number, size};

/// The columns to leave out on a narrow terminal, in this order.
const EXPENDABLE: [usize; 5] = [6, 7, 5, 3, 1];

/// Renders a snapshot without colours, at most this wide.
pub fn render(snapshot: &Snapshot, width: usize) -> String {
    let mut table = Table::new([
        "MEMBER",
        "CLIENT URL",
        "RUNS AS",
        "ETCD",
        "ROLE",
        "TERM",
        "INDEX",
        "DATABASE",
    ]);
    for member in &snapshot.members {
        let status = member.status.seen();
        table.row([
            member.name.to_string(),
            member.endpoint.clone(),
            runs_as(member),
            status.map_or_else(nothing, |status| shown(&status.version)),
            role(member).to_owned(),
            number(status.and_then(|status| status.raft_term)),
            number(status.and_then(|status| status.raft_index)),
            size(status.and_then(|status| status.db_size)),
        ]);
    }
    table
        .wide(2, RUNS_AS)
        .fit(width, &EXPENDABLE, 0)
        .to_string()
}
