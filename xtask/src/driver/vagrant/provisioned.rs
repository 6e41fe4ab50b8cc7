//! The user-data that machines were set up with: `.state/<cluster>/machines/<member>`.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::machine::Machine;
use crate::atomic::{self, cannot_write};
use crate::check;
use crate::plan::Plan;
use crate::render;
use crate::report::{Diagnostic, Outcome};
use crate::values::HostName;
use crate::wording::list_of_words;
use crate::workspace::Home;

/// How many lines of a difference to show. `git` is better for longer ones.
const MOST: usize = 6;

/// Records the user-data that a machine was just set up with.
pub(super) fn note(home: &Home, plan: &Plan, member: &HostName) -> Outcome<()> {
    let path = file(home, member);
    atomic::replace(&path, &render::user_data(plan)).map_err(|error| {
        cannot_write(
            &path,
            &error,
            "it records the user-data that the machine was set up with",
        )
    })
}

/// Forgets the user-data of a machine that was destroyed.
pub(super) fn forget(home: &Home, member: &HostName) -> Outcome<()> {
    let why = "it records the user-data of a machine that was destroyed";
    remove(&file(home, member), why)?;
    was_booted(home, member)
}

/// Records that a machine has user-data which it has not read yet, because it does so when it boots.
pub(super) fn is_to_boot(home: &Home, member: &HostName) -> Outcome<()> {
    let path = boot_file(home, member);
    atomic::replace(&path, "").map_err(|error| cannot_write(&path, &error, NOT_READ))
}

/// Records that a machine was booted with the user-data that it has.
pub(super) fn was_booted(home: &Home, member: &HostName) -> Outcome<()> {
    remove(&boot_file(home, member), NOT_READ)
}

/// Whether a machine has read the user-data that it has.
pub(super) fn is_read(home: &Home, member: &HostName) -> bool {
    !boot_file(home, member).exists()
}

const NOT_READ: &str = "it records that the machine has to boot to read its user-data";

fn remove(path: &Utf8Path, why: &str) -> Outcome<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(cannot_write(path, &error, why))
        }
        _ => Ok(()),
    }
}

fn boot_file(home: &Home, member: &HostName) -> Utf8PathBuf {
    home.folder().join("to-boot").join(member.as_str())
}

/// Whether a machine is known to have received its user-data.
pub(super) fn is_noted(home: &Home, member: &HostName) -> bool {
    file(home, member).is_file()
}

/// A warning that machines were set up with other user-data than the plan renders to now, with the
/// differences.
pub(super) fn outdated(home: &Home, plan: &Plan) -> Option<Diagnostic> {
    let now = render::user_data(plan);
    let members = plan.members.iter().map(|member| &member.name);
    let outdated: Vec<(&HostName, String)> = members
        .filter(|member| Machine::of(home, member).is_made())
        .filter_map(|member| Some((member, fs::read_to_string(file(home, member)).ok()?)))
        .filter(|(_, then)| *then != now)
        .collect();
    let (first, then) = outdated.first()?;
    let mut warning = Diagnostic::warning(format!(
        "{} {} set up with user-data that the definition no longer renders",
        list_of_words(outdated.iter().map(|(name, _)| name)),
        if outdated.len() == 1 { "was" } else { "were" }
    ));
    for (what, lines) in [
        ("has", lines_only_in(then, &now)),
        ("lacks", lines_only_in(&now, then)),
    ] {
        for line in lines.iter().take(MOST) {
            warning = warning.note(format!("it {what} `{line}`"));
        }
        if let Some(more @ 1..) = lines.len().checked_sub(MOST) {
            warning = warning.note(format!(
                "and {what} {more} more such {}",
                if more == 1 { "line" } else { "lines" }
            ));
        }
    }
    Some(
        warning
            .note(
                "a machine reads its user-data when it is created; `down` and `up` do not change it",
            )
            .hint(check::hint_to_provision(plan, first, outdated.len() == 1)),
    )
}

fn lines_only_in<'a>(these: &'a str, those: &str) -> Vec<&'a str> {
    let those: Vec<&str> = those.lines().collect();
    let these = these.lines().filter(|line| !those.contains(line));
    // A continued line of a shell script ends in a backslash.
    these
        .map(|line| line.trim().trim_end_matches('\\').trim_end())
        .collect()
}

fn file(home: &Home, member: &HostName) -> Utf8PathBuf {
    home.folder().join("machines").join(member.as_str())
}
