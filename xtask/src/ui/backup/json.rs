//! Backups for programs.

use serde::Serialize;

use crate::backup::{Backup, Manifest};
use crate::reason::Reason;
use crate::ui::json;
use crate::values::ClusterName;

/// The description of the documents, for the manual page.
pub const HELP: &str = "\
JSON: one object, which is also the manifest beside the snapshot, FILE.json. Within `format` 1,
fields are added but neither removed nor changed.
  format, cluster, time (in UTC), member (that it was taken from), revision, hash (by etcd, of the
    keys at that revision), compact_revision (of the hash; -1 if nothing was compacted), keys (at
    that revision), cluster_id, members[]: name, id, peer_urls[]
  quorum (false: acknowledged writes may be missing), etcd (the version), definition_sha256 (of the
    file cluster/NAME.toml), sha256, size (in bytes), proven (when, in UTC; null if it is not)
  file and error (not in the manifest): the snapshot, and why it is not proven after `--prove`
With `--list`, or if a backup cannot be used, each manifest is nested:
  format, cluster (only with `--list`), backups[]: file, error (why it cannot be used, or null),
    manifest (null if unusable)
Unknown values are null.
";

/// Renders the backup that was taken or proven. `unproven`: why a proof failed.
pub fn one(backup: &Backup, unproven: Option<&Reason>) -> String {
    #[derive(Serialize)]
    struct One<'a> {
        #[serde(flatten)]
        manifest: &'a Manifest,
        file: &'a str,
        error: Option<&'a str>,
    }
    match &backup.manifest {
        Ok(manifest) => json(&One {
            manifest,
            file: backup.file.as_str(),
            error: unproven.map(Reason::as_str),
        }),
        Err(_) => json(&Document::of(std::slice::from_ref(backup), None)),
    }
}

/// Renders all backups of a cluster.
pub fn list(name: &ClusterName, backups: &[Backup]) -> String {
    json(&Document::of(backups, Some(name)))
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    backups: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    file: &'a str,
    error: Option<&'a str>,
    manifest: Option<&'a Manifest>,
}

impl<'a> Document<'a> {
    fn of(backups: &'a [Backup], name: Option<&'a ClusterName>) -> Self {
        let listed = backups.iter().map(|Backup { file, manifest }| Listed {
            file: file.as_str(),
            error: manifest.as_ref().err().map(Reason::as_str),
            manifest: manifest.as_ref().ok(),
        });
        Self {
            format: 1,
            cluster: name.map(ClusterName::as_str),
            backups: listed.collect(),
        }
    }
}
