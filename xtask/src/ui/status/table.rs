//! The table: one line a member.

use super::words::{number, role, runs_as};
use crate::observation::Glance;
use crate::ui::table::Table;
use crate::ui::verify::shown;
use crate::values::quantity;

/// Renders it.
pub fn render(glance: &Glance) -> String {
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
    for member in &glance.members {
        let status = member.status.seen();
        let none = || "-".to_owned();
        table.row([
            member.name.to_string(),
            member.endpoint.clone(),
            runs_as(member).to_owned(),
            status.map_or_else(none, |status| shown(&status.version)),
            role(member).to_owned(),
            number(status.and_then(|status| status.raft_term)),
            number(status.and_then(|status| status.raft_index)),
            status
                .and_then(|status| status.db_size)
                .map_or_else(none, quantity::size),
        ]);
    }
    table.to_string()
}
