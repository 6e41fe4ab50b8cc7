//! etcd's own downgrade, through its gRPC gateway: `etcdctl downgrade` came with 3.6, and the client may be older.

use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Request, Sender};
use super::tools::Tools;
use super::version_change::{PATIENCE, minor};
use crate::change::downgrade::MemberState;
use crate::facts::upgrades::Minor;
use crate::plan::Member;
use crate::reason::Reason;

/// What a member says of its data and of a downgrade; none if it does not answer.
pub fn member_state(member: &Member, tools: &Tools) -> Option<MemberState> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        version: String,
        storage_version: Option<String>,
        downgrade_info: Option<Downgrade>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Downgrade {
        enabled: bool,
        target_version: String,
    }
    let url = format!("{}/v3/maintenance/status", member.client_url());
    let status: Status = Sender::of(tools).json(Request {
        url: &url,
        body: Some("{}"),
        patience: PATIENCE,
    })?;
    let downgrade = status.downgrade_info.filter(|info| info.enabled);
    Some(MemberState {
        name: member.name.clone(),
        runs: minor(&status.version)?,
        storage: status.storage_version.and_then(|has| minor(&has)),
        downgrade: downgrade.and_then(|info| minor(&info.target_version)),
    })
}

/// How many snapshots of its log a member has saved since it started; none if it does not say so.
pub fn raft_snapshots(member: &Member, tools: &Tools) -> Option<u64> {
    let url = format!("{}/metrics", member.client_url());
    let metrics = Sender::of(tools).content(Request {
        url: &url,
        body: None,
        patience: PATIENCE,
    });
    let metrics = metrics.ok()?;
    let mut counts = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("etcd_snap_fsync_duration_seconds_count "));
    counts.next()?.trim().parse().ok()
}

/// Tells etcd that its members are about to get this earlier minor release.
pub fn enable(member: &Member, tools: &Tools, (major, minor): Minor) -> Result<(), Reason> {
    let to = format!("{major}.{minor}.0");
    send(member, tools, &json!({"action": "VALIDATE", "version": to}))?;
    send(member, tools, &json!({"action": "ENABLE", "version": to}))
}

/// Tells etcd that its members keep their minor release.
pub fn cancel(member: &Member, tools: &Tools) -> Result<(), Reason> {
    send(member, tools, &json!({"action": "CANCEL"}))
}

fn send(member: &Member, tools: &Tools, request: &Value) -> Result<(), Reason> {
    #[derive(Deserialize)]
    struct Answer {
        message: Option<String>,
    }
    let url = format!("{}/v3/maintenance/downgrade", member.client_url());
    let answer = Sender::of(tools).send(Request {
        url: &url,
        body: Some(&request.to_string()),
        patience: PATIENCE,
    })?;
    let Answer { message } = serde_json::from_str(&answer.body).map_err(Reason::of)?;
    message.map_or(Ok(()), |refused| Err(refused.into()))
}
