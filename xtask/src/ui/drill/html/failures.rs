//! What failed: lost writes and violations of linearizability.

use std::fmt::Write;
use std::time::Duration;

use super::text::{capitalized, code, escaped, unbroken};
use crate::drill::history::{Action, Answer, Operation};
use crate::drill::registers::Violation;
use crate::drill::summary::{Lost, Summary};
use crate::drill::words::{moment, value};
use crate::wording::count;

/// The maximum number of lost writes and violations to list. JSON has all.
const LONGEST: usize = 100;

/// The writes that are lost, or present although they were refused.
pub(super) fn lost(page: &mut String, summary: &Summary) {
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
                unbroken(through.as_str()),
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

/// The violations of linearizability.
pub(super) fn violations(page: &mut String, violations: &[Violation]) {
    for one in violations.iter().take(LONGEST) {
        violation(page, one);
    }
    rest(page, violations.len());
}

/// Says how many more there are.
fn rest(page: &mut String, all: usize) {
    if all > LONGEST {
        let _ = writeln!(
            page,
            "<p>And {} more, which <code>--format json</code> lists.</p>",
            count(all - LONGEST)
        );
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
            unbroken(one.through.as_str()),
            moment(one.begun),
            moment(one.ended),
            from.min(99.5)
        );
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}
