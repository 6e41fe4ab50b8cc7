//! What a drill that was killed has left in a cluster.

use crate::fault::Journal;
use crate::hint::Hint;
use crate::report::{Diagnostic, Failure, Outcome, Severity};
use crate::state::Lock;
use crate::ui::Ui;
use crate::values::ClusterName;
use crate::workspace::Home;

/// Whether a drill that is over has not healed what it did.
pub fn is_left(home: &Home) -> bool {
    matches!(Journal::read(home), Ok(Some(_))) && Lock::holder(home).is_none()
}

/// Warns whoever looks at a cluster that what they see may be the doing of a drill.
pub fn warn(ui: Ui, home: &Home) {
    let warnings = match Journal::read(home) {
        Ok(None) => return,
        Ok(Some(journal)) => match Lock::holder(home) {
            Some(holder) => vec![
                Diagnostic::warning(format!(
                    "a drill is under way, and brings about `{}`",
                    journal.fault
                ))
                .note(format!("{holder} heals it at its end")),
            ],
            None => vec![left(Diagnostic::warning, &journal.fault, &home.name)],
        },
        // It keeps nobody from looking.
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

/// Refuses to go on with a cluster in which a drill has left something.
///
/// # Errors
/// Fails where one has.
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
        "an interrupted drill has left `{fault}` in the cluster"
    ))
    .hint(Hint::heals("heal it", [format!("cargo xtask up {name}")]))
}
