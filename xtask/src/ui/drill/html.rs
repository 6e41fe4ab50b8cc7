//! The report: everything that is known of some drills, in one self-contained file.
//!
//! It loads nothing and runs no scripts, and its content security policy forbids both, so that even
//! unescaped text could do no harm. The same drills give the same bytes.

mod timeline;

use std::fmt::Write;
use std::time::Duration;

use super::{Fact, Figures, Requirement, closing, facts, table};
use crate::drill::history::{Action, Answer, Operation};
use crate::drill::registers::Violation;
use crate::drill::summary::{Lost, Summary};
use crate::drill::words::{moment, seconds, value};
use crate::drill::{Drill, Event};
use crate::ui::shown::shown;
use crate::wording::{count, many};

/// The maximum number of lost writes and violations to list. JSON has all.
const LONGEST: usize = 100;

const STYLE: &str = include_str!("html/style.css");

/// Renders a page with embedded styles and pictures.
pub fn render(drills: &[Drill]) -> String {
    let summaries: Vec<Summary> = drills.iter().map(Summary::of).collect();
    let cluster = drills.first().map(|drill| drill.cluster.as_str());
    let title = match cluster {
        Some(cluster) => format!("{} of {cluster}", many_drills(drills.len())),
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
    heading(&mut page, &title, drills, &summaries);
    if drills.len() > 1 {
        overview(&mut page, drills, &summaries);
    }
    for (number, (drill, summary)) in drills.iter().zip(&summaries).enumerate() {
        section(&mut page, number + 1, drill, summary);
    }
    page.push_str(MEANING);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn many_drills(drills: usize) -> String {
    match drills {
        1 => "Drill".to_owned(),
        _ => "Drills".to_owned(),
    }
}

/// The explanation at the end of every page.
const MEANING: &str = "\
<section class=\"meaning\" aria-labelledby=\"meaning\">
<h2 id=\"meaning\">What a passed drill shows</h2>
<ul>
<li><strong>No acknowledged write was lost.</strong> Every acknowledged write of a write-once key was present \
with its value when all keys were read back, linearizably, after healing. Writes that were refused, or \
whose outcome the client never learned, do not count as lost.</li>
<li><strong>The registers behaved like a single copy.</strong> All clients write and read the same few keys, \
the registers. All these operations and the final values fit one order that agrees with the times at \
which each operation began and ended: linearizability (Herlihy and Wing, 1990). The check is exact and \
does not sample orders. Every write has a unique value, so comparing the zones of the values decides it: \
Gibbons and Korach, <cite>Testing Shared Memories</cite> (1997), as in Golab, Li and Shah, <cite>Analyzing \
Consistency Properties for Fun and Profit</cite> (2011). A write with an unknown outcome may have taken \
effect at any time after it began, or never.</li>
<li><strong>The fault was detected.</strong> <code>verify</code> reported exactly what is expected of this fault, \
and nothing after healing.</li>
</ul>
<h2>What it does not show</h2>
<ul>
<li>That the next drill will pass. Timing differs; a drill shows what happened once.</li>
<li>Anything about transactions, leases, watches or ranges: clients write and read single keys.</li>
<li>That write-once keys could be read during the drill: they are read at the end.</li>
<li>Anything about times in which no client sent requests, such as while healing restores old data.</li>
<li>The exact time of an event inside the cluster. Times are those of the clients and include the way to \
the members. A new leader, or a finding of <code>verify</code>, has the time at which it was seen, a little \
after it became true.</li>
</ul>
</section>
";

fn heading(page: &mut String, title: &str, drills: &[Drill], summaries: &[Summary]) {
    let passed = summaries.iter().filter(|one| one.is_passed()).count();
    let (class, verdict) = match (passed, drills.len()) {
        (_, 0) => ("bad", "nothing was done".to_owned()),
        (1, 1) => ("good", "passed".to_owned()),
        (0, 1) => ("bad", "failed".to_owned()),
        (some, all) if some == all => ("good", format!("all {} passed", count(all))),
        (some, all) => ("bad", format!("{} of {} passed", count(some), count(all))),
    };
    let _ = writeln!(
        page,
        "<header>\n<h1>{title}</h1>\n<p class=\"verdict {class}\">{verdict}</p>"
    );
    if let Some(drill) = drills.first() {
        let members = drill.members.iter().map(|name| escaped(name.as_str()));
        let _ = writeln!(
            page,
            "<p class=\"about\">etcd {} on {}: {}</p>",
            escaped(&drill.version.to_string()),
            many(drill.members.len(), "member"),
            members.collect::<Vec<_>>().join(", ")
        );
    }
    let figures = Figures::of(drills, summaries);
    if drills.len() > 1 {
        let found = match figures.unseen {
            0 => "found by verify".to_owned(),
            unseen => format!("of {} found by verify", count(figures.faults - unseen)),
        };
        let tiles = [
            (count(figures.faults), "faults injected".to_owned(), ""),
            (count(figures.found), found, ""),
            (
                count(figures.acknowledged),
                "acknowledged writes".to_owned(),
                "",
            ),
            if figures.not_read_back == figures.faults {
                ("unknown".to_owned(), "lost".to_owned(), "bad")
            } else {
                let class = if figures.lost == 0 { "" } else { "bad" };
                (count(figures.lost), "of them lost".to_owned(), class)
            },
        ];
        self::tiles(page, &tiles);
    }
    let _ = writeln!(
        page,
        "<p class=\"closing\">{}.</p>\n</header>",
        code(&closing(drills))
    );
}

/// Large figures.
fn tiles(page: &mut String, tiles: &[(String, String, &str)]) {
    page.push_str("<dl class=\"tiles\">\n");
    for (figure, name, class) in tiles {
        let _ = writeln!(
            page,
            "<div class=\"{class}\"><dt>{}</dt><dd>{}</dd></div>",
            escaped(name),
            escaped(figure)
        );
    }
    page.push_str("</dl>\n");
}

fn overview(page: &mut String, drills: &[Drill], summaries: &[Summary]) {
    page.push_str("<div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"All drills\">\n<table class=\"overview\">\n<thead><tr>");
    for (heading, is_number) in table::COLUMNS {
        let class = if is_number { " class=\"number\"" } else { "" };
        let _ = write!(
            page,
            "<th scope=\"col\"{class}>{}</th>",
            heading.to_lowercase()
        );
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (number, (drill, summary)) in drills.iter().zip(summaries).enumerate() {
        let class = if summary.is_passed() { "good" } else { "bad" };
        let _ = write!(page, "<tr class=\"{class}\">");
        let row = table::row(drill, summary);
        for (column, ((_, is_number), cell)) in table::COLUMNS.iter().zip(&row).enumerate() {
            // Colour replaces capital letters.
            let cell = escaped(&match column {
                0 => cell.clone(),
                _ => cell.to_lowercase(),
            });
            let class = if *is_number { " class=\"number\"" } else { "" };
            let _ = match column {
                0 => write!(
                    page,
                    "<th scope=\"row\"><a href=\"#drill-{}\">{cell}</a></th>",
                    number + 1
                ),
                1 => write!(page, "<td><span class=\"mark\">{cell}</span></td>"),
                _ => write!(page, "<td{class}>{cell}</td>"),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
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
        escaped(drill.fault),
        code(&capitalized(&drill.done))
    );
    if !summary.is_passed() {
        page.push_str("<ul class=\"reasons\">\n");
        for reason in &summary.reasons {
            let _ = writeln!(page, "<li>{}</li>", code(&reason.to_string()));
        }
        page.push_str("</ul>\n");
    }
    figures(page, drill, summary);
    timeline::figure(page, number, drill, summary);
    fact_table(page, &facts(drill, summary));
    moments(page, drill);
    lost(page, summary);
    for one in summary.registers.violations.iter().take(LONGEST) {
        violation(page, one);
    }
    rest(page, summary.registers.violations.len());
    page.push_str("</section>\n");
}

fn figures(page: &mut String, drill: &Drill, summary: &Summary) {
    let after = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), seconds);
    let bad = |is_bad: bool| if is_bad { "bad" } else { "" };
    let found = match summary.found_after {
        Some(after) if summary.is_found() => (seconds(after), "until verify found it", ""),
        _ if drill.expected.is_empty() && drill.reported.is_empty() => {
            ("nothing".to_owned(), "for verify to find", "")
        }
        _ => ("not".to_owned(), "found by verify", "bad"),
    };
    let lost = match &summary.read_back {
        None => ("unknown".to_owned(), "lost", "bad"),
        Some(read_back) => (
            count(read_back.lost.len()),
            "of them lost",
            bad(!read_back.lost.is_empty()),
        ),
    };
    let leader = match &summary.new_leader {
        Some(new) => (seconds(new.after), "until a new leader", ""),
        None => ("no".to_owned(), "new leader", ""),
    };
    let tiles = [
        (
            count(summary.writes.acknowledged),
            "acknowledged writes",
            bad(summary.writes.acknowledged == 0),
        ),
        lost,
        (
            seconds(summary.longest_gap.length()),
            "longest time without a write",
            "",
        ),
        found,
        leader,
        (
            after(summary.healthy_after),
            "from healing to healthy",
            bad(summary.healthy_after.is_none()),
        ),
    ];
    self::tiles(
        page,
        &tiles.map(|(figure, name, class)| (figure, name.to_owned(), class)),
    );
}

fn fact_table(page: &mut String, facts: &[Fact]) {
    page.push_str("<table class=\"facts\">\n<tbody>\n");
    for Fact {
        name,
        requirement,
        text,
    } in facts
    {
        let (class, label) = match requirement {
            Requirement::Met => ("good", "ok"),
            Requirement::Missed => ("bad", "failed"),
            Requirement::Unknown => ("bad", "unknown"),
            Requirement::Absent => ("", ""),
        };
        let _ = writeln!(
            page,
            "<tr class=\"{class}\"><td><span class=\"mark\">{label}</span></td><th scope=\"row\">{name}</th><td>{}</td></tr>",
            code(text)
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

/// A short label of an event.
fn event(event: &Event) -> String {
    match event {
        Event::Injecting => "injecting".to_owned(),
        Event::Injected => "injected".to_owned(),
        Event::NewLeader { leader, .. } => format!("{leader} leads"),
        Event::Found => "found".to_owned(),
        Event::Healing => "healing".to_owned(),
        Event::Healed => "healed".to_owned(),
        Event::Healthy => "healthy".to_owned(),
    }
}

fn moments(page: &mut String, drill: &Drill) {
    page.push_str("<details>\n<summary>What happened when</summary>\n<table class=\"list\">\n<thead><tr><th scope=\"col\" class=\"number\">at</th><th scope=\"col\">what</th></tr></thead>\n<tbody>\n");
    for one in &drill.moments {
        let what = match &one.event {
            Event::Injecting => "injection begins".to_owned(),
            Event::Injected => "the fault is injected".to_owned(),
            Event::NewLeader { leader, term } => format!("{leader} is the leader in term {term}"),
            Event::Found => "`verify` reports what was expected".to_owned(),
            Event::Healing => "healing begins".to_owned(),
            Event::Healed => "the fault is undone".to_owned(),
            Event::Healthy => "`verify` finds nothing wrong".to_owned(),
        };
        let _ = writeln!(
            page,
            "<tr><td class=\"number\">{}</td><td>{}</td></tr>",
            moment(one.at),
            code(&what)
        );
    }
    page.push_str("</tbody>\n</table>\n</details>\n");
}

fn lost(page: &mut String, summary: &Summary) {
    let Some(read_back) = &summary.read_back else {
        return;
    };
    if !read_back.lost.is_empty() {
        page.push_str("<h3>Lost writes</h3>\n<div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"Lost writes\">\n<table class=\"list\">\n<thead><tr><th scope=\"col\">key</th><th scope=\"col\">written</th><th scope=\"col\">holds</th><th scope=\"col\">through</th><th scope=\"col\" class=\"number\">acknowledged</th></tr></thead>\n<tbody>\n");
        for Lost {
            key,
            value: written,
            through,
            acknowledged,
            holds,
        } in read_back.lost.iter().take(LONGEST)
        {
            let holds = holds.as_deref().map_or_else(|| "nothing".to_owned(), value);
            let _ = writeln!(
                page,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>",
                escaped(key),
                code(&value(written)),
                code(&holds),
                escaped(through.as_str()),
                moment(*acknowledged)
            );
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
        rest(page, read_back.lost.len());
    }
    if !read_back.refused_and_there.is_empty() {
        page.push_str("<h3>Writes that were refused but are present</h3>\n");
        operations(page, &read_back.refused_and_there);
        rest(page, read_back.refused_and_there.len());
    }
}

/// Says how many more there are.
fn rest(page: &mut String, all: usize) {
    if all > LONGEST {
        let _ = writeln!(page, "<p>And {} more.</p>", count(all - LONGEST));
    }
}

fn violation(page: &mut String, violation: &Violation) {
    let _ = writeln!(
        page,
        "<h3>No order for <code>{}</code></h3>\n<p>{}.</p>",
        escaped(&violation.key),
        code(&capitalized(&violation.why))
    );
    operations(page, &violation.operations);
}

/// A list of requests, with a bar for the time of each.
fn operations(page: &mut String, operations: &[Operation]) {
    let operations = &operations[..operations.len().min(LONGEST)];
    let begun = operations.iter().map(|one| one.begun).min();
    let ended = operations.iter().map(|one| one.ended).max();
    let (Some(begun), Some(ended)) = (begun, ended) else {
        return;
    };
    let span = ended.saturating_sub(begun).as_secs_f64().max(0.001);
    let percent = |time: Duration| 100.0 * time.saturating_sub(begun).as_secs_f64() / span;
    page.push_str("<div class=\"scrolls\" tabindex=\"0\" role=\"region\" aria-label=\"Requests\">\n<table class=\"list\">\n<thead><tr><th scope=\"col\">client</th><th scope=\"col\">did</th><th scope=\"col\">through</th><th scope=\"col\" class=\"number\">from</th><th scope=\"col\" class=\"number\">to</th><th scope=\"col\" class=\"span\"><span class=\"unseen\">when</span></th></tr></thead>\n<tbody>\n");
    for one in operations {
        let did = match (&one.action, &one.answer) {
            (Action::Write(written), Answer::Refused(_)) => {
                format!("write {}, refused", value(written))
            }
            (Action::Write(written), Answer::Unknown(_)) => {
                format!("write {}, outcome unknown", value(written))
            }
            (Action::Write(written), _) => format!("write {}", value(written)),
            (Action::Read, Answer::Value(Some(read))) => format!("read {}", value(read)),
            (Action::Read, _) => "read nothing".to_owned(),
        };
        let from = percent(one.begun);
        let length = (percent(one.ended) - from).max(0.5);
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"span\"><i style=\"left:{:.2}%;width:{length:.2}%\"></i></td></tr>",
            one.client,
            code(&did),
            escaped(one.through.as_str()),
            moment(one.begun),
            moment(one.ended),
            from.min(99.5)
        );
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if first.is_ascii_lowercase() && !begins_with_a_name(text) => {
            first.to_uppercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Member names such as `core-01` are not capitalized.
fn begins_with_a_name(text: &str) -> bool {
    let word = text.split([' ', ',']).next().unwrap_or_default();
    word.contains(|c: char| !c.is_ascii_alphabetic())
}

/// Converts text with backticks to HTML code elements.
fn code(text: &str) -> String {
    let mut html = String::new();
    for (number, part) in text.split('`').enumerate() {
        let part = escaped(part);
        // Every element is closed in the same step.
        let _ = match number % 2 {
            0 => write!(html, "{part}"),
            _ => write!(html, "<code>{part}</code>"),
        };
    }
    html
}

/// Escapes text for HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in shown(text).chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
