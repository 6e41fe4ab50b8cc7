//! The arguments of each version's etcdctl. 2.x has other commands and arguments than 3.x: 2.0.0 has no `put`
//! and no `member update`, prints its help instead, and exits 0.

use super::identity::EtcdId;
use crate::values::EtcdVersion;

/// Whether a shell that `env` points at a cluster uses the v2 API: the only one of 2.x, and the one in which
/// fleet keeps its units on any version.
pub fn shell_speaks_v2(version: EtcdVersion, fleet: bool) -> bool {
    version.is_v2() || (fleet && version.has_v2_api())
}

/// The arguments that write a key, in a shell that `env` points at a cluster.
pub fn put(version: EtcdVersion, fleet: bool, key: &str, value: &str) -> String {
    if shell_speaks_v2(version, fleet) {
        format!("set {key} {value}")
    } else {
        format!("put {key} {value}")
    }
}

/// The arguments that change a member's peer URL. None before 2.2, whose etcdctl cannot.
pub fn member_update(version: EtcdVersion, id: EtcdId, peer_url: &str) -> Option<String> {
    let is_possible = version.minor_release() >= (2, 2);
    is_possible.then(|| format!("member update {id} {}", peer_urls(version, peer_url)))
}

fn peer_urls(version: EtcdVersion, peer_url: &str) -> String {
    if version.is_v2() {
        peer_url.to_owned()
    } else {
        format!("--peer-urls={peer_url}")
    }
}
