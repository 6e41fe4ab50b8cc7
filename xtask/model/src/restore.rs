//! What it costs to restore older data.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::backup::Manifest;
use crate::values::{ClusterName, EtcdVersion, HostName};

/// How far the revision is raised beyond the highest one that is known, as etcd's manual advises: members
/// may have served clients since then. <https://etcd.io/docs/v3.6/op-guide/recovery/>
const MARGIN: u64 = 1_000_000_000;

/// What a restoration takes away, as far as the revisions tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The cluster's present revision is not known.
    Unknown,
    /// No later revision than the restored one was seen.
    NothingSeen,
    /// The changes at these revisions, of which there may be more.
    Revisions {
        /// The first lost revision.
        from: u64,
        /// The highest revision that was seen.
        to: u64,
        /// How many of them are changes: the rest was skipped by earlier restorations.
        changes: u64,
    },
    /// All keys that the cluster holds now: they have another history, because its revision is lower.
    All {
        /// The cluster's revision.
        at: u64,
    },
}

impl Loss {
    /// Compares the revision of a snapshot with that of the cluster, and with the highest that was ever seen.
    pub fn of(snapshot: u64, now: Option<u64>, highest: Option<u64>, skipped: &[Skipped]) -> Self {
        // An empty database is at revision 1, and its snapshot at 0.
        let snapshot = snapshot.max(1);
        match (now, now.max(highest)) {
            (_, None) => Self::Unknown,
            (Some(now), _) if now < snapshot => Self::All { at: now },
            (_, Some(highest)) => Self::after(snapshot, highest, skipped),
        }
    }

    fn after(snapshot: u64, highest: u64, skipped: &[Skipped]) -> Self {
        let within = |one: &Skipped| one.to.min(highest).saturating_sub(one.after.max(snapshot));
        let unused: u64 = skipped.iter().map(within).sum();
        let changes = highest.saturating_sub(snapshot).saturating_sub(unused);
        let first = skipped
            .iter()
            .find(|one| one.after <= snapshot && snapshot < one.to);
        match changes {
            0 => Self::NothingSeen,
            _ => Self::Revisions {
                from: first.map_or(snapshot, |one| one.to) + 1,
                to: highest,
                changes,
            },
        }
    }
}

/// Revisions that no change has, because a restoration has raised the revision beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The revision of the restored backup.
    pub after: u64,
    /// The revision to which it was raised.
    pub to: u64,
}

/// How much to raise the revision of a snapshot, so that no revision is used twice.
pub fn bump(snapshot: u64, highest: Option<u64>) -> u64 {
    highest.unwrap_or(snapshot).saturating_sub(snapshot) + MARGIN
}

/// What a restoration will do, for the question whether to do it.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The cluster.
    pub cluster: ClusterName,
    /// The snapshot.
    pub file: Utf8PathBuf,
    /// Its manifest; none if it was taken by another program.
    pub manifest: Option<Manifest>,
    /// The revision of the keys in it.
    pub revision: u64,
    /// How long ago it was taken, if that is known.
    pub age: Option<Duration>,
    /// The member that it was taken from just now, to rebuild the cluster from it.
    pub survivor: Option<HostName>,
    /// What is lost.
    pub loss: Loss,
    /// How much the revision is raised; none if that is not possible.
    pub bump: Option<u64>,
    /// The version of etcd that runs the restored members.
    pub version: EtcdVersion,
    /// The members whose data is replaced.
    pub members: Vec<HostName>,
    /// Those that keep their data and their old identity, because it cannot be moved aside.
    pub left_out: Vec<HostName>,
    /// Members of the running cluster that are not defined, so they are not restored.
    pub undefined: Vec<String>,
    /// Whether the cluster has a quorum now.
    pub has_quorum: bool,
    /// Whether enough members have data for `up` to start the cluster with it.
    pub can_start: bool,
}
