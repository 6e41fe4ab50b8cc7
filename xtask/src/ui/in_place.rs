//! Rewrites a block of lines in place on a terminal.

use super::Ui;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

/// Whether this output can rewrite lines in place.
pub fn is_possible(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// A block of lines, with the cursor below it.
#[derive(Debug, Default)]
pub struct Block {
    height: usize,
}

impl Block {
    /// The text that turns the block into these lines, of which there may be more or fewer than
    /// before. It is one piece, and no line is empty in between, so that nothing flickers.
    #[must_use]
    pub fn become_these(&mut self, lines: &[String]) -> String {
        // A line that is too long would wrap and make the block higher. Without wrapping (DEC
        // private mode 7) the terminal cuts it, whatever its width.
        let mut text = NO_WRAPPING.to_owned();
        if self.height > 0 {
            // Moves to the block's first line, or as far as the terminal allows (ECMA-48, CPL).
            let _ = write!(text, "\x1b[{}F", self.height);
        }
        for (index, line) in lines.iter().enumerate() {
            // Clears the rest of the line (EL), including a cut end.
            let _ = write!(text, "{line}\x1b[K");
            // Moves to an existing line (CNL): on a terminal that is lower than the block, a
            // newline would scroll each time.
            text.push_str(if index < self.height { "\x1b[E" } else { "\n" });
        }
        if lines.len() < self.height {
            // Clears the lines below (ED).
            text.push_str("\x1b[J");
        }
        text.push_str(WRAPPING);
        self.height = lines.len();
        text
    }

    /// Keeps the printed lines; the next ones are printed below.
    pub const fn leave(&mut self) {
        self.height = 0;
    }

    /// Writes these lines to standard output. Returns whether that succeeded.
    pub fn show(&mut self, ui: Ui, lines: &[String]) -> bool {
        ui.steer(&self.become_these(lines))
    }
}

/// Restores the terminal when Ctrl-C ends the program: moves to a fresh line and removes the
/// terminal's echo of that key. Nothing may be written after it.
pub fn end() {
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "\r\x1b[K{WRAPPING}").and_then(|()| stdout.flush());
    // Never unlocked, so that no other block can follow.
    std::mem::forget(stdout);
}

const NO_WRAPPING: &str = "\x1b[?7l";
const WRAPPING: &str = "\x1b[?7h";
