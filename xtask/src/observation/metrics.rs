//! What a member's metrics tell, in Prometheus' text format.

use crate::plan::identity::EtcdId;

/// The members with which a member has connections, by its `etcd_network_active_peers`; none where
/// its version does not count them (before 3.3).
pub fn active_peers(metrics: &str) -> Option<Vec<EtcdId>> {
    let mut lines = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("etcd_network_active_peers{"))
        .peekable();
    lines.peek()?;
    Some(lines.filter_map(active_peer).collect())
}

/// As in `Local="8e9e05c52164694d",Remote="91bc3c398fb3c146"} 1`: the number counts, up to one.
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
