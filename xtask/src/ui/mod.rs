//! How things look on a terminal, and in a pipe.

pub mod diagnostics;
pub mod diff;
pub mod doctor;
pub mod drill;
pub mod in_place;
mod judgements;
pub mod moment;
pub mod progress;
mod shown;
pub mod status;
mod style;
pub mod table;
pub mod verify;

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use crate::hint::Hint;
use crate::report::{Diagnostic, Failure, Outcome};

/// Writes what a task was asked for to standard output, and what it says about its work to standard error.
/// There is one, which is handed down: who has none prints nothing.
#[derive(Debug, Clone, Copy)]
pub struct Ui(());

impl Ui {
    /// The terminal, or what stands in its place. For `main`.
    #[allow(clippy::new_without_default, reason = "nobody else is to make one")]
    pub const fn new() -> Self {
        Self(())
    }

    /// Writes a result to standard output. Returns whether anybody still reads it: a reader that has
    /// gone away, as in `… | head`, is no error.
    pub fn print(self, text: &str) -> bool {
        self.print_bytes(text.as_bytes())
    }

    /// The same for a result that comes in pieces, which may end in the middle of a character.
    pub fn print_bytes(self, bytes: &[u8]) -> bool {
        let mut stdout = anstream::stdout().lock();
        was_written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
    }

    /// Passes a task's result on, unless something of it was lost on the way to standard output: a full
    /// disk must not look like success.
    ///
    /// # Errors
    /// Fails where a write to standard output did, other than for want of a reader.
    pub fn all_was_printed<T>(self, result: T) -> Outcome<T> {
        match LOST.get() {
            None => Ok(result),
            Some(why) => Err(Failure::failed(
                Diagnostic::error(format!("cannot write to standard output: {why}"))
                    .note("what was printed is not complete"),
            )),
        }
    }

    /// Waits this long, and returns at once where nobody reads standard output any more. Returns
    /// whether somebody does.
    pub fn is_read_after(self, wait: Duration) -> bool {
        let stdout = io::stdout();
        // Asks for no event: only the end of the other side, which is always told, ends the wait.
        let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        match poll(&mut watched, wait) {
            Ok(0) | Err(_) => true,
            Ok(_) => false,
        }
    }

    /// Writes a message about the work, with a newline, to standard error.
    pub fn say(self, text: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// What says such messages, for those who are not to print anything else.
    pub fn saying(self) -> impl Fn(&str) {
        move |text| self.say(text)
    }

    /// Says what is wrong, with a blank line after each that has a place.
    pub fn report(self, diagnostics: &[Diagnostic]) {
        let text = diagnostics::text(diagnostics);
        if !text.is_empty() {
            self.say(&text);
        }
    }

    /// Says what to do next.
    pub fn hint(self, hint: &Hint) {
        self.say(&hint_line(hint));
    }

    /// Writes a question to standard error, and leaves the cursor behind it.
    pub fn ask(self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
    }

    /// Writes to standard output what steers a terminal, and what `anstream` would take away where there is
    /// to be no color.
    fn steer(self, text: &str) -> bool {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        was_written(written.and_then(|()| stdout.flush()))
    }
}

/// A document in JSON, indented, with a newline at its end. Made of strings, numbers and lists of them, it
/// always serializes.
fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// The line that says what to do next.
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

/// Why something was not written to standard output.
static LOST: OnceLock<String> = OnceLock::new();
