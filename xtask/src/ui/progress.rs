//! What each member is doing: a block of lines that is rewritten in place on a terminal, and one
//! line for each change elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::values::HostName;

/// How far a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// On its way.
    Working,
    /// Where it should be.
    Done,
    /// Not going to get there.
    Failed,
}

/// The members' lines.
#[derive(Debug)]
pub struct Progress {
    rows: Vec<(HostName, Mark, String)>,
    width: usize,
    in_place: bool,
    colored: bool,
    drawn: bool,
}

impl Progress {
    /// Lines for these members, which show nothing yet.
    pub fn new(members: &[HostName]) -> Self {
        Self {
            rows: members
                .iter()
                .map(|member| (member.clone(), Mark::Working, String::new()))
                .collect(),
            width: members
                .iter()
                .map(|member| member.as_str().len())
                .max()
                .unwrap_or(0),
            in_place: stderr().is_terminal()
                && std::env::var_os("TERM").is_some_and(|term| term != "dumb"),
            colored: AutoStream::choice(&stderr()) != ColorChoice::Never,
            drawn: false,
        }
    }

    /// Says what a member is doing now.
    pub fn set(&mut self, member: &HostName, mark: Mark, doing: &str) {
        let Some(row) = self.rows.iter_mut().find(|row| row.0 == *member) else {
            return;
        };
        if (row.1, row.2.as_str()) == (mark, doing) {
            return;
        }
        row.1 = mark;
        doing.clone_into(&mut row.2);
        if self.in_place {
            self.draw();
        } else {
            super::say(&format!("{member:width$}  {doing}", width = self.width));
        }
    }

    fn draw(&mut self) {
        // A line that is too long for the terminal would wrap, and the block would no longer be as high
        // as it has lines: without wrapping (DEC private mode 7) the terminal cuts it.
        let mut text = "\x1b[?7l".to_owned();
        if self.drawn {
            // Back to the block's first line (ECMA-48, CPL).
            let _ = write!(text, "\x1b[{}F", self.rows.len());
        }
        for (member, mark, doing) in &self.rows {
            let (symbol, color) = match mark {
                Mark::Working => ("·", AnsiColor::Cyan),
                Mark::Done => ("✓", AnsiColor::Green),
                Mark::Failed => ("✗", AnsiColor::Red),
            };
            let style = if self.colored {
                Style::new().fg_color(Some(color.into()))
            } else {
                Style::new()
            };
            let width = self.width;
            // Clears what stood in the line before (ECMA-48, EL).
            let _ = writeln!(
                text,
                "\x1b[2K{style}{symbol}{style:#} {member:width$}  {doing}"
            );
        }
        text.push_str("\x1b[?7h");
        self.drawn = true;
        // Not through `anstream`: without color it would take the movements away as well.
        let mut stderr = stderr().lock();
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }
}
