//! Places the labels of events so that they cover neither each other nor their lines.

use std::fmt::Write;

use super::number;
use crate::ui::drill::html::text::escaped;

/// The font size.
const LETTERS: f64 = 12.0;

/// The distance between lanes.
pub(super) const LANE: f64 = 18.0;

/// A line at an event, with its label at the upper end.
pub(super) struct Label {
    pub(super) x: f64,
    /// The width of its text.
    pub(super) room: f64,
    /// Whether the text is left of the line, because there is no room on the right.
    pub(super) is_left: bool,
    /// Its lane above the rows.
    pub(super) lane: usize,
    pub(super) what: String,
    pub(super) time: String,
}

impl Label {
    fn covers(&self, x: f64) -> bool {
        let (from, to) = self.span();
        from <= x && x <= to
    }

    fn overlaps(&self, other: &Self) -> bool {
        let ((from, to), (other_from, other_to)) = (self.span(), other.span());
        from <= other_to && other_from <= to
    }

    fn span(&self) -> (f64, f64) {
        if self.is_left {
            (self.x - self.room, self.x)
        } else {
            (self.x, self.x + self.room)
        }
    }

    /// The baseline of the text.
    fn y(&self, top: f64) -> f64 {
        top - 7.0 - self.lane as f64 * LANE
    }

    pub(super) fn draw_line(&self, page: &mut String, top: f64, bottom: f64) {
        let _ = writeln!(
            page,
            "<path class=\"moment\" d=\"M{} {}V{}\"/>",
            number(self.x),
            number(self.y(top) - LETTERS + 1.0),
            number(bottom)
        );
    }

    pub(super) fn draw(&self, page: &mut String, top: f64) {
        let (class, x) = if self.is_left {
            (" end", self.x - 5.0)
        } else {
            ("", self.x + 5.0)
        };
        let time = match self.time.as_str() {
            "" => String::new(),
            time => format!(" <tspan class=\"soft\">{time}</tspan>"),
        };
        let _ = writeln!(
            page,
            "<text class=\"label halo{class}\" x=\"{}\" y=\"{}\">{}{time}</text>",
            number(x),
            number(self.y(top)),
            escaped(&self.what)
        );
    }
}

/// Gives each label a side and a lane, so that no text covers another text or line.
///
/// A line runs from its label down through all lower lanes, so a text that reaches over another's
/// line must be above it. Texts on the right reach over later lines, so their lanes are assigned
/// from the last to the first. Texts on the left reach over earlier lines and follow afterwards,
/// from the first to the last.
pub(super) fn arrange(labels: &mut [Label], width: f64) {
    loop {
        let left: Vec<f64> = labels
            .iter()
            .filter(|one| one.is_left)
            .map(|one| one.x)
            .collect();
        // If a text on the right and a text on the left reached over each other's lines, neither
        // could be above the other.
        let turns = |one: &Label| {
            !one.is_left && (one.x + one.room > width || left.iter().any(|x| one.covers(*x)))
        };
        let turned = labels.iter_mut().filter(|one| turns(one));
        // At the start there is no room on the left.
        let turned = turned.filter(|one| one.x >= one.room);
        let turned = turned.map(|one| one.is_left = true).count();
        if turned == 0 {
            break;
        }
    }
    let on_the_right = (0..labels.len()).rev().filter(|&at| !labels[at].is_left);
    let on_the_left = (0..labels.len()).filter(|&at| labels[at].is_left);
    let order: Vec<usize> = on_the_right.chain(on_the_left).collect();
    for (number, &at) in order.iter().enumerate() {
        let below = order[..number].iter().map(|&other| &labels[other]);
        let below = below.filter(|other| labels[at].overlaps(other));
        labels[at].lane = below.map(|other| other.lane + 1).max().unwrap_or_default();
    }
}

/// The maximum width of a text, whatever font the browser uses.
pub(super) fn room(text: &str) -> f64 {
    let widths = text.chars().map(|character| match character {
        'm' | 'w' | 'M' | 'W' | '…' => 1.1,
        'i' | 'j' | 'l' | 't' | 'f' | ' ' | '.' | ',' | '-' | ':' => 0.5,
        _ => 0.74,
    });
    widths.sum::<f64>() * LETTERS
}

/// Shortens a text to the available width.
pub(super) fn fitting(text: &str, most: f64) -> String {
    if room(text) <= most {
        return text.to_owned();
    }
    let mut fitting = String::from("…");
    for character in text.chars() {
        let at = fitting.len() - '…'.len_utf8();
        fitting.insert(at, character);
        if room(&fitting) > most {
            fitting.remove(at);
            break;
        }
    }
    fitting
}
