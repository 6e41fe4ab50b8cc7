//! How things look on a terminal, and in a pipe.

pub mod diagnostics;
pub mod diff;
pub mod verify;

use std::io::Write;

/// Writes a result to standard output. A reader that has gone away, as in `… | head`, is no error.
pub fn print(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes a message about the work, with a newline, to standard error.
pub fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
