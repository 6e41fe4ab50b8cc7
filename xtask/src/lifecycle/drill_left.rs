//! Faults that a killed drill left in a cluster.

use crate::fault::Journal;
use crate::hint::Hint;
use crate::report::{Diagnostic, Failure, Outcome, Severity};
use crate::state::Lock;
use crate::ui::Ui;
use crate::values::ClusterName;
use crate::workspace::Home;

/// Whether a drill ended without healing its fault.
pub fn is_left(home: &Home) -> bool {
    matches!(Journal::read(home), Ok(Some(_))) && Lock::holder(home).is_none()
}

/// Warns that the state of a cluster may be the effect of a drill.
pub fn warn(ui: Ui, home: &Home) {
    let warnings = match Journal::read(home) {
        Ok(None) => return,
        Ok(Some(journal)) => match Lock::holder(home) {
            Some(holder) => vec![
                Diagnostic::warning(format!("a drill of `{}` is running", journal.fault))
                    .note(format!("{holder} heals it when it ends")),
            ],
            None => vec![left(Diagnostic::warning, &journal.fault, &home.name)],
        },
        // An unreadable journal is no reason not to look.
        Err(failure) => {
            let mut warnings = failure.diagnostics;
            for warning in &mut warnings {
                warning.severity = Severity::Warning;
            }
            warnings
        }
    };
    ui.report(&warnings);
}

/// Fails if a drill left a fault in the cluster.
pub(super) fn refuse(home: &Home) -> Outcome<()> {
    match Journal::read(home)? {
        Some(journal) => Err(Failure::could_not_look(left(
            Diagnostic::error,
            &journal.fault,
            &home.name,
        ))),
        None => Ok(()),
    }
}

fn left(severity: fn(String) -> Diagnostic, fault: &str, name: &ClusterName) -> Diagnostic {
    severity(format!(
        "an interrupted drill left `{fault}` in the cluster"
    ))
    .hint(Hint::heals("heal it", [format!("cargo xtask up {name}")]))
}
