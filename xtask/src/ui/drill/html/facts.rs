//! The facts and the events of one drill.

use std::fmt::Write;

use super::text::code;
use crate::drill::words::moment;
use crate::drill::{Drill, Event};
use crate::ui::drill::{Fact, Requirement};

pub(super) fn fact_table(page: &mut String, facts: &[Fact]) {
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

pub(super) fn moments(page: &mut String, drill: &Drill) {
    page.push_str("<details>\n<summary>What happened when</summary>\n<table class=\"list\">\n<thead><tr><th scope=\"col\" class=\"number\">at</th><th scope=\"col\">what</th></tr></thead>\n<tbody>\n");
    for one in &drill.moments {
        let what = match &one.event {
            Event::BackedUp => "the backup is complete".to_owned(),
            Event::Injecting => "injection begins".to_owned(),
            Event::Injected => "the fault is injected".to_owned(),
            Event::NewLeader { leader, term } => format!("{leader} is the leader in term {term}"),
            Event::Found => "`verify` reports what was expected".to_owned(),
            Event::Healing => "healing begins".to_owned(),
            Event::Restored => "the data of all members is replaced".to_owned(),
            Event::Healed => "the fault is healed".to_owned(),
            Event::Healthy => "`verify` finds nothing wrong".to_owned(),
            Event::Changing => "the change begins".to_owned(),
            Event::Step { what, .. } => what.clone(),
            Event::Changed => "the change is complete".to_owned(),
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
