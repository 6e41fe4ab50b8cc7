//! Asks for confirmation.

use std::io::{self, IsTerminal};

use super::Ui;
use crate::hint::Hint;
use crate::report::{Diagnostic, Failure, Outcome};

/// Whether the user answers yes to this question.
///
/// # Errors
///
/// Fails if nobody can be asked. `why` says what is at stake, and `command` runs the same without a
/// question.
pub fn ask(ui: Ui, question: &str, why: &str, command: &str) -> Outcome<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            Diagnostic::error("cannot ask for confirmation: standard input is not a terminal")
                .note(why)
                .hint(Hint::heals("if you are sure", [command])),
        ));
    }
    ui.ask(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    if !answer.ends_with('\n') {
        // After Ctrl-D, the cursor is still on the line of the question.
        ui.say("");
    }
    let answer = answer.trim().to_ascii_lowercase();
    Ok(read.is_ok() && matches!(answer.as_str(), "y" | "yes"))
}
