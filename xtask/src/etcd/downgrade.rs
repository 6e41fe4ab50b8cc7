//! etcd's own downgrade, through its gRPC gateway: `etcdctl downgrade` came with 3.6, and the client may be older.

use serde::Deserialize;
use serde_json::{Value, json};

use super::gateway::{Gateway, Unanswered};
use super::http::{Request, Sender};
use super::tools::Tools;
use super::version_change::{PATIENCE, minor};
use crate::change::downgrade::MemberState;
use crate::facts::upgrades::Minor;
use crate::plan::{Member, Plan};
use crate::reason::Reason;

/// What a member says of its data and of a downgrade; none if it does not answer.
pub fn member_state(plan: &Plan, member: &Member, tools: &Tools) -> Option<MemberState> {
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
    let status: Status = gateway(plan, member, tools)
        .read("maintenance/status", &json!({}))
        .ok()?;
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
        token: None,
        patience: PATIENCE,
    });
    let metrics = metrics.ok()?;
    let mut counts = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("etcd_snap_fsync_duration_seconds_count "));
    counts.next()?.trim().parse().ok()
}

/// Tells etcd that its members are about to get this earlier minor release.
pub fn enable(
    plan: &Plan,
    member: &Member,
    tools: &Tools,
    (major, minor): Minor,
) -> Result<(), Reason> {
    let to = format!("{major}.{minor}.0");
    for action in ["VALIDATE", "ENABLE"] {
        let request = json!({"action": action, "version": to});
        send(plan, member, tools, &request)?;
    }
    Ok(())
}

/// Tells etcd that its members keep their minor release.
pub fn cancel(plan: &Plan, member: &Member, tools: &Tools) -> Result<(), Reason> {
    send(plan, member, tools, &json!({"action": "CANCEL"}))
}

fn send(plan: &Plan, member: &Member, tools: &Tools, request: &Value) -> Result<(), Reason> {
    let answer = gateway(plan, member, tools).read("maintenance/downgrade", request);
    let answer: Result<Value, Unanswered> = answer;
    match answer {
        Ok(_) => Ok(()),
        Err(Unanswered::Refused(why) | Unanswered::Unknown(why)) => Err(why.into()),
    }
}

fn gateway(plan: &Plan, member: &Member, tools: &Tools) -> Gateway {
    Gateway::of(plan, tools, member, PATIENCE.as_secs())
}
