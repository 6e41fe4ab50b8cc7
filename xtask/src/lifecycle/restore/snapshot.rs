//! The snapshot that is restored: a backup, or a file that another program has saved.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use crate::backup::Manifest;
use crate::etcd::snapshot;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::lifecycle::backup;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::backups;
use crate::workspace::Home;

/// A snapshot that is complete.
pub(super) struct Snapshot {
    pub(super) file: Utf8PathBuf,
    /// The revision of its keys.
    pub(super) revision: u64,
    /// None if another program has saved it.
    pub(super) manifest: Option<Manifest>,
}

/// Whether this is the data folder of a member of etcd 3.
pub(super) fn is_data(folder: &Utf8Path) -> bool {
    folder.join("member/wal").is_dir()
}

/// Opens and checks a snapshot.
///
/// # Errors
///
/// Refuses a snapshot that is damaged, that its manifest does not describe, or that another release
/// of etcd has written.
pub(super) fn open(home: &Home, tools: &Tools, file: &Utf8Path) -> Outcome<Snapshot> {
    let file = backup::existing(home, file)?;
    let manifest = if fs::symlink_metadata(backups::manifest_of(&file)).is_ok() {
        let read = backups::read(&file).manifest;
        Some(read.map_err(|why| unusable(home, &file, &why))?)
    } else {
        let read = snapshot::digests(&file).map_err(Reason::of);
        let digests = read.map_err(|why| unusable(home, &file, &why))?;
        if !digests.is_complete {
            let why = "it does not end with the SHA-256 that etcd appends".into();
            return Err(unusable(home, &file, &why));
        }
        None
    };
    if let Some(manifest) = &manifest {
        refuse_other_release(home, &file, manifest, tools)?;
    }
    let revision = snapshot::revision(tools, &file).map_err(|why| unusable(home, &file, &why))?;
    if let Some(manifest) = &manifest
        && manifest.revision != revision
    {
        let expected = manifest.revision;
        let why = format!("it holds revision {revision}, but its manifest says {expected}");
        return Err(unusable(home, &file, &why.into()));
    }
    Ok(Snapshot {
        file,
        revision,
        manifest,
    })
}

fn unusable(home: &Home, file: &Utf8Path, why: &Reason) -> Failure {
    let name = &home.name;
    Failure::refused(
        Diagnostic::error(format!("`{file}` cannot be restored: {why}"))
            .note("nothing was changed")
            .hint(Hint::informs(
                "find another backup",
                [format!("cargo xtask backup {name} --list")],
            )),
    )
}

fn refuse_other_release(
    home: &Home,
    file: &Utf8Path,
    manifest: &Manifest,
    tools: &Tools,
) -> Outcome<()> {
    let version = tools.version;
    if manifest.minor_release() == Some(version.minor_release()) {
        return Ok(());
    }
    let etcd = manifest.etcd.escape_debug();
    Err(Failure::refused(
        Diagnostic::error(format!(
            "`{file}` was taken from etcd {etcd}, and the cluster runs {version}"
        ))
        .note("data is restored by the release that wrote it; a cluster is upgraded afterwards")
        .note("nothing was changed")
        .hint(Hint::informs(
            "find a backup of its release",
            [format!("cargo xtask backup {} --list", home.name)],
        )),
    ))
}
