//! Backups: which member to take a snapshot from, what the manifest beside a snapshot says, and whether a
//! restored copy proves it.

mod manifest;
mod scratch;
mod source;

use camino::Utf8PathBuf;

pub use manifest::{BackupMember, FORMAT, Manifest, Restored};
pub use scratch::{plan as scratch_plan, plan_of_survivor};
pub use source::{choose as choose_source, has_quorum};

use crate::reason::Reason;

/// A backup of the cluster's own that can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restorable {
    /// Its name, as typed after `restore --from`.
    pub file: String,
    /// The revision of the keys in it.
    pub revision: u64,
}

/// A backup that was found.
#[derive(Debug, Clone)]
pub struct Backup {
    /// The snapshot.
    pub file: Utf8PathBuf,
    /// Its manifest, or why the backup cannot be used.
    pub manifest: Result<Manifest, Reason>,
}
