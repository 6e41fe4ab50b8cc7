//! etcd's own downgrade, through its gRPC gateway: `etcdctl downgrade` came with 3.6, and the client may be older.

use serde::Deserialize;
use serde_json::{Value, json};

use super::gateway::{Gateway, Unanswered};
use super::http::{Request, Sender};
use super::observe;
use super::tools::Tools;
use super::version_change::{self, PATIENCE, minor};
use crate::change::downgrade::MemberState;
use crate::change::upgrade::FIRST_WITH_DOWNGRADE;
use crate::facts::upgrades::Minor;
use crate::plan::{Member, Plan};
use crate::values::EtcdVersion;

/// What a member says of its data and of a downgrade; none if it does not answer.
pub fn member_state(plan: &Plan, member: &Member, tools: &Tools) -> Option<MemberState> {
    match by_gateway(plan, member, tools) {
        Err(unanswered) if unanswered.is_without_gateway() => without_gateway(member, tools),
        answer => answer.ok()?,
    }
}

/// Whether a member serves the gateway; none if it does not answer.
pub fn has_gateway(plan: &Plan, member: &Member, tools: &Tools) -> Option<bool> {
    match by_gateway(plan, member, tools) {
        Ok(_) => Some(true),
        Err(unanswered) => unanswered.is_without_gateway().then_some(false),
    }
}

fn by_gateway(
    plan: &Plan,
    member: &Member,
    tools: &Tools,
) -> Result<Option<MemberState>, Unanswered> {
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
    let status: Status = gateway(plan, member, tools).read("maintenance/status", &json!({}))?;
    let downgrade = status.downgrade_info.filter(|info| info.enabled);
    Ok(minor(&status.version).map(|runs| MemberState {
        name: member.name.clone(),
        runs,
        storage: status.storage_version.and_then(|has| minor(&has)),
        downgrade: downgrade.and_then(|info| minor(&info.target_version)),
        shows_downgrade: runs >= FIRST_WITH_DOWNGRADE,
    }))
}

/// What a member says without its gateway: a downgrade is seen only by an etcdctl that knows it.
fn without_gateway(member: &Member, tools: &Tools) -> Option<MemberState> {
    let said = version_change::said(member, tools)?;
    let runs = minor(&said.etcdserver)?;
    let shows_downgrade = tools.version.minor_release() >= FIRST_WITH_DOWNGRADE;
    let downgrade = || {
        let members = std::slice::from_ref(member);
        let status = observe::statuses(members, tools, PATIENCE).pop()?;
        status.seen()?.downgrade.map(EtcdVersion::minor_release)
    };
    Some(MemberState {
        name: member.name.clone(),
        runs,
        storage: said.storage.and_then(|has| minor(&has)),
        downgrade: shows_downgrade.then(downgrade).flatten(),
        shows_downgrade: runs >= FIRST_WITH_DOWNGRADE && shows_downgrade,
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
) -> Result<(), Unanswered> {
    let to = format!("{major}.{minor}.0");
    for action in ["VALIDATE", "ENABLE"] {
        let request = json!({"action": action, "version": to});
        send(plan, member, tools, &request)?;
    }
    Ok(())
}

/// Tells etcd that its members keep their minor release.
pub fn cancel(plan: &Plan, member: &Member, tools: &Tools) -> Result<(), Unanswered> {
    send(plan, member, tools, &json!({"action": "CANCEL"}))
}

fn send(plan: &Plan, member: &Member, tools: &Tools, request: &Value) -> Result<(), Unanswered> {
    let answer: Value = gateway(plan, member, tools).read("maintenance/downgrade", request)?;
    drop(answer);
    Ok(())
}

fn gateway(plan: &Plan, member: &Member, tools: &Tools) -> Gateway {
    Gateway::of(plan, tools, member, PATIENCE.as_secs())
}
