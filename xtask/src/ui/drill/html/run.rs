//! The circumstances of the drills.

use std::fmt::Write;

use super::text::code;
use crate::drill::Drill;
use crate::drill::run::Run;
use crate::drill::words::seconds;
use crate::moment::utc;
use crate::wording::{count, list, many};

pub(super) fn run(page: &mut String, run: &Run, drills: &[Drill]) {
    page.push_str("<dl class=\"run\">\n");
    for (name, text) in lines(run, drills) {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", code(&text));
    }
    page.push_str("</dl>\n");
}

fn lines(run: &Run, drills: &[Drill]) -> Vec<(&'static str, String)> {
    let mut lines = vec![("started", utc(run.started))];
    if let Some(drill) = drills.first() {
        let members = many(drill.members.len(), "member");
        let names = list(&drill.members);
        lines.push((
            "cluster",
            format!(
                "{}: {members} ({names}) with the {} driver",
                drill.cluster, run.driver
            ),
        ));
        lines.push(("etcd", drill.version.to_string()));
    }
    let processors = run.processors.map_or_else(String::new, |processors| {
        format!(", {}", many(processors as usize, "processor"))
    });
    lines.extend([
        (
            "host",
            format!("{}, Linux {}{processors}", run.host, run.kernel),
        ),
        ("xtask", run.xtask.clone()),
        ("command", format!("`{}`", run.command)),
        ("clients", clients(run)),
        (
            "as JSON",
            "`--format json` prints the same results for programs".to_owned(),
        ),
    ]);
    lines
}

fn clients(run: &Run) -> String {
    let rate = count(run.rate as usize);
    let held = run.hold.map_or_else(String::new, |hold| {
        format!("; each fault is held for at least {}", seconds(hold))
    });
    format!("at most {rate} requests per second{held}")
}
