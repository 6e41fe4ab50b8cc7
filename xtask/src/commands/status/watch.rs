//! `cargo xtask status --watch`: shows the status of a cluster repeatedly.

use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::Format;
use crate::commands::Exit;
use crate::elections::Elections;
use crate::lifecycle::{open, status::Looks};
use crate::observation::Snapshot;
use crate::process;
use crate::report::{Diagnostic, Outcome};
use crate::session::Started;
use crate::ui::Ui;
use crate::ui::in_place::{self, Block};
use crate::ui::status::log::Log;
use crate::ui::status::{json, view};

/// Watches until Ctrl-C, until the reader of the output is gone or until the cluster is destroyed.
pub(super) fn watch(
    ui: Ui,
    mut started: Started,
    every: Duration,
    format: Format,
) -> Outcome<Exit> {
    let mut show = Show::new(ui, format);
    let _quietly = process::quietly_on_interrupt(show.end());
    let mut looks = Looks::default();
    let mut elections = Elections::default();
    let mut trouble = Trouble::default();
    loop {
        let begun = Instant::now();
        let at = now();
        let snapshot = looks.look(&started)?;
        elections.take_note(at, &snapshot);
        if trouble.is_new(looks.trouble()) {
            show.make_room();
            ui.report(&trouble.0);
        }
        let has_reader = show.show(at, &snapshot, &elections);
        // Updates start at regular intervals, however long each takes.
        if !has_reader || !ui.is_read_after(every.saturating_sub(begun.elapsed())) {
            return Ok(Exit::Success);
        }
        match open::again(&started.home)? {
            Some(again) => started = again,
            None => {
                show.say_end(now(), &started);
                return Ok(Exit::Success);
            }
        }
    }
}

/// The output, in one of three forms.
struct Show {
    ui: Ui,
    how: How,
}

enum How {
    InPlace { block: Block, colored: bool },
    Log(Log),
    Json,
}

impl Show {
    fn new(ui: Ui, format: Format) -> Self {
        let stdout = io::stdout();
        let how = match format {
            Format::Json => How::Json,
            Format::Table if in_place::is_possible(&stdout) => How::InPlace {
                block: Block::default(),
                colored: AutoStream::choice(&stdout) != ColorChoice::Never,
            },
            Format::Table => How::Log(Log::default()),
        };
        Self { ui, how }
    }

    /// The cleanup to run on Ctrl-C.
    fn end(&self) -> fn() {
        match &self.how {
            How::InPlace { .. } => in_place::end,
            How::Log(_) | How::Json => || {},
        }
    }

    /// Shows a snapshot. Returns whether the output still has a reader.
    fn show(&mut self, at: Duration, snapshot: &Snapshot, elections: &Elections) -> bool {
        let ui = self.ui;
        match &mut self.how {
            How::InPlace { block, colored } => {
                // A line that fills the terminal would lose its last character (see `Block`).
                let mut lines = view::lines(at, snapshot, elections, ui.width() - 1);
                if !*colored {
                    for line in &mut lines {
                        *line = strip_str(line).to_string();
                    }
                }
                block.show(ui, &lines)
            }
            How::Log(log) => ui.print(&log.lines(at, snapshot, elections)),
            How::Json => ui.print(&json::line(at, snapshot, elections.last())),
        }
    }

    /// Leaves the lines shown so far in place, so that a message can follow them.
    fn make_room(&mut self) {
        if let How::InPlace { block, .. } = &mut self.how {
            block.leave();
        }
    }

    /// Reports why the watch ends.
    fn say_end(&self, at: Duration, started: &Started) {
        let name = &started.home.name;
        let why = format!("is gone, probably removed by `cargo xtask destroy {name}`");
        match &self.how {
            How::Log(log) => {
                self.ui.print(&log.last_line(at, name, &why));
            }
            How::InPlace { .. } | How::Json => self.ui.say(&format!("{name} {why}")),
        }
    }
}

/// The last reported reason why the driver cannot tell the state of the members.
#[derive(Default)]
struct Trouble(Vec<Diagnostic>);

impl Trouble {
    /// Stores the reason, and returns whether it differs from the last one.
    fn is_new(&mut self, now: Vec<Diagnostic>) -> bool {
        let same = |one: &Diagnostic, other: &Diagnostic| one.message == other.message;
        let known = now
            .iter()
            .all(|one| self.0.iter().any(|other| same(one, other)));
        if !known {
            self.0 = now;
        }
        !known
    }
}

/// The time since 1970, by this host's clock.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
