//! The latencies before, during and after the fault or the change.

use std::fmt::Write;

use crate::drill::Disturbance;
use crate::drill::latency::{Latencies, Latency};
use crate::drill::words::milliseconds;
use crate::wording::count;

pub(super) fn latencies(page: &mut String, disturbance: Disturbance, latencies: &Latencies) {
    page.push_str(
        "<table class=\"list latency\">\n<caption>Milliseconds until requests were answered</caption>\n\
         <thead><tr><th scope=\"col\"></th><th scope=\"col\" class=\"number\">answered</th>",
    );
    for percentile in ["p50", "p90", "p99", "max"] {
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{percentile}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let [before, during, after] = match disturbance {
        Disturbance::Fault(_) => ["before the fault", "during the fault", "after healing"],
        Disturbance::Change(_) => ["before the change", "during the change", "after the change"],
    };
    for (what, phases) in [("writes", &latencies.writes), ("reads", &latencies.reads)] {
        for (when, latency) in [
            (before, phases.before),
            (during, phases.during),
            (after, phases.after),
        ] {
            row(page, &format!("{what} {when}"), latency);
        }
    }
    page.push_str("</tbody>\n</table>\n");
}

fn row(page: &mut String, name: &str, latency: Option<Latency>) {
    let cells = match latency {
        None => ["0", "-", "-", "-", "-"].map(str::to_owned),
        Some(Latency {
            count: answered,
            p50,
            p90,
            p99,
            max,
        }) => {
            let [p50, p90, p99, max] = [p50, p90, p99, max].map(milliseconds);
            [count(answered), p50, p90, p99, max]
        }
    };
    let _ = write!(page, "<tr><th scope=\"row\">{name}</th>");
    for cell in cells {
        let _ = write!(page, "<td class=\"number\">{cell}</td>");
    }
    page.push_str("</tr>\n");
}
