//! What machines were handed as their user-data when they were made: `.state/<cluster>/machines/<member>`.

use std::fs;

use camino::Utf8PathBuf;

use super::machine::Machine;
use crate::atomic;
use crate::check;
use crate::plan::Plan;
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::HostName;
use crate::workspace::Home;

/// How many lines of a difference are shown. What is longer, `git` shows better.
const MOST: usize = 6;

/// Notes what a machine was handed just now.
pub(super) fn note(home: &Home, plan: &Plan, member: &HostName) -> Outcome<()> {
    let path = file(home, member);
    atomic::replace(&path, &render::user_data(plan)).map_err(|error| {
        Failure::host(
            Diagnostic::error(format!("cannot write `{path}`: {error}"))
                .note("without it, no later task can tell what the machine was set up with")
                .hint("see who may write there, and whether its disk has room"),
        )
    })
}

/// Whether a machine is known to have been handed its user-data.
pub(super) fn is_noted(home: &Home, member: &HostName) -> bool {
    file(home, member).is_file()
}

/// That machines were handed something else than the plan renders to now, and how it differs.
pub(super) fn outdated(home: &Home, plan: &Plan) -> Option<Diagnostic> {
    let now = render::user_data(plan);
    let members = plan.members.iter().map(|member| &member.name);
    let outdated: Vec<(&HostName, String)> = members
        .filter(|member| Machine::of(home, member).is_made())
        .filter_map(|member| Some((member, fs::read_to_string(file(home, member)).ok()?)))
        .filter(|(_, then)| *then != now)
        .collect();
    let (first, then) = outdated.first()?;
    let names: Vec<String> = outdated
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let mut warning = Diagnostic::warning(format!(
        "{} {} set up with other user-data than the definition renders to now",
        names.join(", "),
        if names.len() == 1 { "was" } else { "were" }
    ));
    for (what, lines) in [
        ("has", lines_only_in(then, &now)),
        ("lacks", lines_only_in(&now, then)),
    ] {
        for line in lines.iter().take(MOST) {
            warning = warning.note(format!("it {what} `{line}`"));
        }
        if let Some(more @ 1..) = lines.len().checked_sub(MOST) {
            warning = warning.note(format!("and {what} {more} more such lines"));
        }
    }
    Some(
        warning
            .note(
                "a machine reads its user-data when it is made; `down` and `up` leave it as it is",
            )
            .hint(check::hint_to_provision(plan, first, outdated.len() == 1)),
    )
}

fn lines_only_in<'a>(these: &'a str, those: &str) -> Vec<&'a str> {
    let those: Vec<&str> = those.lines().collect();
    let these = these.lines().filter(|line| !those.contains(line));
    // A line of a shell script that goes on ends in this.
    these
        .map(|line| line.trim().trim_end_matches('\\').trim_end())
        .collect()
}

fn file(home: &Home, member: &HostName) -> Utf8PathBuf {
    home.folder().join("machines").join(member.as_str())
}
