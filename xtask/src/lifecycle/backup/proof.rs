//! Proves a backup: restores it into a scratch cluster of one process, and compares the keys.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::save::COUNTING;
use crate::atomic::{cannot_write, why_not_writable};
use crate::backup::{Manifest, Restored, scratch_plan};
use crate::driver::{self, Driver};
use crate::etcd::serving::{self, Serving};
use crate::etcd::tools::Tools;
use crate::etcd::{observe, snapshot};
use crate::hint::Hint;
use crate::observation::{Condition, Look, log};
use crate::pause::pause;
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::process::{self, DeferredInterrupt};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Started;
use crate::steps::Start;
use crate::ui::Ui;
use crate::values::{DriverName, Ports};
use crate::workspace::{Home, Workspace};

/// How long the restored member may take to serve: it reads its whole database.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

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
    let scratch = ScratchCluster::new(ui, &started.home, &tools)?;
    if let Err(why) = scratch.restore(file)? {
        return Ok(Proof::NotRestored(why));
    }
    // The scratch cluster ends before an interruption takes effect again.
    let interrupted = process::defer_interrupt(
        "interrupted: ending the scratch cluster first; press Ctrl-C again to leave that to the next backup",
    );
    let restored = scratch.look(manifest.revision, &interrupted);
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

/// Ends the process and removes the files that a killed proof has left.
pub fn end_leftovers(ui: Ui, home: &Home) -> Outcome<()> {
    let scratch = home_of(home);
    let local = driver::named(DriverName::Local);
    local.stop(&scratch, &local.traces(&scratch), &ui.saying())?;
    match fs::remove_dir_all(scratch.workspace.root()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let root = scratch.workspace.root();
            Err(Failure::host(
                Diagnostic::error(format!("cannot remove `{root}`: {error}"))
                    .note("a proof left it there")
                    .hint(why_not_writable(root)),
            ))
        }
        _ => Ok(()),
    }
}

/// The place of the scratch cluster, within the cluster's folder and apart from its members.
fn home_of(home: &Home) -> Home {
    Workspace::at(&home.folder().join("proof")).home(&home.name)
}

/// A cluster of one local process with free ports. Everything is removed when this is dropped. If
/// this program is killed, the next backup or `destroy` removes it.
struct ScratchCluster<'a> {
    ui: Ui,
    home: Home,
    /// The cluster whose backup is restored.
    of: &'a Home,
    tools: &'a Tools,
    plan: Plan,
    member: Member,
    driver: &'static dyn Driver,
}

impl<'a> ScratchCluster<'a> {
    fn new(ui: Ui, of: &'a Home, tools: &'a Tools) -> Outcome<Self> {
        let home = home_of(of);
        let ports = free_ports().map_err(|error| {
            Failure::host(Diagnostic::error(format!(
                "no port is free on {}: {error}",
                Ipv4Addr::LOCALHOST
            )))
        })?;
        let plan = scratch_plan(&of.name, tools.version, ports);
        let member = plan.members.first().cloned().ok_or_else(|| {
            Failure::failed(Diagnostic::error("the scratch cluster has no member"))
        })?;
        let root = home.workspace.root();
        DirBuilder::new()
            .mode(0o700)
            .create(root)
            .map_err(|error| unwritten(root, &error))?;
        Ok(Self {
            ui,
            home,
            of,
            tools,
            plan,
            member,
            driver: driver::named(DriverName::Local),
        })
    }

    /// Restores the snapshot. Ctrl-C ends the program that does it.
    fn restore(&self, file: &Utf8Path) -> Outcome<Result<(), Reason>> {
        let root = self.home.workspace.root();
        let _removed = process::remove_on_interrupt(root.as_std_path());
        let _after = process::on_interrupt("the backup is complete, and not proven");
        let faults = self.driver.faults();
        let data = faults.and_then(|faults| faults.data(&self.home, &self.member.name));
        let data = data.ok_or_else(|| {
            Failure::failed(Diagnostic::error("the scratch cluster has no data folder"))
        })?;
        if let Some(parent) = data.parent() {
            fs::create_dir_all(parent).map_err(|error| unwritten(parent, &error))?;
        }
        Ok(snapshot::restore(self.tools, file, &self.plan, &data))
    }

    /// Starts the process and asks it for its keys at this revision.
    fn look(
        &self,
        revision: u64,
        interrupted: &DeferredInterrupt,
    ) -> Outcome<Result<Restored, Reason>> {
        let start = Start {
            members: vec![(self.member.name.clone(), InitialState::Existing)],
            lost: Vec::new(),
        };
        let (home, plan) = (&self.home, &self.plan);
        self.driver
            .start(home, plan, self.tools, &start, &mut |_, _| {})?;
        if let Err(why) = self.wait(interrupted)? {
            return Ok(Err(format!("etcd does not start from it: {why}").into()));
        }
        Ok(self.ask(revision))
    }

    /// Waits until the process serves, or ends.
    fn wait(&self, interrupted: &DeferredInterrupt) -> Outcome<Result<(), Reason>> {
        let deadline = Instant::now() + PATIENCE;
        let names = std::slice::from_ref(&self.member.name);
        loop {
            let conditions = self.driver.conditions(&self.home, names)?;
            if serving::ask(&self.member) == Serving::Serves {
                return Ok(Ok(()));
            }
            if !conditions.iter().all(Condition::is_running) {
                return Ok(Err(self.last_words()));
            }
            if interrupted.is_asked() {
                return Ok(Err("it was interrupted".into()));
            }
            if Instant::now() > deadline {
                return Ok(Err(format!("it did not serve within {PATIENCE:?}").into()));
            }
            pause(Duration::from_millis(50));
        }
    }

    fn last_words(&self) -> Reason {
        let log = self.driver.log(&self.home, &self.member.name);
        let said = fs::read_to_string(log).unwrap_or_default();
        let last = log::last_words(&said).map(|last| last.quoted);
        last.unwrap_or_else(|| "it exited and gave no reason".to_owned())
            .into()
    }

    fn ask(&self, revision: u64) -> Result<Restored, Reason> {
        let members = std::slice::from_ref(&self.member);
        let status = observe::statuses(members, self.tools, COUNTING).pop();
        // Another process may have taken the port.
        if seen(status.ok_or("it was not asked")?)?.cluster_id != self.plan.cluster_id {
            return Err("another cluster answered in the place of the restored one".into());
        }
        let (hash, keys) = observe::keys_at(&self.member, self.tools, revision, COUNTING);
        Ok(Restored {
            hash: seen(hash)?,
            keys: seen(keys)?,
        })
    }
}

impl Drop for ScratchCluster<'_> {
    fn drop(&mut self) {
        // What is left is removed by the next backup, too.
        if let Err(failure) = end_leftovers(self.ui, self.of) {
            self.ui.report(&failure.diagnostics);
        }
    }
}

fn seen<T>(look: Look<T>) -> Result<T, Reason> {
    match look {
        Look::Seen(seen) => Ok(seen),
        Look::Failed(why) | Look::NotAsked(why) => {
            Err(format!("the restored copy could not be asked: {why}").into())
        }
    }
}

/// Two ports on which nothing listens. Both are held until both are known.
fn free_ports() -> io::Result<Ports> {
    let [client, peer] = [(), ()].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let (client, peer) = (client?, peer?);
    Ok(Ports {
        client: client.local_addr()?.port(),
        peer: peer.local_addr()?.port(),
    })
}

fn unwritten(path: &Utf8Path, error: &io::Error) -> Failure {
    cannot_write(path, error, "a backup is proven by restoring it there")
}
