//! How much of a snapshot has been saved.

use std::io::stderr;
use std::time::Duration;

use crate::ui::Ui;
use crate::ui::in_place;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;
use crate::values::quantity;

/// The progress of a file that grows. It is shown only if that takes longer than one interval.
#[derive(Debug)]
pub struct SizeProgress {
    progress: Progress,
    member: HostName,
    /// The expected size; a snapshot is about as large as its database.
    expected: Option<u64>,
    is_shown: bool,
}

impl SizeProgress {
    /// The progress of a snapshot of this member.
    pub fn new(ui: Ui, member: &HostName, expected: Option<u64>) -> Self {
        Self {
            progress: Progress::new(ui, std::slice::from_ref(member)),
            member: member.clone(),
            expected,
            is_shown: false,
        }
    }

    /// The time between two sizes: lines that cannot be rewritten must be few.
    pub fn interval(&self) -> Duration {
        if in_place::is_possible(&stderr()) {
            Duration::from_millis(250)
        } else {
            Duration::from_secs(5)
        }
    }

    /// Shows the current size.
    pub fn show(&mut self, saved: u64) {
        self.is_shown = true;
        let saved = quantity::size(saved);
        let of = self.expected.map(quantity::size);
        let of = of.map_or_else(String::new, |expected| format!(" of about {expected}"));
        let doing = format!("{saved}{of} saved");
        self.progress.set(&self.member, Mark::Working, &doing);
    }

    /// Shows the final size; none if the snapshot failed.
    pub fn end(&mut self, saved: Option<u64>) {
        if !self.is_shown {
            return;
        }
        match saved {
            Some(saved) => {
                let doing = format!("{} saved", quantity::size(saved));
                self.progress.set(&self.member, Mark::Done, &doing);
            }
            None => self.progress.set(&self.member, Mark::Failed, "failed"),
        }
    }
}
