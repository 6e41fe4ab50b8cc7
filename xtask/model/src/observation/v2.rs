//! Reads an etcd 2.x's answers over HTTP. Its tools are not used, because their exit codes and wording do not
//! distinguish a healthy cluster from a dead one (etcdctl 2.0.0 even exits 0 on unknown commands).

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{ListedMember, Status};
use crate::plan::identity::EtcdId;
use crate::reason::Reason;

/// The answers that describe a member.
#[derive(Debug, Clone)]
pub struct Answers<'a> {
    /// The body of `/version`.
    pub version: &'a str,
    /// The body of `/v2/stats/self`.
    pub stats: &'a str,
    /// `X-Etcd-Cluster-Id` of `/v2/keys/`.
    pub cluster_id: &'a str,
    /// `X-Raft-Index` of `/v2/keys/`; none if there is no such folder yet.
    pub raft_index: Option<&'a str>,
    /// `X-Raft-Term` of `/v2/keys/`; none if there is no such folder yet.
    pub raft_term: Option<&'a str>,
    /// `X-Etcd-Index` of `/v2/keys/`.
    pub etcd_index: Option<&'a str>,
}

/// Reads a member's own status.
pub fn status(answers: &Answers<'_>) -> Result<Status, Reason> {
    let stats: Stats = json("/v2/stats/self", answers.stats)?;
    let number = |header: Option<&str>| header.and_then(|value| value.trim().parse().ok());
    Ok(Status {
        version: version(answers.version)?,
        cluster_id: id(answers.cluster_id)?,
        member_id: id(&stats.id)?,
        leader: match stats.leader_info.leader.as_str() {
            "" | "0" => None,
            leader => Some(id(leader)?),
        },
        raft_term: number(answers.raft_term),
        raft_index: number(answers.raft_index),
        raft_applied_index: None,
        revision: number(answers.etcd_index),
        db_size: None,
        db_size_quota: None,
        downgrade: None,
        is_learner: false,
        errors: Vec::new(),
    })
}

/// The version in the body of `/version`, which has had three forms: JSON with `releaseVersion` up to
/// 2.0.7, the text `etcd 2.0.13` up to 2.0.x's end, JSON with `etcdserver` after.
pub fn version(body: &str) -> Result<String, Reason> {
    let body = body.trim();
    if let Some(version) = body.strip_prefix("etcd ") {
        return Ok(version.to_owned());
    }
    let version: Version = json("/version", body)?;
    version
        .etcdserver
        .or(version.release_version)
        .ok_or_else(|| not_etcd("/version", body))
}

/// Reads the body of `/v2/members`.
pub fn members(body: &str) -> Result<Vec<ListedMember>, Reason> {
    let list: MemberList = json("/v2/members", body)?;
    let members = list.members.into_iter().map(|member| {
        Ok(ListedMember {
            id: id(&member.id)?,
            name: member.name,
            peer_urls: member.peer_urls,
            client_urls: member.client_urls,
            is_learner: false,
        })
    });
    members.collect()
}

/// Reads the keys and values of a folder from the answer to a GET request.
pub fn pairs(body: &str) -> Result<Vec<(String, String)>, Reason> {
    let answer: Keys = json("/v2/keys", body)?;
    let nodes = answer.node.nodes.unwrap_or_default();
    let pairs = nodes.into_iter().map(|node| (node.key, node.value));
    Ok(pairs.collect())
}

/// Whether a member answers that there is no such key. It looked for the key, so it is alive: until the first
/// key is written, etcd 2.0.0 has not even the root folder (since 2.0.1 that always exists).
pub fn found_no_key(status: u16, body: &str) -> bool {
    let refusal: Result<Refusal, _> = serde_json::from_str(body);
    status == 404 && refusal.is_ok_and(|refusal| refusal.error_code == Some(KEY_NOT_FOUND))
}

/// `EcodeKeyNotFound` (etcd's error/error.go).
const KEY_NOT_FOUND: u32 = 100;

/// The reason in the body of an answer with an error status, such as
/// `{"errorCode":300,"message":"Raft Internal Error","cause":"…"}`.
pub fn reason(status: u16, body: &str) -> Reason {
    match serde_json::from_str::<Refusal>(body) {
        Ok(Refusal { message, cause, .. }) => match cause {
            Some(cause) if !cause.is_empty() => format!("{message}: {cause}").into(),
            _ => message.into(),
        },
        Err(_) if body.trim().is_empty() => format!("HTTP status {status}").into(),
        Err(_) => {
            let line = body.lines().next().unwrap_or_default();
            let shown: String = line.chars().take(60).collect();
            format!("HTTP status {status}: `{shown}`").into()
        }
    }
}

fn id(text: &str) -> Result<EtcdId, Reason> {
    u64::from_str_radix(text, 16)
        .map(EtcdId)
        .map_err(|_| format!("`{}` is not an etcd ID", text.escape_debug()).into())
}

fn json<T: DeserializeOwned>(path: &str, body: &str) -> Result<T, Reason> {
    serde_json::from_str(body).map_err(|_| not_etcd(path, body))
}

fn not_etcd(path: &str, body: &str) -> Reason {
    let line = body.lines().next().unwrap_or_default();
    let shown: String = line.chars().take(60).collect();
    format!("the answer for `{path}` is not from an etcd 2.x: `{shown}`").into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    etcdserver: Option<String>,
    release_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    id: String,
    leader_info: LeaderInfo,
}

#[derive(Deserialize)]
struct LeaderInfo {
    #[serde(default)]
    leader: String,
}

#[derive(Deserialize)]
struct MemberList {
    members: Vec<RawMember>,
}

#[derive(Deserialize)]
struct RawMember {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(default, rename = "clientURLs")]
    client_urls: Vec<String>,
}

#[derive(Deserialize)]
struct Keys {
    node: Folder,
}

#[derive(Deserialize)]
struct Folder {
    nodes: Option<Vec<Node>>,
}

#[derive(Deserialize)]
struct Node {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default, rename = "errorCode")]
    error_code: Option<u32>,
    message: String,
    cause: Option<String>,
}
