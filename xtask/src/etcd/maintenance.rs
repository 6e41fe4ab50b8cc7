//! Makes room in databases, with etcdctl.

use std::time::{Duration, Instant};

use super::ask::ask;
use super::tools::Tools;
use crate::observation::{Alarm, etcdctl as read};
use crate::pause::pause;
use crate::plan::Member;
use crate::reason::Reason;

/// How long a database of many GiB may take on a slow disk.
const PATIENCE: Duration = Duration::from_secs(3600);

/// `ErrGRPCCompacted` of etcd (api/v3rpc/rpctypes/error.go).
const COMPACTED: &str = "required revision has been compacted";

/// How long a member may lag behind.
const CATCHING_UP: Duration = Duration::from_secs(60);

/// Drops all revisions of all keys before this one. The freed space stays in the database files.
/// Succeeds if somebody has already done so. A member that has not reached the revision yet refuses,
/// and there may be an election, so it is retried for a while.
pub fn compact(tools: &Tools, member: &Member, revision: u64) -> Result<(), Reason> {
    let deadline = Instant::now() + CATCHING_UP;
    let compact = ["compact", "--physical", &revision.to_string()];
    loop {
        match ask(tools, member, &compact, PATIENCE) {
            Err(why) if why.as_str().contains(COMPACTED) => {
                return Ok(());
            }
            Err(_) if Instant::now() < deadline => pause(Duration::from_millis(250)),
            done => return done.map(drop),
        }
    }
}

/// Whether the keys at this revision, which is above 0, can no longer be read from a member.
pub fn is_compacted(tools: &Tools, member: &Member, revision: u64) -> bool {
    let at = format!("--rev={revision}");
    let get = ["get", "any", &at, "--consistency=s"];
    let asked = ask(tools, member, &get, Duration::from_secs(30));
    asked.is_err_and(|why| why.as_str().contains(COMPACTED))
}

/// Rewrites the database of a member without its free space. It does not answer meanwhile.
pub fn defragment(tools: &Tools, member: &Member) -> Result<(), Reason> {
    ask(tools, member, &["defrag"], PATIENCE).map(drop)
}

/// The alarms of the cluster, which every member knows.
pub fn alarms(tools: &Tools, member: &Member) -> Result<Vec<Alarm>, Reason> {
    let list = ["alarm", "list", "--write-out=json"];
    read::alarms(&ask(tools, member, &list, Duration::from_secs(30))?)
}

/// Writes this key and deletes it again, which makes two revisions.
pub fn write_and_delete(tools: &Tools, member: &Member, key: &str) -> Result<(), Reason> {
    let soon = Duration::from_secs(10);
    ask(
        tools,
        member,
        &["put", key, "beyond the compacted revision"],
        soon,
    )?;
    ask(tools, member, &["del", key], soon).map(drop)
}
