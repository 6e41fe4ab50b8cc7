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
            // `ErrGRPCCompacted` of etcd (api/v3rpc/rpctypes/error.go).
            Err(why)
                if why
                    .as_str()
                    .contains("required revision has been compacted") =>
            {
                return Ok(());
            }
            Err(_) if Instant::now() < deadline => pause(Duration::from_millis(250)),
            done => return done.map(drop),
        }
    }
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
