//! What a restoration does before anything is changed: it finds out what will be lost, and restores the
//! data of each member beside its own.

use std::fs::{self, File};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;

use super::RestoreSource;
use super::present::Present;
use super::snapshot::{self, Snapshot};
use super::survivor;
use crate::atomic::why_not_writable;
use crate::etcd::snapshot as snapshots;
use crate::lifecycle::replace_data;
use crate::moment::since_1970;
use crate::process;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::restore::{Loss, Preview, bump};
use crate::session::Session;
use crate::state::{RESTORATION_FORMAT, Record, Restoration, backups, high_water_mark};
use crate::ui::Ui;
use crate::values::HostName;

/// A restoration of which nothing was done yet.
pub(super) struct Preparation<'a> {
    session: &'a Session,
    snapshot: Snapshot,
    pub(super) preview: Preview,
}

impl<'a> Preparation<'a> {
    /// Finds out what will be restored and lost.
    pub(super) fn of(ui: Ui, session: &'a Session, source: RestoreSource<'_>) -> Outcome<Self> {
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
    pub(super) fn stage(self) -> Outcome<Restoration> {
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
        kind: FailureKind::Refused,
        diagnostics,
    })
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
