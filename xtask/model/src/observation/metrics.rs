//! Reads a member's metrics, in Prometheus' text format.

use crate::plan::identity::EtcdId;
use crate::reason::Reason;

/// The members that a member is connected to, from its `etcd_network_active_peers`, which exists since etcd
/// 3.3. A peer that it never connected to is not listed.
pub fn active_peers(metrics: &str) -> Result<Vec<EtcdId>, Reason> {
    if !metrics.lines().any(|line| line.starts_with("etcd_")) {
        return Err("it has no etcd metrics".into());
    }
    let lines = metrics.lines();
    let active = lines.filter_map(|line| line.strip_prefix("etcd_network_active_peers{"));
    Ok(active.filter_map(active_peer).collect())
}

/// Reads `Local="8e9e05c52164694d",Remote="91bc3c398fb3c146"} 1`. The number is 0 or 1.
fn active_peer(line: &str) -> Option<EtcdId> {
    let (labels, count) = line.split_once("} ")?;
    let id = labels.split(',').find_map(|label| {
        let value = label.strip_prefix("Remote=\"")?;
        value.strip_suffix('"')
    })?;
    let is_active = count.trim().parse::<f64>().ok()? > 0.0;
    let id = u64::from_str_radix(id, 16).ok()?;
    is_active.then_some(EtcdId(id))
}
