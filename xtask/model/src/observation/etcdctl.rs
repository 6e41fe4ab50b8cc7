//! Reads the output of etcdctl 3.x with `--write-out=json` for a single endpoint.
//!
//! Unneeded fields are ignored, because versions add them; needed fields are required. IDs are unsigned
//! 64-bit numbers. Each function's error says what is wrong with the output, phrased to follow the program's
//! name.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Alarm, AlarmKind, Hash, ListedMember, Status};
use crate::plan::identity::EtcdId;
use crate::reason::Reason;
use crate::values::EtcdVersion;
use crate::wording::many;

/// Reads the output of `endpoint status`.
pub fn status(output: &str) -> Result<Status, Reason> {
    let [only]: [EndpointStatus; 1] = exactly(output)?;
    Ok(only.into())
}

/// Reads the output of `endpoint status` for an endpoint that was named twice.
pub fn two_statuses(output: &str) -> Result<[Status; 2], Reason> {
    let both: [EndpointStatus; 2] = exactly(output)?;
    Ok(both.map(Status::from))
}

/// Reads the output of `member list`.
pub fn members(output: &str) -> Result<Vec<ListedMember>, Reason> {
    let list: MemberList = json(output)?;
    let members = list.members.into_iter().map(|member| ListedMember {
        id: member.id,
        name: member.name,
        peer_urls: member.peer_urls,
        client_urls: member.client_urls,
        is_learner: member.is_learner,
    });
    Ok(members.collect())
}

/// Reads the output of `alarm list`, which is `{}` in 3.4 when there are none.
pub fn alarms(output: &str) -> Result<Vec<Alarm>, Reason> {
    let list: AlarmList = json(output)?;
    let alarms = list.alarms.into_iter().map(|alarm| Alarm {
        member: alarm.member,
        kind: match alarm.kind {
            1 => AlarmKind::NoSpace,
            2 => AlarmKind::Corrupt,
            other => AlarmKind::Other(other),
        },
    });
    Ok(alarms.collect())
}

/// Reads the output of `endpoint hashkv --rev=REVISION`.
pub fn hash(output: &str, revision: u64) -> Result<Hash, Reason> {
    let [only]: [EndpointHash; 1] = exactly(output)?;
    Ok(Hash {
        hash: only.hash.hash,
        revision,
        compact_revision: only.hash.compact_revision,
    })
}

/// Reads the number of all keys from the output of `get`, which omits zero.
pub fn key_count(output: &str) -> Result<u64, Reason> {
    let range: Range = json(output)?;
    Ok(range.count)
}

/// Reads the revision of the keys from the output of `snapshot status`, of etcdctl or etcdutl.
pub fn snapshot_revision(output: &str) -> Result<u64, Reason> {
    let status: SnapshotStatus = json(output)?;
    Ok(status.revision)
}

/// Reads the ID of a new lease from the output of `lease grant`, in the hexadecimal form that etcdctl
/// accepts.
pub fn lease(output: &str) -> Result<String, Reason> {
    let lease: Lease = json(output)?;
    Ok(format!("{:x}", lease.id))
}

/// Reads the revision that a value was written at from the output of `put`.
pub fn put(output: &str) -> Result<Option<u64>, Reason> {
    let put: Put = json(output)?;
    Ok(put.header.revision)
}

/// Reads the output of `get --prefix --write-out=simple`: keys and values, one line each.
pub fn pairs(output: &str) -> Result<Vec<(String, String)>, Reason> {
    let mut lines = output.lines();
    let mut pairs = Vec::new();
    while let Some(key) = lines.next() {
        let value = lines
            .next()
            .ok_or_else(|| unreadable("a key without a value", output))?;
        pairs.push((key.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// The reason for a failure in etcdctl's standard error, without the wrapping of its logger and of gRPC. None
/// if etcdctl gave no reason: any other output comes from a shell, a loader or a crash.
pub fn reason(stderr: &str) -> Option<String> {
    let reasons: Vec<String> = stderr.lines().rev().filter_map(reason_of_line).collect();
    // The timeout is the last line; the cause, if known, comes before it.
    reasons
        .iter()
        .find(|reason| !reason.contains(TIMED_OUT))
        .or(reasons.first())
        .map(|reason| {
            if reason.contains(TIMED_OUT) {
                "no answer in time".to_owned()
            } else {
                reason.clone()
            }
        })
}

/// Why authentication kept a query from being answered, phrased to follow a member's name; none if another reason did.
/// etcd's words are part of its interface (`rpctypes/error.go`).
pub fn unauthorized(reason: &str) -> Option<&'static str> {
    let known = UNAUTHORIZED.iter();
    let mut known = known.filter(|(refusal, _)| reason.ends_with(refusal));
    known.next().map(|(_, why)| *why)
}

/// Whether this is why authentication kept a query from being answered.
pub fn is_unauthorized(why: &str) -> bool {
    UNAUTHORIZED.iter().any(|(_, known)| why == *known)
}

const UNAUTHORIZED: &[(&str, &str)] = &[
    (
        "user name is empty",
        "has authentication enabled, and no user was given",
    ),
    (
        "authentication failed, invalid user ID or password",
        "does not know the user that was given, or this password",
    ),
    (
        "permission denied",
        "refuses this to the user that was given",
    ),
];

const TIMED_OUT: &str = "context deadline exceeded";

fn reason_of_line(line: &str) -> Option<String> {
    let line = line.trim();
    let log: Option<LogLine> = serde_json::from_str(line).ok();
    let text = match (log, line.strip_prefix("Error: ")) {
        (Some(log), _) => log.error?,
        (None, Some(error)) if !is_of_usage(error) => error.to_owned(),
        (None, None) if has_failed(line) => line.to_owned(),
        (None, _) => return None,
    };
    let text = without_grpc(in_brackets(&text));
    (!text.is_empty()).then_some(text)
}

/// Whether etcdctl did not know its arguments: then it is not the expected etcdctl.
fn is_of_usage(error: &str) -> bool {
    error.trim_start().starts_with("unknown ")
}

fn has_failed(text: &str) -> bool {
    text.starts_with("Failed to ") || text.starts_with("failed to ")
}

/// `Failed to get the status of endpoint X (Y)` means Y.
fn in_brackets(text: &str) -> &str {
    match text.split_once(" (") {
        Some((_, inner)) if has_failed(text) => inner.strip_suffix(')').unwrap_or(inner),
        _ => text,
    }
}

/// `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: X"`
/// means X.
fn without_grpc(text: &str) -> String {
    let mut text = text.trim();
    if text.starts_with("rpc error: ")
        && let Some((_, inner)) = text.split_once(" desc = ")
    {
        text = inner;
    }
    text = text.strip_prefix("latest balancer error: ").unwrap_or(text);
    if let Some(inner) = text.strip_prefix("connection error: desc = ") {
        text = inner.trim_matches('"');
    }
    text = text.strip_prefix("transport: ").unwrap_or(text);
    text = text.strip_prefix("Error while dialing").unwrap_or(text);
    text.trim_start_matches(':').trim().replace("\\\"", "\"")
}

fn exactly<T: DeserializeOwned, const N: usize>(output: &str) -> Result<[T; N], Reason> {
    let all: Vec<T> = json(output)?;
    let count = all.len();
    <[T; N]>::try_from(all)
        .map_err(|_| format!("answered for {}, not {N}", many(count, "endpoint")).into())
}

fn json<T: DeserializeOwned>(output: &str) -> Result<T, Reason> {
    if output.trim().is_empty() {
        return Err("printed nothing".into());
    }
    serde_json::from_str(output).map_err(|error| unreadable(&error.to_string(), output))
}

fn unreadable(what: &str, output: &str) -> Reason {
    let first = output.lines().find(|line| !line.trim().is_empty());
    let shown: String = first.unwrap_or_default().chars().take(60).collect();
    format!("printed output that this program cannot read ({what}): `{shown}`").into()
}

#[derive(Deserialize)]
struct EndpointStatus {
    #[serde(rename = "Status")]
    status: RawStatus,
}

impl From<EndpointStatus> for Status {
    fn from(EndpointStatus { status }: EndpointStatus) -> Self {
        Self {
            version: status.version,
            cluster_id: status.header.cluster_id,
            member_id: status.header.member_id,
            leader: status.leader.filter(|id| id.0 != 0),
            raft_term: status.raft_term,
            raft_index: status.raft_index,
            raft_applied_index: status.raft_applied_index,
            revision: status.header.revision,
            db_size: status.db_size,
            db_size_quota: status.db_size_quota.filter(|&quota| quota != 0),
            downgrade: status.downgrade_info.and_then(RawDowngrade::target),
            is_learner: status.is_learner,
            errors: status.errors,
        }
    }
}

#[derive(Deserialize)]
struct Header {
    cluster_id: EtcdId,
    member_id: EtcdId,
    revision: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatus {
    header: Header,
    version: String,
    db_size: Option<u64>,
    db_size_quota: Option<u64>,
    leader: Option<EtcdId>,
    raft_index: Option<u64>,
    raft_term: Option<u64>,
    raft_applied_index: Option<u64>,
    downgrade_info: Option<RawDowngrade>,
    #[serde(default)]
    is_learner: bool,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawDowngrade {
    enabled: bool,
    target_version: String,
}

impl RawDowngrade {
    fn target(self) -> Option<EtcdVersion> {
        let target = self.target_version.parse().ok();
        target.filter(|_| self.enabled)
    }
}

#[derive(Deserialize)]
struct MemberList {
    members: Vec<RawMember>,
}

#[derive(Deserialize)]
struct RawMember {
    #[serde(rename = "ID")]
    id: EtcdId,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(default, rename = "clientURLs")]
    client_urls: Vec<String>,
    #[serde(default, rename = "isLearner")]
    is_learner: bool,
}

#[derive(Deserialize)]
struct AlarmList {
    #[serde(default)]
    alarms: Vec<RawAlarm>,
}

#[derive(Deserialize)]
struct RawAlarm {
    #[serde(rename = "memberID")]
    member: EtcdId,
    #[serde(rename = "alarm")]
    kind: u64,
}

#[derive(Deserialize)]
struct EndpointHash {
    #[serde(rename = "HashKV")]
    hash: RawHash,
}

#[derive(Deserialize)]
struct RawHash {
    hash: u64,
    compact_revision: i64,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    count: u64,
}

#[derive(Deserialize)]
struct SnapshotStatus {
    revision: u64,
}

#[derive(Deserialize)]
struct Lease {
    #[serde(rename = "ID")]
    id: u64,
}

#[derive(Deserialize)]
struct Put {
    header: Header,
}

#[derive(Deserialize)]
struct LogLine {
    error: Option<String>,
}
