//! Restores a cluster: from a backup, or from one member if the others are lost.

mod present;
mod rehearsal;
mod snapshot;
mod survivor;

use std::fs::{self, File};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;

use super::start::{self, Proof, StartRequest};
use super::{backup, open, remove, replace_data, unfinished};
use crate::atomic::why_not_writable;
use crate::etcd::snapshot as snapshots;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::process;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::restore::{Loss, Preview, bump};
use crate::session::Session;
use crate::state::{Lock, RESTORATION_FORMAT, Record, Restoration, backups, high_water_mark};
use crate::ui::Ui;
use crate::ui::moment::since_1970;
use crate::values::HostName;
use crate::workspace::{Home, Workspace};
use present::Present;
use snapshot::Snapshot;

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
    if let Some(source @ RestoreSource::Backup(_)) = request.source {
        refuse_missing(&home, source)?;
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
    refuse_missing(home, source)?;
    unfinished::refuse(home)?;
    backup::end_leftovers(ui, home)?;
    remove::recover_backups(home)?;
    let session = start::to_be_replaced(ui, &request.start, home.clone(), defined)?;
    refuse_other_version(&session)?;
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

/// A restoration of which nothing was done yet.
struct Preparation<'a> {
    session: &'a Session,
    snapshot: Snapshot,
    preview: Preview,
}

impl<'a> Preparation<'a> {
    /// Finds out what will be restored and lost.
    fn of(ui: Ui, session: &'a Session, source: RestoreSource<'_>) -> Outcome<Self> {
        let (home, plan, tools) = (&session.home, &session.plan, &session.tools);
        let present = Present::of(session)?;
        let (left_out, members) = movable(session)?;
        let (snapshot, survivor) = match source {
            RestoreSource::Backup(folder) if snapshot::is_data(folder) => {
                (survivor::of_folder(ui, session, folder)?, None)
            }
            RestoreSource::Backup(file) => (snapshot::open(home, tools, file)?, None),
            RestoreSource::Member(member) => {
                let snapshot = survivor::back_up(ui, session, &present.statuses, member)?;
                (snapshot, Some(member.clone()))
            }
        };
        let revision = snapshot.revision;
        let seen = high_water_mark::revision(home, present.cluster);
        let skipped = high_water_mark::skipped(home, present.cluster);
        // After `destroy`, only the backups tell which revisions clients have seen.
        let saved = backups::files(home).into_iter();
        let saved = saved.filter_map(|file| Some(backups::manifest(&file).ok()?.revision));
        let highest = present.revision.max(seen).max(saved.max());
        let age = snapshot.manifest.as_ref().and_then(|manifest| {
            let taken = since_1970(&manifest.time)?;
            now().checked_sub(taken)
        });
        let preview = Preview {
            cluster: home.name.clone(),
            file: snapshot.file.clone(),
            manifest: snapshot.manifest.clone(),
            revision,
            age,
            survivor,
            loss: Loss::of(revision, present.revision, seen, &skipped),
            bump: snapshots::can_bump(tools).then(|| bump(revision, highest)),
            version: plan.version(),
            members,
            left_out,
            undefined: present.undefined,
            has_quorum: present.has_quorum,
            can_start: present.can_start,
        };
        Ok(Self {
            session,
            snapshot,
            preview,
        })
    }

    /// Restores the data of each member into a folder beside its own, and decides the restoration.
    /// Until then, the cluster is not touched.
    fn stage(self) -> Outcome<Restoration> {
        let Session {
            ui,
            home,
            record,
            driver,
            plan,
            tools,
            ..
        } = self.session;
        let Preview { members, bump, .. } = &self.preview;
        let name = &home.name;
        let data = driver.data();
        let interrupted = process::on_interrupt(format!("{name}: nothing was changed"));
        data.discard_staged(home, members)?;
        let mut removed = Vec::new();
        for member in plan
            .members
            .iter()
            .filter(|one| members.contains(&one.name))
        {
            ui.say(&format!("restoring the data of {}", member.name));
            let staged = data.staged(home, &member.name);
            removed.push(process::remove_on_interrupt(staged.as_std_path()));
            let restored = prepare_parent(&staged)
                .and_then(|()| {
                    snapshots::restore(tools, &self.snapshot.file, plan, member, &staged, *bump)
                })
                .and_then(|()| flush(&staged).map_err(Reason::of));
            restored.map_err(|why| {
                // What stays is removed by the next restoration.
                let _ = data.discard_staged(home, members);
                unprepared(&member.name, &staged, &why)
            })?;
        }
        // The journal counts from now on, and what it names must stay.
        drop((removed, interrupted));
        let mut restored = Record::new(driver.name(), plan, tools);
        for member in record.had_data().iter().chain(members) {
            restored.saw_data_of(member);
        }
        restored.leave_out(&self.preview.left_out);
        let restoration = Restoration {
            format: RESTORATION_FORMAT,
            time: replace_data::unused_time(*driver, home, members),
            backup: self.snapshot.file.to_string(),
            backup_revision: self.snapshot.revision,
            revision: self.snapshot.revision + bump.unwrap_or_default(),
            members: members.clone(),
            is_begun: false,
            created: Vec::new(),
            is_set_aside: false,
            record: restored,
        };
        restoration.write(home).inspect_err(|_| {
            let _ = Restoration::remove(home);
            let _ = data.discard_staged(home, members);
        })?;
        Ok(restoration)
    }
}

fn prepare_parent(staged: &Utf8Path) -> Result<(), Reason> {
    match staged.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(Reason::of),
        None => Ok(()),
    }
}

/// Flushes the folder to the disk with all that is in it, which etcd does only in part, before the journal
/// says that it is there.
fn flush(folder: &Utf8Path) -> io::Result<()> {
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            flush(entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}

/// The members whose data stays, and those whose data is replaced.
///
/// # Errors
///
/// Refuses if a member would keep its data and its identity, and if too few members are left.
fn movable(session: &Session) -> Outcome<(Vec<HostName>, Vec<HostName>)> {
    let Session {
        home,
        record,
        driver,
        plan,
        ..
    } = session;
    let names = plan.names();
    let immovable = driver.data().immovable(home, &names);
    let left_out: Vec<HostName> = immovable.iter().map(|(member, _)| member.clone()).collect();
    let (stay, movable): (Vec<HostName>, Vec<HostName>) =
        names.into_iter().partition(|name| left_out.contains(name));
    let is_renewed = record.token != plan.etcd.token;
    if stay.is_empty() || (is_renewed && movable.len() >= plan.quorum()) {
        return Ok((stay, movable));
    }
    let name = &home.name;
    let mut diagnostics: Vec<Diagnostic> = immovable
        .iter()
        .map(|(member, why)| {
            Diagnostic::error(format!(
                "the data of `{member}` cannot be moved aside: {why}"
            ))
        })
        .collect();
    if let Some(last) = diagnostics.pop() {
        diagnostics.push(if is_renewed {
            last.note("too few members would be left for a quorum")
        } else {
            last.note("with it, the member would come back under the same ID with other data than the rest")
                .note("nothing was changed")
                .hint(format!(
                    "if that cannot be fixed, raise `generation` under `[etcd]` in `cluster/{name}.toml`: \
                     the others get a new identity, and are restored without it"
                ))
        });
    }
    Err(Failure {
        kind: crate::report::FailureKind::Refused,
        diagnostics,
    })
}

/// Fails before an etcd is fetched for a source that does not exist.
fn refuse_missing(home: &Home, source: RestoreSource<'_>) -> Outcome<()> {
    match source {
        RestoreSource::Backup(folder) if snapshot::is_data(folder) => Ok(()),
        RestoreSource::Backup(file) => backup::existing(home, file).map(drop),
        RestoreSource::Member(member) => open::started(&home.name)?.insist_on(member),
    }
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
fn refuse_other_version(session: &Session) -> Outcome<()> {
    let (here, there) = (session.tools.version, session.plan.version());
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
    backup::refuse_without_etcdutl(&session.tools)
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

fn unprepared(member: &HostName, staged: &Utf8Path, why: &Reason) -> Failure {
    Failure::host(
        Diagnostic::error(format!("the data of `{member}` cannot be restored: {why}"))
            .note("nothing was changed, and nothing of it is left")
            .hint(why_not_writable(staged)),
    )
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}
