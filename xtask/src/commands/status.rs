//! `cargo xtask status`: each member of a cluster, as it is right now.

use std::time::Duration;

use super::Which;
use super::cluster::Started;
use crate::etcd::observe;
use crate::observation::{Condition, Look, Status};
use crate::report::{Exit, Outcome};
use crate::ui::{self, table::Table};

/// Show each member of a cluster: its address, its process, who leads, what it holds.
///
/// Looks and does not judge; `cargo xtask verify` judges.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask status five")]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

/// Runs `status`.
///
/// # Errors
/// Fails where the cluster has not been started.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = Started::find(&args.which.name)?;
    let tools = started.tools()?;
    let members = started.record.members();
    let conditions = started
        .driver
        .conditions(&started.home(), &started.record.names());
    let statuses = observe::statuses(&members, &tools, Duration::from_secs(2));
    let rows = members.iter().zip(conditions).zip(statuses);
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
    for ((member, condition), status) in rows {
        let [version, role, term, index, database] = columns(&status);
        table.row([
            member.name.to_string(),
            member.client_url(),
            runs_as(&condition),
            version,
            role,
            term,
            index,
            database,
        ]);
    }
    ui::print(&table.to_string());
    Ok(Exit::Success)
}

fn runs_as(condition: &Condition) -> String {
    match condition {
        Condition::Absent => "no data".to_owned(),
        Condition::Stopped => "stopped".to_owned(),
        Condition::Running(what) => what.clone(),
    }
}

fn columns(status: &Look<Status>) -> [String; 5] {
    let none = || "-".to_owned();
    let Some(status) = status.seen() else {
        return [none(), "does not answer".to_owned(), none(), none(), none()];
    };
    let role = match status.leader {
        Some(leader) if leader == status.member_id => "leader",
        _ if status.is_learner => "learner",
        Some(_) => "follower",
        None => "has no leader",
    };
    let number = |number: Option<u64>| number.map_or_else(none, |number| number.to_string());
    let size = |bytes: u64| format!("{} KiB", bytes / 1024);
    [
        status.version.to_string(),
        role.to_owned(),
        number(status.raft_term),
        number(status.raft_index),
        status.db_size.map_or_else(none, size),
    ]
}
