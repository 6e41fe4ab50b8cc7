//! Backups: takes snapshots of a running cluster, lists them, and proves them by restoring them.

mod proof;
mod restorable;
mod save;
mod scratch;
mod source;

use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};

use super::{open, remove, unfinished};
use crate::atomic::cannot_write;
use crate::backup::{Backup, Manifest};
use crate::download;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::moment::utc;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::{Session, Started};
use crate::state::{Lock, backups};
use crate::ui::Ui;
use crate::values::ClusterName;
use crate::wording::many;
use crate::workspace::{Home, Workspace};

use proof::Proof;

pub(super) use restorable::restorable;
pub(super) use save::save_from;
pub use scratch::end_leftovers;
pub(super) use scratch::{ScratchCluster, unwritten as scratch_unwritten};
pub(super) use source::BackupSource;

/// How to take a backup.
#[derive(Debug, Clone, Copy, Default)]
pub struct BackupRequest<'a> {
    /// The file to write; none for a new one in the cluster's own folder.
    pub to: Option<&'a Utf8Path>,
    /// How many backups of the cluster's own folder to keep; none for all.
    pub keep: Option<usize>,
    /// Whether to prove it.
    pub prove: bool,
}

/// A backup, and whether a proof was tried and failed.
#[derive(Debug)]
pub struct Taken {
    /// The backup.
    pub backup: Backup,
    /// Why it is not proven; none if it is, or if no proof was tried.
    pub unproven: Option<Reason>,
}

/// Takes a backup of a running cluster. The older backups are removed last, and only if everything
/// else succeeded.
pub fn take(ui: Ui, name: &ClusterName, request: BackupRequest<'_>) -> Outcome<Taken> {
    let (started, _lock) = lock(ui, name)?;
    unfinished::refuse(&started.home)?;
    take_from(ui, &started, request)
}

/// The same for a task that holds the cluster's lock.
pub(super) fn take_locked(ui: Ui, home: &Home, request: BackupRequest<'_>) -> Outcome<Taken> {
    let started = open::started_at(home)?;
    prepare(&started)?;
    take_from(ui, &started, request)
}

fn take_from(ui: Ui, started: &Started, request: BackupRequest<'_>) -> Outcome<Taken> {
    let home = &started.home;
    let file = match request.to {
        Some(to) => named_file(to)?,
        None => new_file(home)?,
    };
    let manifest = save::save(ui, started, &file)?;
    let mut taken = Taken {
        backup: Backup {
            file,
            manifest: Ok(manifest),
        },
        unproven: None,
    };
    if request.prove {
        taken = prove_backup(ui, started, taken.backup)?;
    }
    if let (Some(keep), None) = (request.keep, &taken.unproven) {
        remove_old(ui, home, keep, &taken.backup.file)?;
    }
    Ok(taken)
}

/// Takes a backup of a cluster for a task that holds its lock.
pub(super) fn take_for(session: &Session) -> Outcome<Backup> {
    refuse_without_etcdutl(&session.tools)?;
    let file = new_file(&session.home)?;
    let manifest = take_into(session.ui, session, &file)?;
    Ok(Backup {
        file,
        manifest: Ok(manifest),
    })
}

/// The same into a new file.
pub(super) fn take_into(ui: Ui, session: &Session, file: &Utf8Path) -> Outcome<Manifest> {
    let started = open::of_record(&session.home, session.record.clone());
    save::save(ui, &started, file)
}

/// Proves a backup that was taken before. `file`: a path, or a name in the cluster's own folder.
pub fn prove(ui: Ui, name: &ClusterName, file: &Utf8Path) -> Outcome<Taken> {
    let (started, _lock) = lock(ui, name)?;
    if file.as_str().is_empty() {
        return Err(Failure::usage(Diagnostic::error(
            "`--prove=` names no file",
        )));
    }
    let file = existing(&started.home, file)?;
    prove_backup(ui, &started, backups::read(&file))
}

/// The backup that the user means: a name in the cluster's own folder, or a path.
pub(super) fn existing(home: &Home, file: &Utf8Path) -> Outcome<Utf8PathBuf> {
    let own = backups::folder(home).join(file);
    let file = if own.is_file() { own } else { absolute(file) };
    if file.is_file() {
        return Ok(file);
    }
    let name = &home.name;
    Err(Failure::usage(
        Diagnostic::error(format!("there is no backup `{file}`")).hint(Hint::informs(
            "list the backups of the cluster",
            [format!("cargo xtask backup {name} --list")],
        )),
    ))
}

/// The file for a new backup in the cluster's own folder, which is created.
pub(super) fn new_file(home: &Home) -> Outcome<Utf8PathBuf> {
    let folder = backups::folder(home);
    backups::prepare(home).map_err(|error| unwritten(&folder, &error))?;
    Ok(backups::new_file(home, &now()))
}

/// The backups in the cluster's own folder, from the oldest to the newest, each read and compared
/// with its manifest. The cluster need not exist.
pub fn list(name: &ClusterName) -> Outcome<Vec<Backup>> {
    let files = backups::files(&Workspace::find()?.home(name)).into_iter();
    Ok(files.map(|file| backups::read(&file)).collect())
}

/// Opens a started cluster and keeps other tasks from changing it.
fn lock(ui: Ui, name: &ClusterName) -> Outcome<(Started, Lock)> {
    let started = open::started(name)?;
    source::refuse_v2(&started)?;
    let lock = Lock::take(&started.home, &format!("backup {name}"), &ui.saying())?;
    // The task that held the lock may have destroyed the cluster.
    let started = open::started(name)?;
    prepare(&started)?;
    Ok((started, lock))
}

fn prepare(started: &Started) -> Outcome<()> {
    refuse_without_etcdutl(&started.tools()?)?;
    end_leftovers(&started.home)?;
    remove::recover_backups(&started.home)
}

/// Fails if nothing here checks and restores the snapshots of this version.
pub(super) fn refuse_without_etcdutl(tools: &Tools) -> Outcome<()> {
    if tools.restorer().is_some() {
        return Ok(());
    }
    let (version, etcdctl) = (tools.version, &tools.etcdctl);
    Err(Failure::host(
        Diagnostic::error(format!("there is no `etcdutl` beside `{etcdctl}`"))
            .note(format!(
                "it checks and restores the snapshots of etcd {version}; etcdctl no longer does"
            ))
            .hint("copy that program of the same release there"),
    ))
}

fn prove_backup(ui: Ui, started: &Started, backup: Backup) -> Outcome<Taken> {
    let file = backup.file;
    let name = started.home.name.as_str();
    let mut manifest = match backup.manifest {
        Ok(manifest) if manifest.cluster != name => {
            let other = &manifest.cluster;
            return Err(Failure::usage(Diagnostic::error(format!(
                "`{file}` is a backup of cluster `{}`, not of `{name}`",
                other.escape_debug()
            ))));
        }
        Ok(manifest) => manifest,
        Err(why) => {
            return Ok(Taken {
                backup: Backup {
                    file,
                    manifest: Err(why.clone()),
                },
                unproven: Some(why),
            });
        }
    };
    let unproven = match proof::prove(ui, started, &file, &manifest)? {
        Proof::Proven => {
            manifest.proven = Some(now());
            None
        }
        Proof::Refuted(why) => {
            manifest.proven = None;
            Some(why)
        }
        // The snapshot has the same checksum as at an earlier proof.
        Proof::NotRestored(why) => Some(format!("it cannot be restored here: {why}").into()),
    };
    backups::write_manifest(&file, &manifest).map_err(|error| {
        let result = unproven.as_ref().map_or_else(
            || "the backup is proven, but that is not recorded".to_owned(),
            |why| format!("the backup is not proven: {why}"),
        );
        cannot_write(&backups::manifest_of(&file), &error, &result)
    })?;
    Ok(Taken {
        backup: Backup {
            file,
            manifest: Ok(manifest),
        },
        unproven,
    })
}

/// The file that the user named, which must be new: a backup replaces nothing.
fn named_file(to: &Utf8Path) -> Outcome<Utf8PathBuf> {
    let file = absolute(to);
    let names_none = to.as_str().is_empty() || to.as_str().ends_with('/') || file.is_dir();
    if names_none || file.file_name().is_none() {
        return Err(Failure::usage(
            Diagnostic::error(format!("`--to` names no file: `{to}`"))
                .hint("name a new file in an existing folder"),
        ));
    }
    let manifest = backups::manifest_of(&file);
    // A killed run may have left its manifest.
    if fs::symlink_metadata(&file).is_err() && backups::manifest(&file).is_ok() {
        fs::remove_file(&manifest).map_err(|error| unwritten(&manifest, &error))?;
    }
    for path in [&file, &manifest] {
        if fs::symlink_metadata(path).is_ok() {
            return Err(Failure::refused(
                Diagnostic::error(format!("`{path}` exists"))
                    .note("a backup replaces no file")
                    .hint("choose another name"),
            ));
        }
    }
    Ok(file)
}

/// Removes the oldest backups of the cluster's own folder, but none that the user named, and never the new
/// one: the clock may have been ahead.
fn remove_old(ui: Ui, home: &Home, keep: usize, new: &Utf8Path) -> Outcome<()> {
    let mut files = backups::files(home);
    files.retain(|file| file != new && backups::is_named_by_time(file));
    let old = &files[..files.len().saturating_sub(keep - 1)];
    for file in old {
        backups::remove(file).map_err(|error| {
            Failure::failed(
                Diagnostic::error(format!("`{file}` cannot be removed: {error}"))
                    .note("the new backup is complete"),
            )
        })?;
    }
    if !old.is_empty() {
        ui.say(&format!("removed {}", many(old.len(), "older backup")));
    }
    Ok(())
}

fn unwritten(path: &Utf8Path, error: &io::Error) -> Failure {
    cannot_write(
        path,
        error,
        "the backup is not complete, and nothing of it is left",
    )
}

fn absolute(path: &Utf8Path) -> Utf8PathBuf {
    camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    utc(now.unwrap_or_default())
}

/// The checksum of the definition that the cluster has now; `None` if there is none.
fn definition_sha256(home: &Home) -> Option<String> {
    let path = home.workspace.cluster().join(format!("{}.toml", home.name));
    download::sha256(&path).ok()
}
