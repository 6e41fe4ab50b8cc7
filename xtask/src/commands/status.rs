//! `cargo xtask status`: each member of a cluster, as it is right now.

use std::time::Duration;

use clap::ValueEnum;

use super::Which;
use super::cluster::Started;
use crate::etcd::observe;
use crate::observation::{Condition, Glance, Glimpse, Look, Status};
use crate::plan::Member;
use crate::report::{Exit, Outcome};
use crate::ui;
use crate::ui::status::{json, table};

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
    raft_index, lag (log entries behind the furthest member), database_size_bytes
IDs are strings of hexadecimal digits, as etcd prints them. What was not seen is null.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// How long a member may take for its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs `status`.
///
/// # Errors
/// Fails where the cluster has not been started.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = Started::find(&args.which.name)?;
    let glance = glance(&started)?;
    match args.format {
        Format::Table => {
            ui::print(&table::render(&glance));
            if glance.running() == 0 {
                let name = &started.name;
                ui::say(&format!("hint: start it: `cargo xtask up {name}`"));
            }
        }
        Format::Json => {
            ui::print(&json::render(&glance));
        }
    }
    Ok(Exit::Success)
}

fn glance(started: &Started) -> Outcome<Glance> {
    let tools = started.tools()?;
    let members = started.record.members();
    let conditions = started
        .driver
        .conditions(&started.home(), &started.record.names())?;
    let statuses = observe::statuses(&members, &tools, PATIENCE);
    let seen = members.into_iter().zip(conditions).zip(statuses);
    let glimpse = |((member, condition), status): ((Member, Condition), Look<Status>)| Glimpse {
        endpoint: member.client_url(),
        predicted_id: member.id,
        name: member.name,
        condition: Some(condition),
        status,
    };
    Ok(Glance {
        cluster: started.name.clone(),
        driver: started.record.driver,
        version: started.record.etcd.version,
        members: seen.map(glimpse).collect(),
    })
}
