//! Labels of moments, which hide neither each other nor each other's lines.

use std::fmt::Write;

use super::number;
use crate::ui::drill::html::escaped;

/// The size of letters.
const LETTERS: f64 = 12.0;

/// How far lanes are apart.
pub(super) const LANE: f64 = 18.0;

/// A line at a moment, with what happened written at its upper end.
pub(super) struct Label {
    pub(super) x: f64,
    /// How much room its text takes.
    pub(super) room: f64,
    /// Whether the text stands left of the line, because there is no room on the right.
    pub(super) is_left: bool,
    /// How far above the rows it is.
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

    /// The lower edge of the text.
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

/// Gives each label a side and a lane, so that no text lies over another, nor over another's line.
///
/// A line runs from its label down through all lanes below it. So whoever's text reaches over another's
/// line goes above it. Texts on the right of their lines reach over later ones: lanes are given out
/// from the last to the first. Those that found no room there reach over earlier ones, and take theirs
/// afterwards, from the first to the last.
pub(super) fn arrange(labels: &mut [Label], width: f64) {
    loop {
        let left: Vec<f64> = labels
            .iter()
            .filter(|one| one.is_left)
            .map(|one| one.x)
            .collect();
        // Where one on the right would reach over the line of one on the left, which reaches back over
        // its own, neither could be above the other.
        let turns = |one: &Label| {
            !one.is_left && (one.x + one.room > width || left.iter().any(|x| one.covers(*x)))
        };
        let turned = labels.iter_mut().filter(|one| turns(one));
        // In the very beginning there is no room on the left.
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

/// How much room a text takes at most, whatever letters a browser has.
pub(super) fn room(text: &str) -> f64 {
    let widths = text.chars().map(|character| match character {
        'm' | 'w' | 'M' | 'W' | '…' => 1.1,
        'i' | 'j' | 'l' | 't' | 'f' | ' ' | '.' | ',' | '-' | ':' => 0.5,
        _ => 0.74,
    });
    widths.sum::<f64>() * LETTERS
}

/// As much of a text as there is room for.
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
