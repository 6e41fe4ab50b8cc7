//! Downloads, checks and unpacks the official release into the cache.

use std::time::Duration;

use super::cache::{self, EtcdCache};
use super::find::Search;
use super::pair;
use super::tools::{Tools, ToolsOrigin, architecture};
use crate::cache::refused;
use crate::download;
use crate::process;
use crate::reason::Reason;

/// How long unpacking may take.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn cached(search: &Search<'_>) -> Result<Tools, Reason> {
    let wanted = search.wanted;
    let missing = || format!("etcd {} is not in the project's cache", wanted.version);
    let sha256 = wanted.checksum().ok_or_else(missing)?;
    let folder = EtcdCache::of(wanted.cache).release(wanted.version, architecture(), sha256);
    if folder.is_dir() {
        pair::in_folder(&folder, ToolsOrigin::Release)
    } else {
        Err(missing().into())
    }
}

pub(super) fn fetched(search: &Search<'_>) -> Result<Tools, Reason> {
    let wanted = search.wanted;
    let (version, architecture) = (wanted.version, architecture());
    if std::env::consts::OS != "linux" {
        return Err(Reason::from(format!(
            "the official release for {} is not a tarball, and this task does not unpack it",
            std::env::consts::OS
        )));
    }
    let Some(sha256) = wanted.checksum() else {
        return Err(Reason::from(format!(
            "no checksum is known for etcd {version} on {architecture}, and unchecked binaries are not run"
        )));
    };
    let cache = EtcdCache::of(wanted.cache);
    let locked = cache.lock(|| search.step("waiting for another task that is fetching etcd"))?;
    if let Ok(tools) = cached(search) {
        // The other task fetched the same release.
        return Ok(tools);
    }

    let url = format!(
        "{}/v{version}/etcd-v{version}-linux-{architecture}.tar.gz",
        wanted.release_url.trim_end_matches('/')
    );
    search.step(&format!("downloading {url}"));
    let scratch = locked.scratch()?;
    let tarball = scratch.path.join("release.tar.gz");
    let shell = search.shell()?;
    download::download(&shell, &url, &tarball, wanted.limits)
        .map_err(|why| format!("{url} could not be downloaded: {why}"))?;
    let found = download::sha256(&tarball).map_err(refused("read", &tarball))?;
    if found != sha256 {
        return Err(Reason::from(format!(
            "{url} is not the pinned file: its SHA-256 is {found}, expected {sha256}"
        )));
    }

    let unpack = shell
        .cmd("tar")
        .args(["-x", "-z", "-o", "-f", tarball.as_str(), "-C"])
        .arg(&scratch.path);
    let finished = process::run(unpack, PATIENCE);
    if !finished.success() {
        let (ending, said) = (finished.ending(), finished.last_lines(2));
        return Err(format!("`{}` {ending}: {said}", finished.command).into());
    }
    let unpacked = scratch
        .path
        .join(format!("etcd-v{version}-linux-{architecture}"));
    let folder = cache.release(version, architecture, sha256);
    cache::keep(&locked, &scratch, &unpacked, &folder)
        .map_err(|why| format!("{url} cannot be used: {why}"))?;
    pair::in_folder(&folder, ToolsOrigin::Release)
}
