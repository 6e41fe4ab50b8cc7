//! The README says what is so. Its tables and the errors that it shows are made here; run with
//! UPDATE_EXPECT=1 to bring them up to date.

use std::fmt::Write;
use std::fs;

use clap::CommandFactory;
use test_attribute::test;
use xtask::check::{CHECKS, MACHINE_CHECKS};
use xtask::cli::Cli;
use xtask::definition::keys;

use crate::scratch::Scratch;
use crate::support::project;

const BROKEN: &str = include_str!("../golden/readme/broken.toml");

#[test]
fn its_tables_and_errors_are_what_the_program_says() {
    let path = project().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let made = [
        ("tasks", tasks()),
        ("keys", keys()),
        ("broken", broken()),
        ("checks", checks()),
    ];
    let current = made.iter().fold(readme.clone(), |text, (name, made)| {
        with_section(&text, name, made)
    });
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, current).unwrap();
    } else {
        assert!(
            readme == current,
            "README.md is out of date: UPDATE_EXPECT=1 cargo test readme"
        );
    }
}

fn tasks() -> String {
    let mut table = "| task | does |\n|---|---|\n".to_owned();
    for task in Cli::command().get_subcommands() {
        let about = task.get_about().unwrap();
        let _ = writeln!(table, "| `{}` | {about} |", task.get_name());
    }
    table
}

fn keys() -> String {
    let mut table = "| key | default | |\n|---|---|---|\n".to_owned();
    for key in keys::keys() {
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", key.default)
        };
        let _ = writeln!(table, "| `{}` | {default} | {} |", key.path, key.doc);
    }
    table
}

fn checks() -> String {
    let mut table = "| check | passes if | why it matters |\n|---|---|---|\n".to_owned();
    let members = CHECKS.iter().map(|check| (check, ""));
    let machines = MACHINE_CHECKS
        .iter()
        .map(|check| (check, " (machines only)"));
    for (check, whose) in members.chain(machines) {
        let (name, title, why) = (check.name, check.title, check.about.why_in_short());
        let _ = writeln!(table, "| `{name}`{whose} | {title} | {why} |");
    }
    table
}

fn broken() -> String {
    let scratch = Scratch::with("broken", BROKEN);
    let errors = scratch.run(&["render", "broken"]).expect(3).stderr;
    format!("```toml\n{BROKEN}```\n\n```console\n$ cargo xtask render broken\n{errors}```\n")
}

/// Replaces what stands between a section's two marks.
fn with_section(text: &str, name: &str, section: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}{section}{end}{after}")
}
