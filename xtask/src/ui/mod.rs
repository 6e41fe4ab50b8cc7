//! Output to terminals, files and pipes.

pub mod apply;
pub mod backup;
pub mod confirm;
pub mod diagnostics;
pub mod diff;
pub mod doctor;
pub mod drill;
pub mod in_place;
mod judgements;
pub mod list;
pub mod progress;
pub mod restore;
pub mod shell;
mod shown;
pub mod status;
mod style;
pub mod table;
pub mod verify;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use crate::hint::Hint;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};

/// Writes results to standard output and messages to standard error. `main` creates the only one
/// and hands it down; code without it cannot print.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    is_quiet: bool,
}

impl Ui {
    /// Creates it. Only for `main`.
    #[allow(clippy::new_without_default, reason = "only `main` creates one")]
    pub const fn new() -> Self {
        Self { is_quiet: false }
    }

    /// The same without messages, for work on something that the user cannot use.
    #[must_use]
    pub const fn quiet(self) -> Self {
        Self { is_quiet: true }
    }

    /// The number of columns that a table on standard output may have: what the terminal has, or 80. Very narrow
    /// terminals cut the table.
    pub fn width(self) -> usize {
        let is_terminal = io::stdout().is_terminal();
        let columns = is_terminal.then(process::terminal_columns).flatten();
        columns.map_or(WIDTH, |columns| columns.max(WIDTH / 2))
    }

    /// Writes a result to standard output. Returns whether it is still being read: a closed pipe,
    /// as in `… | head`, is no error.
    pub fn print(self, text: &str) -> bool {
        self.print_bytes(text.as_bytes())
    }

    /// Writes a part of a result, which may end in the middle of a character.
    pub fn print_bytes(self, bytes: &[u8]) -> bool {
        let mut stdout = anstream::stdout().lock();
        was_written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
    }

    /// Returns a task's result, unless something could not be written to standard output: a full
    /// disk must not look like success. A closed pipe is no failure.
    pub fn all_was_printed<T>(self, result: T) -> Outcome<T> {
        match LOST.get() {
            None => Ok(result),
            Some(why) => Err(Failure::failed(
                Diagnostic::error(format!("cannot write to standard output: {why}"))
                    .note("the output is incomplete"),
            )),
        }
    }

    /// Waits this long, and returns early if standard output is no longer read. Returns whether it
    /// is.
    pub fn is_read_after(self, wait: Duration) -> bool {
        let stdout = io::stdout();
        // Requests no events: only a closed pipe, which is always reported, ends the wait.
        let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        match poll(&mut watched, wait) {
            Ok(0) | Err(_) => true,
            Ok(_) => false,
        }
    }

    /// Writes a message and a newline to standard error.
    pub fn say(self, text: &str) {
        if self.is_quiet {
            return;
        }
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// A function that writes messages, for code that must not print anything else.
    pub fn saying(self) -> impl Fn(&str) {
        move |text| self.say(text)
    }

    /// Prints diagnostics, with a blank line after each that has a place.
    pub fn report(self, diagnostics: &[Diagnostic]) {
        let text = diagnostics::text(diagnostics);
        if !text.is_empty() {
            self.say(&text);
        }
    }

    /// Prints a hint.
    pub fn hint(self, hint: &Hint) {
        self.say(&hint_line(hint));
    }

    /// Writes a question to standard error, and leaves the cursor after it.
    pub fn ask(self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
    }

    /// Writes terminal control sequences to standard output, which `anstream` would strip if colour
    /// is off.
    fn steer(self, text: &str) -> bool {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        was_written(written.and_then(|()| stdout.flush()))
    }
}

/// The width of tables in files and pipes, in columns.
pub const WIDTH: usize = 80;

/// Formats a document as indented JSON, with a newline at the end. Documents consist of strings,
/// numbers and lists, so this never fails.
fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// The line of a hint.
pub fn hint_line(hint: &Hint) -> String {
    format!("hint: {hint}")
}

fn was_written(written: io::Result<()>) -> bool {
    if let Err(error) = &written
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error.to_string());
    }
    written.is_ok()
}

/// The first error of a write to standard output.
static LOST: OnceLock<String> = OnceLock::new();
