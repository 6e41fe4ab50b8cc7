//! The project's cache of etcd binaries: folders that are complete or absent.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::cache::{self, Locked, Scratch, refused, synced};
use crate::reason::Reason;
use crate::values::EtcdVersion;

/// The cache of unpacked releases and packages.
pub(super) struct EtcdCache {
    cache: cache::Cache,
}

impl EtcdCache {
    /// The part of the workspace's cache that holds etcd.
    pub(super) fn of(workspace_cache: &Utf8Path) -> Self {
        Self {
            cache: cache::Cache::at(workspace_cache.join("etcd")),
        }
    }

    /// The folder of a release. The checksum is part of its name, because a definition may bring
    /// its own build of a version.
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

    /// The cached packages for this architecture, sorted by name.
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

/// Moves etcd's binaries from a scratch folder into the cache. After a loss of power they are there
/// completely or not at all.
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
            // etcdutl exists since 3.5.
            continue;
        }
        // A symbolic link would point outside of the cached folder.
        if !source.symlink_metadata().is_ok_and(|found| found.is_file()) {
            return Err(format!("it holds no `{name}`").into());
        }
        let target = complete.join(name);
        fs::rename(&source, &target).map_err(refused("keep", &target))?;
        synced(&target)?;
    }
    locked.keep(&complete, to)
}
