//! The timeline: a row per member with the writes acknowledged through it, and the events.
//!
//! It is drawn in several widths, of which the page shows the fitting one: scaled text would become
//! too small to read. Rows distinguish members and shapes distinguish answers, so nothing depends
//! on colours.

mod labels;
mod legend;
mod numbers;

use std::fmt::Write;
use std::time::Duration;

use super::event;
use super::text::escaped;
use crate::drill::history::Answer;
use crate::drill::summary::{Gap, Summary};
use crate::drill::words::{moment, seconds};
use crate::drill::{Drill, Event};
use crate::ui::drill::kind;
use crate::values::HostName;
use crate::wording::many;
use labels::{LANE, Label, arrange, fitting, room};
use legend::legend;
use numbers::{bins, most, table};

/// The widths in drawing units, which are pixels unless scaled. The style sheet uses the names.
const WIDTHS: [(&str, f64); 3] = [("wide", 900.0), ("medium", 560.0), ("narrow", 340.0)];

/// The heights of the parts.
const NAME: f64 = 20.0;
const BARS: f64 = 44.0;
const MARKS: f64 = 15.0;
const BETWEEN: f64 = 6.0;
const GAP: f64 = 24.0;
const AXIS: f64 = 22.0;
const SCALE: f64 = 22.0;

/// Draws the timeline, with a legend and a table of the numbers.
pub(super) fn figure(page: &mut String, number: usize, drill: &Drill, summary: &Summary) {
    let end = end(drill, summary);
    let _ = writeln!(page, "<figure class=\"timeline\">");
    for (class, width) in WIDTHS {
        let drawing = Drawing {
            id: format!("{class}-{number}"),
            class,
            width,
            end,
            drill,
            summary,
        };
        drawing.draw(page);
    }
    legend(page, drill.disturbance, summary);
    table(page, drill, end);
    page.push_str("</figure>\n");
}

/// The end of the drawing: the last event or request.
fn end(drill: &Drill, summary: &Summary) -> Duration {
    let moments = drill.moments.iter().map(|moment| moment.at);
    let last = moments.max().unwrap_or_default().max(summary.span);
    last.max(Duration::from_millis(1))
}

/// A drawing of one width.
struct Drawing<'a> {
    id: String,
    class: &'static str,
    width: f64,
    end: Duration,
    drill: &'a Drill,
    summary: &'a Summary,
}

impl Drawing<'_> {
    fn draw(&self, page: &mut String) {
        let labels = self.labels();
        let lanes = labels.iter().map(|label| label.lane + 1).max();
        let top = lanes.unwrap_or_default() as f64 * LANE + 6.0;
        let members = &self.drill.members;
        let row = NAME + BARS + MARKS + BETWEEN;
        let bottom = top + row * members.len() as f64;
        let height = bottom + GAP + AXIS + SCALE;
        let Self {
            id, class, width, ..
        } = self;
        let _ = writeln!(
            page,
            "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-text\">{}</desc>",
            number(*width),
            number(height),
            escaped(&format!("Timeline of {}", self.drill.disturbance.name())),
            escaped(&self.description())
        );
        self.shades(page, top, bottom);
        self.axis(page, top, bottom);
        let step = self.step();
        let most = most(self.drill, step);
        for (at, member) in members.iter().enumerate() {
            let top = top + row * at as f64;
            self.member(page, member, top, step, most);
        }
        if let Some(gap) = &self.summary.gap_under_fault {
            self.gap(page, gap, bottom);
        }
        // Lines come before labels, so that crossed labels stay legible.
        for label in &labels {
            label.draw_line(page, top, bottom);
        }
        for label in &labels {
            label.draw(page, top);
        }
        let _ = writeln!(
            page,
            "<text class=\"soft\" x=\"0\" y=\"{}\">each bar: {}; the highest: {}</text>\n</svg>",
            number(height - 4.0),
            length(step),
            many(most, "write")
        );
    }

    /// A description of the drawing in words.
    fn description(&self) -> String {
        let moments = self.drill.moments.iter();
        let moments = moments.map(|one| format!("{} at {}", event(&one.event), moment(one.at)));
        let gap = self.summary.gap_under_fault.map_or_else(String::new, |gap| {
            format!(
                " The longest time without an acknowledged write during the {} is from {} to {}.",
                kind(self.drill.disturbance),
                moment(gap.from),
                moment(gap.to)
            )
        });
        format!(
            "Writes acknowledged through each of {} in {}. {}.{gap}",
            many(self.drill.members.len(), "member"),
            seconds(self.end),
            moments.collect::<Vec<_>>().join(", "),
        )
    }

    fn x(&self, at: Duration) -> f64 {
        self.width * at.as_secs_f64() / self.end.as_secs_f64()
    }

    /// The time of one bar: a tenth of a second, or more if bars would be too thin.
    fn step(&self) -> Duration {
        let wide_enough = |step: &Duration| self.x(*step) >= 4.0;
        let steps = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
        let step = steps
            .map(Duration::from_millis)
            .into_iter()
            .find(wide_enough);
        step.unwrap_or(self.end / 60)
    }

    /// Shades the time of the fault or the change, its longest time without an acknowledged write, and the times
    /// without requests.
    fn shades(&self, page: &mut String, top: f64, bottom: f64) {
        let mut shade = |class: &str, from: Duration, to: Duration| {
            let (from, to) = (self.x(from), self.x(to));
            let _ = writeln!(
                page,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                number(from),
                number(top),
                number((to - from).max(1.0)),
                number(bottom - top)
            );
        };
        let at = |is_it: fn(&Event) -> bool| {
            let mut moments = self.drill.moments.iter();
            Some(moments.find(|one| is_it(&one.event))?.at)
        };
        if let Some(from) = at(Event::begins) {
            let to = at(Event::ends).unwrap_or(self.end);
            shade("fault", from, to);
        }
        if let Some(gap) = &self.summary.gap_under_fault {
            shade("dry", gap.from, gap.to);
        }
        for rest in &self.summary.rests {
            shade("rest", rest.from, rest.to);
        }
    }

    fn axis(&self, page: &mut String, top: f64, bottom: f64) {
        let y = bottom + GAP;
        let most = (self.width / 70.0) as u128;
        let steps = [
            100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000,
        ];
        let steps = steps
            .into_iter()
            .chain((1..).map(|minutes| minutes * 300_000));
        let end = self.end.as_millis();
        let mut fitting = steps.filter(|step| end / u128::from(*step) <= most);
        let step = Duration::from_millis(fitting.next().unwrap_or(u64::MAX));
        let mut at = Duration::ZERO;
        while at <= self.end {
            let x = self.x(at);
            let text = length(at);
            let half = room(&text) / 2.0;
            let (class, x_of_text) = match x {
                x if x < half => ("", 0.0),
                x if x + half > self.width => (" end", self.width),
                x => (" middle", x),
            };
            let _ = writeln!(
                page,
                "<path class=\"tick\" d=\"M{} {}V{}\"/><text class=\"soft{class}\" x=\"{}\" y=\"{}\">{}</text>",
                number(x),
                number(top),
                number(y + 5.0),
                number(x_of_text),
                number(y + AXIS - 4.0),
                text
            );
            at += step;
        }
    }

    fn member(&self, page: &mut String, member: &HostName, top: f64, step: Duration, most: usize) {
        let base = top + NAME + BARS;
        let _ = writeln!(
            page,
            "<text class=\"name halo\" x=\"0\" y=\"{}\">{}</text>\n<path class=\"base\" d=\"M0 {}H{}\"/>",
            number(top + NAME - 6.0),
            escaped(&fitting(member.as_str(), self.width / 2.0)),
            number(base),
            number(self.width)
        );
        let bins =
            |is_counted: fn(&Answer) -> bool| bins(self.drill, Some(member), step, is_counted);
        let width = self.x(step);
        let mut bars = String::new();
        for (bin, writes) in bins(|answer| *answer == Answer::Acknowledged) {
            let height = BARS * writes as f64 / most.max(1) as f64;
            let x = self.x(step * bin);
            // The last bar may stand for less time.
            let width = (width - 1.0).min(self.width - x).max(0.5);
            let _ = write!(
                bars,
                "M{} {}v-{}h{}v{}z",
                number(x),
                number(base),
                number(height),
                number(width),
                number(height)
            );
        }
        let marks = |is_counted: fn(&Answer) -> bool, y: f64, shape: &str| {
            let mut marks = String::new();
            for (bin, _) in bins(is_counted) {
                let x = (self.x(step * bin) + width / 2.0).min(self.width - 4.0);
                let _ = write!(marks, "M{} {}{shape}", number(x), number(y));
            }
            marks
        };
        let refused = marks(
            |answer| matches!(answer, Answer::Refused(_)),
            base + 3.0,
            "v5",
        );
        let unknown = marks(
            |answer| matches!(answer, Answer::Unknown(_)),
            base + 7.0,
            "l4 4-4 4-4-4z",
        );
        for (class, path) in [("bars", bars), ("refused", refused), ("unknown", unknown)] {
            if !path.is_empty() {
                let _ = writeln!(page, "<path class=\"{class}\" d=\"{path}\"/>");
            }
        }
    }

    fn gap(&self, page: &mut String, gap: &Gap, bottom: f64) {
        let (from, to) = (self.x(gap.from), self.x(gap.to));
        let y = bottom + GAP / 2.0;
        let long = seconds(gap.length());
        // One side has room for a third of the width, or else the gap is that long.
        let texts = [" without an acknowledged write", " without a write", ""];
        let mut texts = texts.map(|what| format!("{long}{what}")).into_iter();
        let text = texts.find(|text| room(text) + 12.0 <= self.width / 3.0);
        let text = text.unwrap_or(long);
        let room = room(&text) + 12.0;
        let middle = f64::midpoint(from, to);
        let (class, x, opening) = if to + room <= self.width {
            ("", to + 6.0, None)
        } else if from - room >= 0.0 {
            (" end", from - 6.0, None)
        } else {
            // Long enough to hold its text.
            (" middle", middle, Some(middle - room / 2.0))
        };
        let opening = opening.map_or_else(String::new, |opening| {
            format!("H{}m{} 0", number(opening), number(room))
        });
        let _ = writeln!(
            page,
            "<path class=\"gap\" d=\"M{} {}v8m0-4{opening}H{}m0-4v8\"/>",
            number(from),
            number(y - 4.0),
            number(to)
        );
        let _ = writeln!(
            page,
            "<text class=\"strong{class}\" x=\"{}\" y=\"{}\">{text}</text>",
            number(x),
            number(y + 4.0)
        );
    }

    /// The labels of the events, each in a lane where it covers no other.
    fn labels(&self) -> Vec<Label> {
        let injected = |event: &Event| *event == Event::Injected;
        let is_injected = self.drill.moments.iter().any(|one| injected(&one.event));
        // The shade already shows the start of the injection, and of a change.
        let is_shown = |event: &Event| match event {
            Event::Injecting => !is_injected,
            event => *event != Event::Changing,
        };
        let moments = self.drill.moments.iter();
        let moments = moments.filter(|one| is_shown(&one.event));
        let labels = moments.map(|one| {
            let time = match self.class {
                "narrow" => String::new(),
                _ => seconds(one.at),
            };
            // One side of its line has room for half the width.
            let room_for_time = room(&time) + 16.0;
            let what = fitting(&event(&one.event), self.width / 2.0 - room_for_time);
            Label {
                x: self.x(one.at),
                room: room(&what) + room_for_time,
                is_left: false,
                lane: 0,
                what,
                time,
            }
        });
        let mut labels: Vec<Label> = labels.collect();
        arrange(&mut labels, self.width);
        labels
    }
}

/// A drawing coordinate, in its shortest form.
fn number(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A round duration: `0.5 s`, `2 s`, `5 min`.
fn length(length: Duration) -> String {
    match length.as_millis() {
        odd if odd % 1_000 != 0 => format!("{}.{} s", odd / 1_000, odd % 1_000 / 100),
        long if long < 120_000 => format!("{} s", long / 1_000),
        long if long % 60_000 == 0 => format!("{} min", long / 60_000),
        long => format!("{} s", long / 1_000),
    }
}
