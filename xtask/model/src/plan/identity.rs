//! The identity that a statically bootstrapped cluster will have, computed before its first boot.
//!
//! The rule is etcd's own, the same from 2.0.0 to 3.6 (`server/etcdserver/api/membership`,
//! `NewMember` and `genID`): a member's ID is the start of a SHA-1 over its peer URLs and the
//! token, the cluster's ID the start of a SHA-1 over its members' IDs.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

/// An ID of etcd, of a member or of a cluster. Prints as etcd prints it: hexadecimal, not padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EtcdId(pub u64);

impl fmt::Display for EtcdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:x}", self.0))
    }
}

/// The ID of the member that starts with these peer URLs and this token.
pub fn member_id(peer_urls: &[String], token: &str) -> EtcdId {
    let mut urls: Vec<&str> = peer_urls.iter().map(String::as_str).collect();
    urls.sort_unstable();
    let mut hash = Sha1::new();
    for url in urls {
        hash.update(url);
    }
    hash.update(token);
    first_eight_bytes(hash)
}

/// The ID of the cluster that starts with these members.
pub fn cluster_id(members: impl IntoIterator<Item = EtcdId>) -> EtcdId {
    let mut ids: Vec<EtcdId> = members.into_iter().collect();
    ids.sort_unstable();
    let mut hash = Sha1::new();
    for id in ids {
        hash.update(id.0.to_be_bytes());
    }
    first_eight_bytes(hash)
}

fn first_eight_bytes(hash: Sha1) -> EtcdId {
    let digest = hash.finalize();
    EtcdId(
        digest
            .iter()
            .take(8)
            .fold(0, |id, &byte| id << 8 | u64::from(byte)),
    )
}
