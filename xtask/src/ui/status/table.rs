//! The table: one line per member.

use super::words::{role, runs_as};
use crate::observation::Snapshot;
use crate::ui::shown::shown;
use crate::ui::table::{Table, nothing, number, size};

/// Renders a snapshot without colours.
pub fn render(snapshot: &Snapshot) -> String {
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
    table.to_string()
}
