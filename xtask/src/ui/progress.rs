//! The progress of each member: a block of lines that is rewritten in place on a terminal, and one
//! line per change elsewhere.

use std::io::{Write as _, stderr};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::Ui;
use super::in_place::{self, Block};
use crate::values::HostName;

/// The state of a member's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In progress.
    Working,
    /// Finished.
    Done,
    /// Failed.
    Failed,
}

/// The progress of all members.
#[derive(Debug)]
pub struct Progress {
    ui: Ui,
    rows: Vec<(HostName, Mark, String)>,
    width: usize,
    /// `None` if lines cannot be rewritten.
    block: Option<Block>,
    colored: bool,
}

impl Progress {
    /// Creates the progress of these members, without printing anything yet.
    pub fn new(ui: Ui, members: &[HostName]) -> Self {
        Self {
            ui,
            rows: members
                .iter()
                .map(|member| (member.clone(), Mark::Working, String::new()))
                .collect(),
            width: members
                .iter()
                .map(|member| member.as_str().len())
                .max()
                .unwrap_or(0),
            block: in_place::is_possible(&stderr()).then(Block::default),
            colored: AutoStream::choice(&stderr()) != ColorChoice::Never,
        }
    }

    /// Sets and prints what a member is doing.
    pub fn set(&mut self, member: &HostName, mark: Mark, doing: &str) {
        let Some(row) = self.rows.iter_mut().find(|row| row.0 == *member) else {
            return;
        };
        if (row.1, row.2.as_str()) == (mark, doing) {
            return;
        }
        row.1 = mark;
        doing.clone_into(&mut row.2);
        let lines = self.lines();
        match &mut self.block {
            Some(block) => {
                let text = block.become_these(&lines);
                // Not through `anstream`, which would also strip cursor movements.
                let mut stderr = stderr().lock();
                let _ = stderr
                    .write_all(text.as_bytes())
                    .and_then(|()| stderr.flush());
            }
            None => self
                .ui
                .say(&format!("{member:width$}  {doing}", width = self.width)),
        }
    }

    fn lines(&self) -> Vec<String> {
        let line = |(member, mark, doing): &(HostName, Mark, String)| {
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
            format!("{style}{symbol}{style:#} {member:width$}  {doing}")
        };
        self.rows.iter().map(line).collect()
    }
}
