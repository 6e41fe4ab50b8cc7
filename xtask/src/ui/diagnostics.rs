//! Prints diagnostics the way rustc does: the fact, the place underlined, why, and what next.

use crate::report::{Diagnostic, Severity};

/// Prints them all to standard error.
pub fn report(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        super::say(&format!("{severity}: {}", diagnostic.message));
        for note in &diagnostic.notes {
            super::say(&format!("note: {note}"));
        }
        for hint in &diagnostic.hints {
            super::say(&format!("hint: {hint}"));
        }
    }
}
