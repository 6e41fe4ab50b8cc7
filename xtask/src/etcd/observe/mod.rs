//! Observes a running cluster: queries every member on its own, and all at the same time, so that a
//! slow member costs no more than its own deadline.

mod etcdctl;
mod http;
mod metrics;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::etcd::tools::Tools;
use crate::observation::{Hash, ListedMember, Look, MemberObservation, Observation, Status};
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::values::HostName;

/// How long a member may take for one answer, unless the caller says otherwise. It is the default
/// of etcd's clients.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The lifetime of the probe values, in case nobody removes them.
const PROBE_SECONDS: u64 = 60;

/// Observes a cluster once. Never fails: what could not be seen is part of the result.
///
/// Writes a small value through each member, under a unique prefix, and removes them all. They have
/// a lease, so they disappear even if this process is killed. Nothing is written to a cluster with
/// another ID than the plan's.
pub fn observe(plan: &Plan, tools: &Tools, patience: Duration) -> Observation {
    if plan.version().is_v2() {
        http::observe(plan, patience)
    } else {
        etcdctl::observe(plan, tools, patience)
    }
}

/// The status of each of these members. Writes nothing.
pub fn statuses(members: &[Member], tools: &Tools, patience: Duration) -> Vec<Look<Status>> {
    if tools.version.is_v2() {
        http::statuses(members, patience)
    } else {
        etcdctl::statuses(members, tools, patience)
    }
}

/// The hash and the number of a member's keys at a revision, as the member itself has them: this
/// needs no quorum. Only for 3.x.
pub fn keys_at(
    member: &Member,
    tools: &Tools,
    revision: u64,
    patience: Duration,
) -> (Look<Hash>, Look<u64>) {
    etcdctl::keys_at(member, tools, revision, patience)
}

/// The member list of the cluster, from this member. Only for 3.x.
pub fn member_list(member: &Member, tools: &Tools, patience: Duration) -> Look<Vec<ListedMember>> {
    etcdctl::member_list(member, tools, patience)
}

/// Queries every member at the same time, and completes its observation with the answers.
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

/// Queries every member at the same time; the results are in the members' order.
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

/// Checks whether anything listens at a member's address. It saves the deadline that etcdctl would
/// spend on retrying a refused connection.
fn knock(member: &Member, patience: Duration) -> Result<(), Reason> {
    let address = SocketAddr::from(member.client_socket());
    TcpStream::connect_timeout(&address, patience.min(Duration::from_secs(2)))
        .map(drop)
        .map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => "connection refused: nothing listens there".into(),
            ErrorKind::TimedOut => "no connection in time".into(),
            _ => Reason::of(error),
        })
}

/// Why a member must not be used for requests that need the cluster's agreement, as words that
/// follow its name; `None` if it can be used.
fn obstacle(plan: &Plan, status: &Look<Status>) -> Option<String> {
    let why = match status {
        Look::NotAsked(_) => "could not be queried",
        Look::Failed(_) => "does not answer",
        // Another cluster must not be written to.
        Look::Seen(status) if status.cluster_id != plan.cluster_id => "belongs to another cluster",
        Look::Seen(status) if status.is_learner => "is a learner",
        Look::Seen(status) if status.leader.is_none() => "has no leader",
        Look::Seen(_) => return None,
    };
    Some(why.to_owned())
}

/// The member for requests about the whole cluster: the leader if it can be used, because it does
/// not depend on others to find itself.
fn spokesman<'a>(plan: &'a Plan, seen: &[MemberObservation]) -> Option<&'a Member> {
    let both = plan.members.iter().zip(seen);
    let able: Vec<_> = both
        .filter(|(_, seen)| obstacle(plan, &seen.status).is_none())
        .collect();
    let leads = |seen: &MemberObservation| seen.status.seen().is_some_and(Status::leads);
    let leader = able.iter().find(|(_, seen)| leads(seen));
    leader.or(able.first()).map(|(member, _)| *member)
}

/// A unique key prefix for this look.
fn probe_prefix(plan: &Plan) -> String {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    let process = std::process::id();
    let look = LOOKS.fetch_add(1, Ordering::Relaxed);
    // A single folder, because etcd 2.x would not remove its parents.
    format!("/xtask-verify-{}-{process}-{look}-{now}", plan.name)
}

/// The members whose values a member has read.
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

/// The value that is written through a member. It is unique, so that an old value cannot pass.
fn value(prefix: &str, name: &HostName) -> String {
    format!("{prefix} through {name}")
}
