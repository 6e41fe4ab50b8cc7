//! The project's cache of etcd's binaries: folders that are complete or not there.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cache::{self, Locked, Scratch, refused, synced};
use crate::reason::Reason;
use crate::values::EtcdVersion;

/// The folder that unpacked releases and packages are kept in.
pub(super) struct Cache {
    cache: cache::Cache,
}

impl Cache {
    /// The cache inside the workspace's own.
    pub(super) fn of(workspace_cache: &Utf8Path) -> Self {
        Self {
            cache: cache::Cache::at(workspace_cache.join("etcd")),
        }
    }

    /// Where a release is kept. The checksum is part of the name: a definition may bring its own
    /// build of a version, and never gets another one.
    pub(super) fn release(
        &self,
        version: EtcdVersion,
        architecture: &str,
        sha256: &str,
    ) -> Utf8PathBuf {
        let checksum = sha256.get(..12).unwrap_or(sha256);
        self.cache
            .folder()
            .join(format!("{version}-{architecture}-{checksum}"))
    }

    pub(super) fn package(&self, version: &str, architecture: &str) -> Utf8PathBuf {
        self.cache
            .folder()
            .join(format!("package-{version}-{architecture}"))
    }

    /// Every package that is kept, for this architecture, in the order of their names.
    pub(super) fn packages(&self, architecture: &str) -> Vec<Utf8PathBuf> {
        let ours = |folder: &Utf8PathBuf| {
            folder.file_name().is_some_and(|name| {
                name.starts_with("package-") && name.ends_with(&format!("-{architecture}"))
            })
        };
        let mut packages: Vec<Utf8PathBuf> = self
            .cache
            .folder()
            .read_dir_utf8()
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.into_path()))
            .filter(ours)
            .collect();
        packages.sort();
        packages
    }

    /// As [`cache::Cache::lock`].
    pub(super) fn lock(&self, waiting: impl FnOnce()) -> Result<Locked, Reason> {
        self.cache.lock(waiting)
    }
}

/// Keeps etcd's binaries from a folder of the scratch: from here on they are in the cache, or,
/// after a loss of power, not at all.
pub(super) fn keep(
    locked: &Locked,
    scratch: &Scratch,
    from: &Utf8Path,
    to: &Utf8Path,
) -> Result<(), Reason> {
    let complete = scratch.path.join("complete");
    fs::create_dir(&complete).map_err(refused("create", &complete))?;
    for name in ["etcd", "etcdctl", "etcdutl"] {
        let source = from.join(name);
        if name == "etcdutl" && !source.exists() {
            // It came with 3.5.
            continue;
        }
        // A link would lead out of the folder that is kept.
        if !source.symlink_metadata().is_ok_and(|found| found.is_file()) {
            return Err(format!("it holds no `{name}`").into());
        }
        let target = complete.join(name);
        fs::rename(&source, &target).map_err(refused("keep", &target))?;
        synced(&target)?;
    }
    locked.keep(&complete, to)
}
