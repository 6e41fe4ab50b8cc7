//! How things look on a terminal, and in a pipe.

pub mod diagnostics;
pub mod diff;
pub mod progress;
pub mod table;
pub mod verify;

use std::io::Write;

/// Writes a result to standard output. Returns whether anybody still reads it: a reader that has
/// gone away, as in `… | head`, is no error.
pub fn print(text: &str) -> bool {
    let mut stdout = anstream::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .is_ok()
}

/// Writes a message about the work, with a newline, to standard error.
pub fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Writes a question to standard error, and leaves the cursor behind it.
pub fn ask(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}
