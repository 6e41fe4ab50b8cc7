//! What a killed task left in a cluster: the fault of a drill, half a restoration, or half a replacement.
//! The next `up` deals with the first two.

use super::{definitions, open};
use crate::advice;
use crate::command_line;
use crate::fault::Journal;
use crate::hint::Hint;
use crate::report::{Diagnostic, Failure, Outcome, Severity};
use crate::state::{Lock, Replacement, Restoration};
use crate::ui::Ui;
use crate::workspace::Home;

/// Whether nothing is left or under way, so that what a look shows may be recorded.
pub(super) fn is_nothing(home: &Home) -> bool {
    !Restoration::is_there(home) && matches!(Journal::read(home), Ok(None))
}

/// Whether a drill ended without healing its fault.
pub fn is_drilled(home: &Home) -> bool {
    matches!(Journal::read(home), Ok(Some(_))) && Lock::holder(home).is_none()
}

/// What to do about what is left; `None` if nothing is, or if a drill is running.
pub fn hint(home: &Home) -> Option<Hint> {
    let name = &home.name;
    let heal = || {
        let up = [format!("cargo xtask up {name}")];
        Hint::heals("heal what a drill has left behind", up)
    };
    restoration(home)
        .and_then(|left| left.hints.into_iter().next())
        .or_else(|| is_drilled(home).then(heal))
        .or_else(|| replacement(home)?.hints.into_iter().next())
}

/// The replacement that is not complete; `None` if a task is at work on it.
fn replacement(home: &Home) -> Option<Diagnostic> {
    let left = Replacement::read(home).transpose()?;
    if Lock::holder(home).is_some() {
        return None;
    }
    match left {
        Ok(Replacement { member, .. }) => {
            let replace = command_line::replace(&home.name, &member);
            Some(
                Diagnostic::error(format!("the replacement of `{member}` was interrupted"))
                    .hint(Hint::heals("complete it", [replace])),
            )
        }
        Err(failure) => failure.diagnostics.into_iter().next(),
    }
}

/// The restoration that is not complete. Until it is, no other advice is right.
pub(super) fn restoration(home: &Home) -> Option<Diagnostic> {
    if !Restoration::is_there(home) {
        return None;
    }
    if let Some(holder) = Lock::holder(home) {
        return Some(
            Diagnostic::error(format!("a restoration of `{}` is running", home.name))
                .note(format!("{holder} completes it"))
                .hint("wait until the restoration is complete"),
        );
    }
    match Restoration::read(home) {
        Ok(restoration) => Some(half_restored(home, &restoration?)),
        Err(failure) => failure.diagnostics.into_iter().next(),
    }
}

/// Warns that the state of a cluster may be the effect of a drill, a restoration or a replacement.
pub fn warn(ui: Ui, home: &Home) {
    ui.report(&warnings(restoration(home)));
    match Journal::read(home) {
        Ok(None) => {}
        Ok(Some(journal)) => ui.report(&warnings([match Lock::holder(home) {
            Some(holder) => {
                Diagnostic::warning(format!("a drill of `{}` is running", journal.fault))
                    .note(format!("{holder} heals it when it ends"))
            }
            None => drilled(home, &journal),
        }])),
        // An unreadable journal is no reason not to look.
        Err(failure) => ui.report(&warnings(failure.diagnostics)),
    }
    ui.report(&warnings(replacement(home)));
}

fn warnings(diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let warnings = diagnostics.into_iter().map(|diagnostic| Diagnostic {
        severity: Severity::Warning,
        ..diagnostic
    });
    warnings.collect()
}

/// Fails if a drill left a fault in the cluster, or if it is half restored.
pub(super) fn refuse(home: &Home) -> Outcome<()> {
    if let Some(restoration) = Restoration::read(home)? {
        return Err(Failure::could_not_look(half_restored(home, &restoration)));
    }
    match Journal::read(home)? {
        Some(journal) => Err(Failure::could_not_look(drilled(home, &journal))),
        None => Ok(()),
    }
}

fn drilled(home: &Home, journal: &Journal) -> Diagnostic {
    let name = &home.name;
    Diagnostic::error(format!(
        "an interrupted drill left `{}` in the cluster",
        journal.fault
    ))
    .hint(Hint::heals("heal it", [format!("cargo xtask up {name}")]))
}

fn half_restored(home: &Home, restoration: &Restoration) -> Diagnostic {
    let name = &home.name;
    let record = restoration.record.clone();
    let hint = if !definitions::exists(&home.workspace, name) {
        advice::undefined(name)
    } else if !open::changes(&open::of_record(home, record)).is_empty() {
        advice::redefined(name)
    } else {
        Hint::heals(
            "complete the restoration",
            [format!("cargo xtask up {name}")],
        )
    };
    Diagnostic::error(format!("a restoration of `{name}` was interrupted")).hint(hint)
}
