//! Looks at a running cluster, every member asked on its own and all of them at the same time, so
//! that one slow member costs no more than its own deadline.

mod etcdctl;
mod http;
mod metrics;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::etcd::tools::Tools;
use crate::observation::{Look, MemberObservation, Observation, Status};
use crate::plan::{CLIENT_PORT, Member, Plan};
use crate::reason::Reason;
use crate::values::HostName;

/// How long a member may take for one answer, unless the caller knows better. etcd's own clients
/// wait as long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long the values that try a cluster live when nobody comes to remove them.
const PROBE_SECONDS: u64 = 60;

/// Looks once. Never fails: what could not be seen is part of the result.
///
/// Writes a small value through each member, under a prefix that nothing else uses, and removes them
/// all; they are bound to a lease, so they go away even if this process is killed. Nothing is written to
/// a cluster whose ID is not the plan's.
pub fn observe(plan: &Plan, tools: &Tools, patience: Duration) -> Observation {
    if plan.version().is_v2() {
        http::observe(plan, patience)
    } else {
        etcdctl::observe(plan, tools, patience)
    }
}

/// How each of these members describes itself, and nothing more: this writes nothing.
pub fn statuses(members: &[Member], tools: &Tools, patience: Duration) -> Vec<Look<Status>> {
    if tools.version.is_v2() {
        http::statuses(members, patience)
    } else {
        etcdctl::statuses(members, tools, patience)
    }
}

/// Asks all members at the same time, and completes the observation of each with what it answers.
fn ask_each(
    plan: &Plan,
    seen: &mut [MemberObservation],
    ask: impl Fn(&Member, &mut MemberObservation) + Sync,
) {
    thread::scope(|scope| {
        let ask = &ask;
        for (member, seen) in plan.members.iter().zip(seen) {
            scope.spawn(move || ask(member, seen));
        }
    });
}

/// Asks all members for one thing at the same time; the answers are in the members' order.
fn for_each<R: Send>(members: &[Member], ask: impl Fn(&Member) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let ask = &ask;
        let asked = members
            .iter()
            .map(|member| scope.spawn(move || ask(member)));
        let asked: Vec<_> = asked.collect();
        asked
            .into_iter()
            .map(|answer| match answer.join() {
                Ok(answer) => answer,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

/// Whether anything listens at a member's address. Asking first saves the whole deadline that etcdctl
/// spends on retrying a connection that is refused at once.
fn knock(member: &Member, patience: Duration) -> Result<(), Reason> {
    let address = SocketAddr::from((member.address, CLIENT_PORT));
    TcpStream::connect_timeout(&address, patience.min(Duration::from_secs(2)))
        .map(drop)
        .map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => "connection refused: nothing listens there".into(),
            ErrorKind::TimedOut => "no connection in time".into(),
            _ => Reason::of(error),
        })
}

/// Why a member must not or cannot be asked for what needs the cluster's agreement, in words that follow
/// its name; nothing where it can be asked.
fn obstacle(plan: &Plan, status: &Look<Status>) -> Option<String> {
    let why = match status {
        Look::NotAsked(_) => "could not be asked",
        Look::Failed(_) => "does not answer",
        // Another cluster is not ours to write to.
        Look::Seen(status) if status.cluster_id != plan.cluster_id => "belongs to another cluster",
        Look::Seen(status) if status.is_learner => "is a learner",
        Look::Seen(status) if status.leader.is_none() => "has no leader",
        Look::Seen(_) => return None,
    };
    Some(why.to_owned())
}

/// The member through which to do what concerns all: the leader where it is among those that can be
/// asked, because it needs nobody's help to find itself.
fn spokesman<'a>(plan: &'a Plan, seen: &[MemberObservation]) -> Option<&'a Member> {
    let both = plan.members.iter().zip(seen);
    let able: Vec<_> = both
        .filter(|(_, seen)| obstacle(plan, &seen.status).is_none())
        .collect();
    let leads = |seen: &MemberObservation| seen.status.seen().is_some_and(Status::leads);
    let leader = able.iter().find(|(_, seen)| leads(seen));
    leader.or(able.first()).map(|(member, _)| *member)
}

/// A key prefix of this look's own.
fn probe_prefix(plan: &Plan) -> String {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    let process = std::process::id();
    let look = LOOKS.fetch_add(1, Ordering::Relaxed);
    // A single folder, because removing it in a 2.x would leave the folders around it.
    format!("/xtask-verify-{}-{process}-{look}-{now}", plan.name)
}

/// Which members' values are among the pairs that a member read.
fn written_by(plan: &Plan, prefix: &str, pairs: &[(String, String)]) -> Vec<HostName> {
    let names = plan.members.iter().map(|member| &member.name);
    names
        .filter(|name| {
            let key = format!("{prefix}/{name}");
            pairs
                .iter()
                .any(|(k, v)| *k == key && *v == value(prefix, name))
        })
        .cloned()
        .collect()
}

/// The value that is written through a member: another one in each look, so that nothing old passes.
fn value(prefix: &str, name: &HostName) -> String {
    format!("{prefix} through {name}")
}
