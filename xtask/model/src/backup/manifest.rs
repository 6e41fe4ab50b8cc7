use serde::{Deserialize, Serialize};

use crate::observation::{Hash, ListedMember};
use crate::plan::Member;
use crate::reason::Reason;
use crate::values::EtcdVersion;
use crate::wording::count;

/// The format of manifests that this program writes and reads.
pub const FORMAT: u32 = 1;

/// What is known about a snapshot. It lies beside the snapshot as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// The cluster's name.
    pub cluster: String,
    /// When the snapshot was taken, in UTC.
    pub time: String,
    /// The member that it was taken from.
    pub member: String,
    /// The revision of the keys in it.
    pub revision: u64,
    /// etcd's hash of the keys at that revision, from the running member; none if that is unknown.
    pub hash: Option<u64>,
    /// The revision up to which keys were compacted when they were hashed; -1 before the first compaction.
    pub compact_revision: Option<i64>,
    /// The number of keys at that revision, from the running member; none if that is unknown.
    pub keys: Option<u64>,
    /// The cluster's ID, as etcd prints it.
    pub cluster_id: String,
    /// The members of the cluster.
    pub members: Vec<BackupMember>,
    /// Whether a majority of the members had a leader. Without one, acknowledged writes may be missing.
    pub quorum: bool,
    /// The version that the member reported.
    pub etcd: String,
    /// The SHA-256 of `cluster/<name>.toml`; none if it was missing.
    pub definition_sha256: Option<String>,
    /// The SHA-256 of the snapshot.
    pub sha256: String,
    /// The size of the snapshot in bytes.
    pub size: u64,
    /// When it was last restored and found to hold the same keys, in UTC.
    pub proven: Option<String>,
}

/// A member of the cluster at the time of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMember {
    /// Its name; empty if it has never started.
    pub name: String,
    /// Its ID, as etcd prints it.
    pub id: String,
    /// The URLs where other members reach it.
    pub peer_urls: Vec<String>,
}

impl From<&ListedMember> for BackupMember {
    fn from(member: &ListedMember) -> Self {
        Self {
            name: member.name.clone(),
            id: member.id.to_string(),
            peer_urls: member.peer_urls.clone(),
        }
    }
}

impl From<&Member> for BackupMember {
    fn from(member: &Member) -> Self {
        Self {
            name: member.name.to_string(),
            id: member.id.to_string(),
            peer_urls: vec![member.peer_url()],
        }
    }
}

/// What a restored snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The hash of the keys at the manifest's revision.
    pub hash: Hash,
    /// The number of keys at the manifest's revision.
    pub keys: u64,
}

impl Manifest {
    /// The major and minor version of etcd that wrote the snapshot.
    pub fn minor_release(&self) -> Option<(u16, u16)> {
        let numbers = self.etcd.split(['-', '+']).next()?;
        let version: EtcdVersion = numbers.parse().ok()?;
        Some(version.minor_release())
    }

    /// Why the snapshot cannot be proven, whatever is in it: there is nothing to compare it with.
    pub fn unprovable(&self) -> Option<&'static str> {
        let is_known =
            self.hash.is_some() && self.compact_revision.is_some() && self.keys.is_some();
        (!is_known)
            .then_some("its manifest has no hash or no number of keys of the running cluster")
    }

    /// Compares what was restored with what the running cluster had at the same revision.
    ///
    /// # Errors
    /// The difference.
    pub fn compare(&self, restored: Restored) -> Result<(), Reason> {
        let Restored { hash, keys } = restored;
        if self.compact_revision != Some(hash.compact_revision) {
            return Err(
                "the cluster compacted its keys between the snapshot and the hash, so the hashes \
                cannot be compared"
                    .into(),
            );
        }
        if self.keys != Some(keys) {
            let (restored, cluster) = (number(Some(keys)), number(self.keys));
            return Err(format!(
                "the restored copy has {restored} keys, but the cluster had {cluster}"
            )
            .into());
        }
        if self.hash != Some(hash.hash) {
            let revision = self.revision;
            return Err(format!(
                "at revision {revision}, the keys of the restored copy differ from the cluster's"
            )
            .into());
        }
        Ok(())
    }
}

fn number(number: Option<u64>) -> String {
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.map_or_else(|| "unknown".to_owned(), count)
}
