//! Lines that are rewritten where they stand on a terminal, instead of one after the other.

use super::Ui;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

/// Whether lines can be rewritten where they stand on this.
pub fn is_possible(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// A block of lines, with the cursor below it.
#[derive(Debug, Default)]
pub struct Block {
    height: usize,
}

impl Block {
    /// What a terminal has to receive for the block to become these lines, of which there may be more or
    /// fewer than before. One piece, and no line is empty in between, so that nothing flickers.
    #[must_use]
    pub fn become_these(&mut self, lines: &[String]) -> String {
        // A line that is too long for the terminal would wrap, and the block would no longer be as high as
        // it has lines: without wrapping (DEC private mode 7) the terminal cuts it, however wide it is by
        // then.
        let mut text = NO_WRAPPING.to_owned();
        if self.height > 0 {
            // Back to the block's first line, or as far as the terminal goes (ECMA-48, CPL).
            let _ = write!(text, "\x1b[{}F", self.height);
        }
        for (index, line) in lines.iter().enumerate() {
            // Clears what stood behind it (EL), also the end of a line that was cut.
            let _ = write!(text, "{line}\x1b[K");
            // A line that is there already is gone to (CNL): on a terminal that is not as high as the
            // block, a newline would scroll each time.
            text.push_str(if index < self.height { "\x1b[E" } else { "\n" });
        }
        if lines.len() < self.height {
            // And what stood below it (ED).
            text.push_str("\x1b[J");
        }
        text.push_str(WRAPPING);
        self.height = lines.len();
        text
    }

    /// Leaves the lines as they stand: the next ones come below.
    pub const fn leave(&mut self) {
        self.height = 0;
    }

    /// Has these lines on standard output. Returns whether that was written.
    pub fn show(&mut self, ui: Ui, lines: &[String]) -> bool {
        ui.steer(&self.become_these(lines))
    }
}

/// Leaves the terminal of standard output as it was found, on a fresh line, where the program is ended by
/// Ctrl-C: what the terminal showed of that key is removed. Nobody writes anything after it.
pub fn end() {
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "\r\x1b[K{WRAPPING}").and_then(|()| stdout.flush());
    // Not given back, or a last block could follow.
    std::mem::forget(stdout);
}

const NO_WRAPPING: &str = "\x1b[?7l";
const WRAPPING: &str = "\x1b[?7h";
