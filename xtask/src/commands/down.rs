//! `cargo xtask down`: stops a cluster and keeps its data.

use std::time::Duration;

use super::Which;
use super::cluster::Started;
use crate::etcd::{observe, tools::Tools};
use crate::observation::{Condition, Look, Status};
use crate::report::{Exit, Outcome};
use crate::state::Lock;
use crate::values::HostName;
use crate::{steps, ui};

/// Stop a cluster and keep its data.
///
/// The followers stop first and the leader last: told all at once, they would spend seven seconds
/// on handing the leadership to each other. `cargo xtask up` starts the cluster again with its data
/// and its identity.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask down five")]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

/// Runs `down`.
///
/// # Errors
/// Fails where the cluster has not been started, or a member cannot be stopped.
pub fn run(args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let started = Started::find(name)?;
    let _lock = Lock::take(&started.workspace, name, &format!("down {name}"), &ui::say)?;
    let stopped = stop(&started)?;
    ui::say(&match stopped.len() {
        0 => format!("{name} was not running; its data is kept"),
        1 => format!("{name}: 1 member stopped, its data is kept"),
        count => format!("{name}: {count} members stopped, their data is kept"),
    });
    ui::say(&format!(
        "hint: `cargo xtask up {name}` starts it again, `cargo xtask destroy {name}` removes it"
    ));
    Ok(Exit::Success)
}

/// Stops every member that runs, in the best order, and returns their names.
pub(super) fn stop(started: &Started) -> Outcome<Vec<HostName>> {
    let home = started.home();
    let members = started.record.names();
    let conditions = started.driver.conditions(&home, &members);
    let running: Vec<HostName> = members
        .iter()
        .zip(&conditions)
        .filter(|(_, condition)| matches!(condition, Condition::Running(_)))
        .map(|(member, _)| member.clone())
        .collect();
    if running.is_empty() {
        return Ok(running);
    }
    // Without its etcdctl the leader is not known; then stopping merely takes longer.
    let leader = started
        .record
        .tools()
        .and_then(|tools| leader(started, &tools));
    for group in steps::stop(&running, leader.as_ref()) {
        started.driver.stop(&home, &group, &ui::say)?;
        for member in group {
            ui::say(&format!("{member}: stopped"));
        }
    }
    Ok(running)
}

/// The leader, where a member tells within a second.
fn leader(started: &Started, tools: &Tools) -> Option<HostName> {
    let members = started.record.members();
    let statuses = observe::statuses(&members, tools, Duration::from_secs(1));
    let leads =
        |status: &Look<Status>| status.seen().is_some_and(|s| s.leader == Some(s.member_id));
    let leader = statuses.iter().position(leads)?;
    Some(members[leader].name.clone())
}
