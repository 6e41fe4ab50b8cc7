//! `cargo xtask status`: each member of a cluster, as it is right now.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use super::Which;
use super::cluster::Started;
use crate::check::bytes;
use crate::etcd::observe;
use crate::observation::{Condition, Look, Status};
use crate::plan::Member;
use crate::report::{Exit, Outcome};
use crate::ui::{self, table::Table};

/// Show each member of a cluster
///
/// Its address, its process, its etcd, whether it leads, how far its log is and how large its
/// database. Looks and does not judge, and writes nothing to the cluster: `cargo xtask verify`
/// judges, by the definition.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask status five
  cargo xtask status --format json | jq -r '.members[] | select(.role == \"leader\").name'

Exit status:
  0  looked, whatever was seen: also where members are down
  4  the cluster was never started, or its etcdctl is gone

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, driver, running_version, running (members that run), leader (name or null)
  members[]: name, endpoint, condition (running, unfinished, stopped, no-data), runs_as,
    answers, error, id, version, role (leader, follower, learner, no leader), raft_term,
    raft_index, database_size_bytes
IDs are strings of hexadecimal digits, as etcd prints them. What was not seen is null.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// A member with what was seen of it.
struct Row {
    member: Member,
    condition: Condition,
    status: Look<Status>,
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
        .conditions(&started.home(), &started.record.names())?;
    let statuses = observe::statuses(&members, &tools, Duration::from_secs(2));
    let rows: Vec<Row> = members
        .into_iter()
        .zip(conditions)
        .zip(statuses)
        .map(|((member, condition), status)| Row {
            member,
            condition,
            status,
        })
        .collect();
    match args.format {
        Format::Table => {
            ui::print(&table(&rows));
            if !rows.iter().any(Row::runs) {
                let name = &started.name;
                ui::say(&format!("hint: start it: `cargo xtask up {name}`"));
            }
        }
        Format::Json => {
            ui::print(&format!("{:#}\n", json(&started, &rows)));
        }
    }
    Ok(Exit::Success)
}

impl Row {
    const fn runs(&self) -> bool {
        matches!(self.condition, Condition::Running(_))
    }

    fn leads(&self) -> bool {
        let leads = |status: &Status| status.leader == Some(status.member_id);
        self.status.seen().is_some_and(leads)
    }

    /// What it does in its cluster, in words that both formats share.
    fn role(&self) -> Option<&'static str> {
        let status = self.status.seen()?;
        Some(match status.leader {
            _ if self.leads() => "leader",
            _ if status.is_learner => "learner",
            Some(_) => "follower",
            None => "no leader",
        })
    }
}

fn table(rows: &[Row]) -> String {
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
    for row in rows {
        let none = || "-".to_owned();
        let number = |number: Option<u64>| number.map_or_else(none, |number| number.to_string());
        let status = row.status.seen();
        let role = match row.role() {
            Some(role) => role,
            None if row.runs() => "does not answer",
            None => "-",
        };
        table.row([
            row.member.name.to_string(),
            row.member.client_url(),
            match &row.condition {
                Condition::Absent => "no data".to_owned(),
                Condition::Stopped => "stopped".to_owned(),
                Condition::Unfinished => "not set up yet".to_owned(),
                Condition::Running(what) => what.clone(),
            },
            status.map_or_else(none, |status| status.version.clone()),
            role.to_owned(),
            number(status.and_then(|status| status.raft_term)),
            number(status.and_then(|status| status.raft_index)),
            status
                .and_then(|status| status.db_size)
                .map_or_else(none, bytes),
        ]);
    }
    table.to_string()
}

fn json(started: &Started, rows: &[Row]) -> serde_json::Value {
    let members = rows.iter().map(|row| {
        let status = row.status.seen();
        let (condition, runs_as) = match &row.condition {
            Condition::Absent => ("no-data", None),
            Condition::Stopped => ("stopped", None),
            Condition::Unfinished => ("unfinished", None),
            Condition::Running(what) => ("running", Some(what)),
        };
        let error = match &row.status {
            Look::Seen(_) => None,
            Look::Failed(why) | Look::NotAsked(why) => Some(why),
        };
        json!({
            "name": row.member.name,
            "endpoint": row.member.client_url(),
            "condition": condition,
            "runs_as": runs_as,
            "answers": status.is_some(),
            "error": error,
            "id": status.map(|status| status.member_id.to_string()),
            "version": status.map(|status| &status.version),
            "role": row.role(),
            "raft_term": status.and_then(|status| status.raft_term),
            "raft_index": status.and_then(|status| status.raft_index),
            "database_size_bytes": status.and_then(|status| status.db_size),
        })
    });
    json!({
        "format": 1,
        "cluster": started.name.as_str(),
        "driver": started.record.driver.as_str(),
        "running_version": started.record.etcd.version.to_string(),
        "running": rows.iter().filter(|row| row.runs()).count(),
        "leader": rows.iter().find(|row| row.leads()).map(|row| &row.member.name),
        "members": members.collect::<Vec<_>>(),
    })
}
