//! The real etcd and etcdctl: finding them, and querying members with them.

mod cache;
pub mod command;
pub mod find;
pub mod gateway;
pub mod observe;
mod package;
pub mod pair;
mod release;
pub mod serving;
pub mod tools;
pub mod verify;

use crate::values::EtcdVersion;

/// The environment variables that point etcdctl at these members.
///
/// etcd 2.0 and 2.1 read ETCDCTL_PEERS, 2.2 and 2.3 ETCDCTL_ENDPOINT, later versions
/// ETCDCTL_ENDPOINTS (each version's etcdctl/main.go). Until 3.3 the v3 API has to be selected.
pub fn client_environment(
    version: EtcdVersion,
    client_urls: &[String],
) -> Vec<(&'static str, String)> {
    let urls = client_urls.join(",");
    let minor = version.minor_release();
    if minor < (2, 2) {
        vec![("ETCDCTL_PEERS", urls)]
    } else if minor < (3, 0) {
        vec![("ETCDCTL_ENDPOINT", urls)]
    } else if minor < (3, 4) {
        vec![("ETCDCTL_API", "3".to_owned()), ("ETCDCTL_ENDPOINTS", urls)]
    } else {
        vec![("ETCDCTL_ENDPOINTS", urls)]
    }
}
