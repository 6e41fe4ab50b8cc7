//! Drills that end with a restoration: the latest writes are lost, as announced.

use camino::Utf8PathBuf;

use super::experiment::Experiment;
use super::under_load::{Timeline, UNDISTURBED};
use crate::drill::restored::Restored;
use crate::drill::summary::Summary;
use crate::drill::{Drill, Event};
use crate::fault::{self, Fault};
use crate::hint::Hint;
use crate::lifecycle::backup;
use crate::lifecycle::restore::{self, Replaced, RestoreSource};
use crate::report::{Diagnostic, Failure, Outcome, Severity};
use crate::session::Session;
use crate::state::Restoration;
use crate::values::HostName;

/// What the cluster is restored from.
pub(super) enum Source {
    Backup(Utf8PathBuf),
    Survivor(HostName),
}

impl Experiment<'_> {
    /// Takes a backup while the clients write, and lets them go on for a while.
    pub(super) fn back_up(&self, timeline: &mut Timeline<'_>) -> Outcome<Utf8PathBuf> {
        let backup = backup::take_for(self.session)?;
        timeline.note(Event::BackedUp);
        self.pass(UNDISTURBED);
        Ok(backup.file)
    }

    /// Restores the cluster and starts it. Puts the old data back if that fails before it is decided.
    pub(super) fn restore(
        &self,
        source: &Source,
        timeline: &mut Timeline<'_>,
    ) -> Outcome<(Restored, Replaced)> {
        let session = self.session;
        let (from, survivor) = match source {
            Source::Backup(file) => (RestoreSource::Backup(file), None),
            Source::Survivor(member) => (RestoreSource::Member(member), Some(member.clone())),
        };
        let replaced = match restore::rehearse(session, from) {
            Ok(replaced) => replaced,
            Err(failure) if Restoration::is_there(&session.home) => return Err(failure),
            Err(mut failure) => {
                let name = &session.home.name;
                match fault::heal(session) {
                    Ok(()) => failure.diagnostics.push(
                        Diagnostic::error(format!("`{name}` was not restored"))
                            .note("all members have their old data again"),
                    ),
                    Err(unhealed) => failure.diagnostics.extend(unhealed.diagnostics),
                }
                return Err(failure);
            }
        };
        let restored = Restored {
            survivor,
            snapshot: replaced.snapshot,
            revision: replaced.revision,
            at: timeline.clients.divide(),
        };
        timeline.note(Event::Restored);
        let lost = restored.snapshot + 1;
        session.ui.say(&format!(
            "  restored revision {}; writes from revision {lost} on are lost",
            restored.snapshot
        ));
        fault::heal(session)?;
        Ok((restored, replaced))
    }
}

/// The failure that a drill was interrupted too late to take the restoration back.
pub(super) fn interrupted(fault: &Fault, restored: &Restored) -> Failure {
    let (fault, lost) = (fault.name, restored.snapshot + 1);
    Failure::interrupted(
        Diagnostic::error(format!(
            "interrupted; `{fault}` has been healed by a restoration"
        ))
        .note(format!(
            "writes from revision {lost} on are lost; the replaced data and the backup are kept"
        )),
    )
}

/// Removes what was moved aside and the snapshot if the drill has passed. Otherwise, they may be needed.
pub(super) fn tidy_up(session: &Session, drill: &Drill, replaced: &Replaced) {
    let ui = session.ui;
    if !Summary::of(drill).is_passed() {
        let name = &session.home.name;
        ui.say("  the replaced data and the backup are kept");
        ui.hint(&Hint::informs(
            "see the backup",
            [format!("cargo xtask backup {name} --list")],
        ));
        return;
    }
    if let Err(Failure { diagnostics, .. }) = replaced.discard(session) {
        let warnings: Vec<Diagnostic> = diagnostics
            .into_iter()
            .map(|one| Diagnostic {
                severity: Severity::Warning,
                ..one
            })
            .collect();
        ui.report(&warnings);
    }
}
