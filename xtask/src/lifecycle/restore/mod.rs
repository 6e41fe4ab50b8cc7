//! Restores a cluster: from a backup, or from one member if the others are lost.

mod preparation;
mod present;
mod rehearsal;
mod snapshot;
mod survivor;

use camino::Utf8Path;

use super::start::{self, Proof, StartRequest};
use super::{backup, open, remove, replace_data, unfinished};
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::restore::Preview;
use crate::session::Session;
use crate::state::{Lock, Restoration};
use crate::ui::Ui;
use crate::values::HostName;
use crate::workspace::{Home, Workspace};
use preparation::Preparation;

pub(super) use rehearsal::{Replaced, rehearse};

/// What to restore from.
#[derive(Debug, Clone, Copy)]
pub enum RestoreSource<'a> {
    /// A backup: its name in the cluster's own folder, or a path.
    Backup(&'a Utf8Path),
    /// The data of this member.
    Member(&'a HostName),
}

/// The arguments of `restore`.
#[derive(Debug, Clone, Copy)]
pub struct RestoreRequest<'a> {
    /// How to start the cluster.
    pub start: StartRequest<'a>,
    /// What to restore from; none to complete an interrupted restoration.
    pub source: Option<RestoreSource<'a>>,
}

/// A cluster that was started from restored data.
pub struct Restored {
    /// Whether it is healthy.
    pub proof: Proof,
    /// Where the data is that was replaced.
    pub replaced: Vec<String>,
    /// Which of it can be restored again: a folder on this host.
    pub way_back: Option<String>,
}

/// Restores a cluster and starts it, if the user agrees. Returns nothing if not.
///
/// # Errors
///
/// Nothing was changed if this fails before the user has agreed, or while the new data is prepared.
pub fn restore(
    ui: Ui,
    request: &RestoreRequest<'_>,
    agree: &dyn Fn(&Preview) -> Outcome<bool>,
) -> Outcome<Option<Restored>> {
    let name = request.start.name;
    let home = Workspace::find()?.home(name);
    let defined = start::defined(ui, &home)?;
    refuse_v2(&defined)?;
    let _lock = Lock::take(&home, &format!("restore {name}"), &ui.saying())?;
    if let Some(RestoreSource::Backup(backup)) = request.source {
        refuse_missing(&home, backup)?;
    }
    let was_interrupted = replace_data::continue_interrupted(ui, &home, &defined)?;
    let Some(source) = request.source else {
        return if was_interrupted {
            started(ui, request, home, &defined, Vec::new(), None).map(Some)
        } else {
            Err(nothing_named(&home))
        };
    };
    let session = opened(ui, request, &home, &defined, source);
    let prepared = session.and_then(|session| {
        let preparation = Preparation::of(ui, &session, source)?;
        if !agree(&preparation.preview)? {
            return Ok(None);
        }
        let had = session.record.cluster_id();
        preparation
            .stage()
            .map(|restoration| Some((had, restoration)))
    });
    let prepared = prepared.map_err(|mut failure| {
        if was_interrupted {
            let end = Diagnostic::error("an interrupted restoration was completed before that");
            failure.diagnostics.push(end.hint(start_the_members(&home)));
        }
        failure
    })?;
    let Some((had, restoration)) = prepared else {
        say_nothing_more_was_restored(ui, &home, was_interrupted);
        return Ok(None);
    };
    let is_same_cluster = had == restoration.record.cluster_id();
    let replaced = replace(ui, &home, &defined, restoration)?;
    let mut usable = replaced.iter();
    let way_back =
        usable.find(|folder| is_same_cluster && snapshot::is_data(Utf8Path::new(folder)));
    let way_back = way_back.cloned();
    started(ui, request, home, &defined, replaced, way_back).map(Some)
}

/// The cluster whose data will be replaced.
fn opened(
    ui: Ui,
    request: &RestoreRequest<'_>,
    home: &Home,
    defined: &Plan,
    source: RestoreSource<'_>,
) -> Outcome<Session> {
    if let RestoreSource::Member(member) = source {
        open::started(&home.name)?.insist_on(member)?;
    }
    unfinished::refuse(home)?;
    backup::end_leftovers(home)?;
    remove::recover_backups(home)?;
    let session = start::to_be_replaced(ui, &request.start, home.clone(), defined)?;
    refuse_other_version(&session.tools, &session.plan)?;
    Ok(session)
}

fn say_nothing_more_was_restored(ui: Ui, home: &Home, was_interrupted: bool) {
    if !was_interrupted {
        return ui.say("nothing was restored");
    }
    ui.say("nothing was restored but what an interrupted restoration had begun");
    ui.hint(&start_the_members(home));
}

fn start_the_members(home: &Home) -> Hint {
    Hint::heals(
        "start the members",
        [format!("cargo xtask up {}", home.name)],
    )
}

/// Replaces the data, and returns where the old data is.
fn replace(ui: Ui, home: &Home, defined: &Plan, restoration: Restoration) -> Outcome<Vec<String>> {
    let driver = crate::driver::named(restoration.record.driver);
    let (members, time) = (restoration.members.clone(), restoration.time.clone());
    replace_data::prepare(ui, home, defined, &restoration)
        .map_err(|failure| replace_data::dropped(home, driver, &restoration, failure))?;
    replace_data::replace(ui, home, defined, restoration)?;
    let aside = |member| driver.data().aside(home, member, &time);
    Ok(members.iter().filter_map(aside).collect())
}

fn started(
    ui: Ui,
    request: &RestoreRequest<'_>,
    home: Home,
    defined: &Plan,
    replaced: Vec<String>,
    way_back: Option<String>,
) -> Outcome<Restored> {
    ui.say("the data is restored; starting the members");
    let proof = start::start(ui, &request.start, home, defined)?;
    Ok(Restored {
        proof,
        replaced,
        way_back,
    })
}

/// Fails before anything is done for a backup that does not exist.
fn refuse_missing(home: &Home, backup: &Utf8Path) -> Outcome<()> {
    if snapshot::is_data(backup) {
        return Ok(());
    }
    backup::existing(home, backup).map(drop)
}

fn refuse_v2(plan: &Plan) -> Outcome<()> {
    let version = plan.version();
    if !version.is_v2() {
        return Ok(());
    }
    Err(Failure::usage(
        Diagnostic::error(format!("etcd {version} has no snapshots to restore")).note(
            "by hand, `etcd --force-new-cluster` on a copy made by `etcdctl backup` starts a cluster of one \
             member, to which the others are added",
        ),
    ))
}

/// Fails if the etcd of this host cannot prepare data for that of the machines.
pub(super) fn refuse_other_version(tools: &Tools, plan: &Plan) -> Outcome<()> {
    let (here, there) = (tools.version, plan.version());
    if here.minor_release() != there.minor_release() {
        let (major, minor) = there.minor_release();
        return Err(Failure::host(
            Diagnostic::error(format!(
                "the members run etcd {there}, but this host has only {here} to restore their data"
            ))
            .hint(format!(
                "pass a folder with etcd {major}.{minor} to `--etcd-dir`"
            )),
        ));
    }
    backup::refuse_without_etcdutl(tools)
}

fn nothing_named(home: &Home) -> Failure {
    let name = &home.name;
    Failure::usage(
        Diagnostic::error("there is nothing to restore from")
            .note("`--from` names a backup, `--from-member` a member that survived")
            .hint(Hint::informs(
                "list the backups of the cluster",
                [format!("cargo xtask backup {name} --list")],
            )),
    )
}
