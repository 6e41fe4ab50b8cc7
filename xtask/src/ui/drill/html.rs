//! The report: everything that is known of some drills, in one self-contained file.
//!
//! It loads nothing and runs no scripts, and its content security policy forbids both, so that even
//! unescaped text could do no harm. The same drills give the same bytes.

mod facts;
mod failures;
mod heading;
mod latency;
mod overview;
mod run;
mod text;
mod tiles;
mod timeline;

use std::fmt::Write;

use crate::drill::run::Run;
use crate::drill::summary::Summary;
use crate::drill::{Drill, Event};
use text::{capitalized, code, escaped, unbroken};

const STYLE: &str = include_str!("html/style.css");

/// The explanation at the end of every page.
const MEANING: &str = include_str!("html/meaning.html");

/// Renders a page with embedded styles and pictures.
pub fn render(run: &Run, drills: &[Drill]) -> String {
    let summaries: Vec<Summary> = drills.iter().map(Summary::of).collect();
    let cluster = drills.first().map(|drill| drill.cluster.as_str());
    let title = match cluster {
        Some(cluster) => format!("{} of {cluster}", kind_of(drills)),
        None => "No drill".to_owned(),
    };
    let title = escaped(&title);
    let mut page = String::new();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    heading::heading(&mut page, &title, run, drills, &summaries);
    if drills.len() > 1 {
        overview::overview(&mut page, drills, &summaries);
    }
    for (number, (drill, summary)) in drills.iter().zip(&summaries).enumerate() {
        section(&mut page, number + 1, drill, summary);
    }
    page.push_str(MEANING);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn kind_of(drills: &[Drill]) -> &'static str {
    match drills {
        [drill] if drill.disturbance.is_change() => "Change",
        [drill, ..] if drill.disturbance.is_change() => "Changes",
        [_] => "Drill",
        _ => "Drills",
    }
}

fn section(page: &mut String, number: usize, drill: &Drill, summary: &Summary) {
    let (class, verdict) = if summary.is_passed() {
        ("good", "passed")
    } else {
        ("bad", "failed")
    };
    let _ = writeln!(
        page,
        "<section class=\"drill\" id=\"drill-{number}\" aria-labelledby=\"name-{number}\">\n\
         <div class=\"title\"><h2 id=\"name-{number}\">{}</h2><p class=\"verdict {class}\">{verdict}</p></div>\n\
         <p class=\"done\">{}.</p>",
        unbroken(drill.disturbance.name()),
        code(&capitalized(&drill.done))
    );
    if !summary.is_passed() {
        page.push_str("<ul class=\"reasons\">\n");
        for reason in &summary.reasons {
            let _ = writeln!(page, "<li>{}</li>", code(&reason.to_string()));
        }
        page.push_str("</ul>\n");
    }
    tiles::of_drill(page, drill, summary);
    timeline::figure(page, number, drill, summary);
    latency::latencies(page, drill.disturbance, &summary.latencies);
    facts::fact_table(page, &super::facts(drill, summary));
    facts::moments(page, drill);
    failures::lost(page, summary);
    failures::violations(page, &summary.registers.violations);
    page.push_str("</section>\n");
}

/// A short label of an event.
fn event(event: &Event) -> String {
    match event {
        Event::BackedUp => "backed up".to_owned(),
        Event::Injecting => "injecting".to_owned(),
        Event::Injected => "injected".to_owned(),
        Event::NewLeader { leader, .. } => format!("{leader} leads"),
        Event::Found => "found".to_owned(),
        Event::Healing => "healing".to_owned(),
        Event::Restored => "restored".to_owned(),
        Event::Healed => "healed".to_owned(),
        Event::Healthy => "healthy".to_owned(),
        Event::Changing => "changing".to_owned(),
        Event::Step { short, .. } => short.clone(),
        Event::Changed => "changed".to_owned(),
    }
}
