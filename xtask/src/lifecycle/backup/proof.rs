//! Proves a backup: restores it into a scratch cluster of one process, and compares the keys.

use std::fs;
use std::net::Ipv4Addr;

use camino::Utf8Path;

use super::save::COUNTING;
use super::scratch::{ScratchCluster, unwritten};
use crate::backup::{Manifest, Restored, scratch_plan};
use crate::etcd::tools::Tools;
use crate::etcd::{observe, snapshot};
use crate::hint::Hint;
use crate::observation::Look;
use crate::process::{self, DeferredInterrupt};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Started;
use crate::ui::Ui;

/// The result of a proof.
pub(super) enum Proof {
    /// The restored copy has the keys that the running cluster had.
    Proven,
    /// It differs, or there is nothing to compare it with.
    Refuted(Reason),
    /// The copy could not be compared, which may not be the backup's fault.
    NotRestored(Reason),
}

/// Restores a backup and compares it with its manifest.
///
/// # Errors
///
/// Fails if the proof could not begin, or was interrupted.
pub(super) fn prove(
    ui: Ui,
    started: &Started,
    file: &Utf8Path,
    manifest: &Manifest,
) -> Outcome<Proof> {
    if let Some(why) = manifest.unprovable() {
        return Ok(Proof::Refuted(why.into()));
    }
    let tools = started.tools()?;
    refuse_other_etcd(started, &tools, manifest)?;
    match snapshot::revision(&tools, file) {
        Ok(revision) if revision == manifest.revision => {}
        Ok(revision) => {
            let expected = manifest.revision;
            let why = format!("it holds revision {revision}, but its manifest says {expected}");
            return Ok(Proof::Refuted(why.into()));
        }
        Err(why) => return Ok(Proof::NotRestored(why)),
    }
    ui.say("restoring it into a scratch cluster");
    let (name, scheme) = (&started.home.name, started.record.scheme);
    let plan = |ports| scratch_plan(name, tools.version, scheme, ports);
    let scratch = ScratchCluster::new(ui, &started.home, &tools, &[Ipv4Addr::LOCALHOST], &plan)?;
    if let Err(why) = restore(&scratch, file)? {
        return Ok(Proof::NotRestored(why));
    }
    // The scratch cluster ends before an interruption takes effect again.
    let interrupted = process::defer_interrupt(
        "interrupted: ending the scratch cluster first; press Ctrl-C again to leave that to the next backup",
    );
    let restored = look(&scratch, manifest.revision, &interrupted);
    drop(scratch);
    if interrupted.is_asked() {
        return Err(not_proven(started));
    }
    Ok(match restored?.map(|restored| manifest.compare(restored)) {
        Ok(Ok(())) => Proof::Proven,
        Ok(Err(why)) => Proof::Refuted(why),
        Err(why) => Proof::NotRestored(why),
    })
}

fn not_proven(started: &Started) -> Failure {
    let name = &started.home.name;
    Failure::interrupted(
        Diagnostic::error("interrupted before the backup was proven")
            .note("the backup is complete")
            .hint(Hint::informs(
                "see it",
                [format!("cargo xtask backup {name} --list")],
            )),
    )
}

/// Fails if the etcd here cannot read what the cluster's etcd wrote.
fn refuse_other_etcd(started: &Started, tools: &Tools, manifest: &Manifest) -> Outcome<()> {
    let version = tools.version;
    if manifest.minor_release() == Some(version.minor_release()) {
        return Ok(());
    }
    let etcd = &manifest.etcd;
    let diagnostic = Diagnostic::error(format!(
        "the backup is of etcd {etcd}, but the etcd on this host is {version}"
    ))
    .note("a backup is proven by the minor release that wrote it");
    Err(Failure::host(match started.driver.machines() {
        Some(_) => diagnostic.hint(format!(
            "pass a folder with etcd {etcd} to `up`: `--etcd-dir FOLDER`"
        )),
        None => diagnostic,
    }))
}

/// Restores the snapshot. Ctrl-C ends the program that does it.
fn restore(scratch: &ScratchCluster<'_>, file: &Utf8Path) -> Outcome<Result<(), Reason>> {
    let _removed = process::remove_on_interrupt(scratch.root().as_std_path());
    let _after = process::on_interrupt("the backup is complete, and not proven");
    let data = scratch.data()?;
    if let Some(parent) = data.parent() {
        fs::create_dir_all(parent).map_err(|error| unwritten(parent, &error))?;
    }
    Ok(snapshot::restore(
        &scratch.tools,
        file,
        &scratch.plan,
        &scratch.member,
        &data,
        None,
    ))
}

/// Starts the process and asks it for its keys at this revision.
fn look(
    scratch: &ScratchCluster<'_>,
    revision: u64,
    interrupted: &DeferredInterrupt,
) -> Outcome<Result<Restored, Reason>> {
    if let Err(why) = scratch.serve(interrupted)? {
        return Ok(Err(format!("etcd does not start from it: {why}").into()));
    }
    Ok(ask(scratch, revision))
}

fn ask(scratch: &ScratchCluster<'_>, revision: u64) -> Result<Restored, Reason> {
    // Another process may have taken the port.
    if scratch.status()?.cluster_id != scratch.plan.cluster_id {
        return Err("another cluster answered in the place of the restored one".into());
    }
    let (hash, keys) = observe::keys_at(&scratch.member, &scratch.tools, revision, COUNTING);
    Ok(Restored {
        hash: seen(hash)?,
        keys: seen(keys)?,
    })
}

fn seen<T>(look: Look<T>) -> Result<T, Reason> {
    match look {
        Look::Seen(seen) => Ok(seen),
        Look::Failed(why) | Look::NotAsked(why) => {
            Err(format!("the restored copy could not be asked: {why}").into())
        }
    }
}
