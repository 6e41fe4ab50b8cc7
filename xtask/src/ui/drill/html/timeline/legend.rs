//! The meaning of each shape and shade.

use std::fmt::Write;

use crate::drill::Disturbance;
use crate::drill::summary::Summary;
use crate::ui::drill::kind;

/// A shape of the drawing, in a square of 16.
struct Shape {
    class: &'static str,
    path: &'static str,
}

const fn shape(class: &'static str, path: &'static str) -> Shape {
    Shape { class, path }
}

const SQUARE: &str = "M0 1h16v14H0z";

pub(super) fn legend(page: &mut String, disturbance: Disturbance, summary: &Summary) {
    page.push_str("<figcaption>\n<ul class=\"legend\">\n");
    let bars = [shape("bars", "M1 15v-6h3v6zM6 15V3h3v12zM11 15V7h3v8z")];
    item(page, &bars, "writes acknowledged through a member");
    item(page, &[shape("refused", "M8 4v8")], "refused");
    let unknown = [shape("unknown", "M8 3l5 5-5 5-5-5z")];
    item(page, &unknown, "outcome unknown");
    let fault = [shape("fault", SQUARE)];
    let when = match disturbance {
        Disturbance::Fault(_) => "from injection until healed",
        Disturbance::Change(_) => "from the first step until the last is complete",
    };
    item(page, &fault, when);
    if summary.gap_under_fault.is_some() {
        // It is darker where it lies over the shade of the fault, and may end after it.
        let gap = [
            shape("fault", "M0 1h8v14H0z"),
            shape("dry", SQUARE),
            shape("gap", "M1 4v8M15 4v8M1 8h14"),
        ];
        item(
            page,
            &gap,
            &format!(
                "longest time without an acknowledged write during the {}",
                kind(disturbance)
            ),
        );
    }
    if !summary.rests.is_empty() {
        item(page, &[shape("rest", SQUARE)], "no requests were sent");
    }
    page.push_str("</ul>\n</figcaption>\n");
}

fn item(page: &mut String, shapes: &[Shape], meaning: &str) {
    page.push_str("<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\">");
    for Shape { class, path } in shapes {
        let _ = write!(page, "<path class=\"{class}\" d=\"{path}\"/>");
    }
    let _ = writeln!(page, "</svg>{meaning}</li>");
}
