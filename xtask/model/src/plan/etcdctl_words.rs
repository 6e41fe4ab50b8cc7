//! What etcdctl of each version is told. 2.x has other commands than 3.x, and takes other arguments: 2.0.0 has no
//! `put` and no `member update`, prints its help instead, and exits 0.

use super::identity::EtcdId;
use crate::values::EtcdVersion;

/// Whether a shell that `env` points at a cluster speaks its v2 API: the only one of 2.x, and the one in which
/// fleet keeps its units, whatever version it runs on.
pub fn shell_speaks_v2(version: EtcdVersion, fleet: bool) -> bool {
    version.is_v2() || (fleet && version.has_v2_api())
}

/// Writes a key, in a shell that `env` points at a cluster.
pub fn put(version: EtcdVersion, fleet: bool, key: &str, value: &str) -> String {
    if shell_speaks_v2(version, fleet) {
        format!("set {key} {value}")
    } else {
        format!("put {key} {value}")
    }
}

/// Changes a member's peer URL. None before 2.2, whose etcdctl cannot.
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
