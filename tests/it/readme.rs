//! The README and the documents in `docs/` say what is so. Their tables and the errors that they show are made
//! here; run with UPDATE_EXPECT=1 to bring them up to date.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use camino::Utf8PathBuf;
use clap::CommandFactory;
use test_attribute::test;
use xtask::change::rehearsals::{REHEARSALS, Rehearsal};
use xtask::check::{CHECKS, MACHINE_CHECKS, TLS_CHECKS};
use xtask::cli::Cli;
use xtask::definition::keys;
use xtask::facts::upgrades::{Fact, UPGRADES, UpgradeFact};
use xtask::fault::{Cost, FAULTS};
use xtask::values::DriverName;

use crate::scratch::Scratch;
use crate::support::project;

const BROKEN: &str = include_str!("../golden/readme/broken.toml");

/// The README, the files of `docs/` and the other documents at the top.
fn documents() -> Vec<Utf8PathBuf> {
    let folders = [project(), project().join("docs")];
    let files = folders
        .iter()
        .flat_map(|folder| folder.read_dir_utf8().unwrap());
    let files = files.map(|file| file.unwrap().into_path());
    files
        .filter(|file| file.extension() == Some("md"))
        .collect()
}

#[test]
fn tables_and_errors_in_documents_are_what_the_program_says() {
    let made = [
        ("tasks", tasks()),
        ("keys", keys()),
        ("broken", broken()),
        ("checks", checks()),
        ("faults", faults()),
        ("rehearsals", rehearsals()),
        ("json", json()),
        ("upgrades", upgrades()),
    ];
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for path in documents() {
        let document = fs::read_to_string(&path).unwrap();
        let current = made.iter().fold(document.clone(), |text, (name, made)| {
            match with_section(&text, name, made) {
                Some(current) => {
                    *used.entry(name).or_default() += 1;
                    current
                }
                None => text,
            }
        });
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, current).unwrap();
        } else {
            assert!(
                document == current,
                "{path} is out of date: UPDATE_EXPECT=1 cargo test readme"
            );
        }
    }
    assert_eq!(used, made.iter().map(|(name, _)| (*name, 1)).collect());
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut count = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for (_, rest) in text
            .match_indices("](")
            .map(|(at, _)| text.split_at(at + 2))
        {
            let target = rest.split(')').next().unwrap();
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{path}: {target}");
            if !anchor.is_empty() {
                let headings = fs::read_to_string(&file).unwrap();
                let is_heading = |line: &str| {
                    let heading = line.trim_start_matches('#').trim().to_lowercase();
                    line.starts_with('#') && heading.replace(' ', "-").replace('`', "") == anchor
                };
                assert!(headings.lines().any(is_heading), "{path}: {target}");
            }
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
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
    let tls = TLS_CHECKS.iter().map(|check| (check, " (TLS only)"));
    for (check, whose) in members.chain(tls).chain(machines) {
        let (name, title, why) = (check.name, check.title, check.about.why_in_short());
        let _ = writeln!(table, "| `{name}`{whose} | {title} | {why} |");
    }
    table
}

fn faults() -> String {
    let mut table =
        "| fault | what happens | drivers | what healing cannot restore |\n|---|---|---|---|\n"
            .to_owned();
    for fault in FAULTS {
        let (name, title) = (fault.name, fault.title);
        let drivers: Vec<&str> = fault
            .drivers
            .iter()
            .map(|driver: &DriverName| driver.as_str())
            .collect();
        let drivers = drivers.join(", ");
        let cost = match fault.cost {
            Cost::Nothing => "",
            Cost::History => "the history of all keys (`--yes`)",
            Cost::LatestWrites(_) => "the latest writes (`--yes`)",
            Cost::WritesMeanwhile => "other clients' writes (`--yes`)",
        };
        let _ = writeln!(table, "| `{name}` | {title} | {drivers} | {cost} |");
    }
    table
}

fn upgrades() -> String {
    let mut table = "| from | to | possible | what to know |\n|---|---|---|---|\n".to_owned();
    table += "| any patch | another patch of the same minor release | yes, also backwards | |\n";
    for step in UPGRADES {
        let Fact::Step { from, to } = step.fact else {
            continue;
        };
        let mut notes: Vec<String> = Vec::new();
        let mut possible = "yes".to_owned();
        for row in UPGRADES {
            let why = clause(row);
            match row.fact {
                Fact::Least {
                    version,
                    only_with_v2,
                } if version.minor_release() == from => {
                    let whose = if only_with_v2 {
                        ", if members served the v2 API"
                    } else {
                        ""
                    };
                    notes.push(format!("from {version}{whose}: {why}"));
                }
                Fact::NotWithAuth(minor) if minor == to => {
                    possible = "yes, unless authentication is enabled".to_owned();
                    notes.push(why);
                }
                Fact::OldEntries(minor) if minor == to => {
                    notes.push(format!(
                        "every member saves a snapshot of its log first: {why}"
                    ));
                }
                Fact::Gone { flags, since } if since == to => {
                    notes.push(format!("`{flags}` is gone: {why}"));
                }
                _ => {}
            }
        }
        if !step.why.is_empty() {
            notes.push(step.why.to_owned());
        }
        let guide = format!("[guide]({})", step.source);
        notes.push(guide);
        let (from, to) = (minor(from), minor(to));
        let _ = writeln!(
            table,
            "| {from} | {to} | {possible} | {} |",
            notes.join("; ")
        );
    }
    let mut damaging: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in UPGRADES {
        if let Fact::Damages(version) = row.fact {
            let versions = damaging.entry(clause(row)).or_default();
            versions.push(version.to_string());
        }
    }
    for (why, versions) in damaging {
        let versions = versions.join(", ");
        let _ = writeln!(table, "| any | {versions} | never | {why} |");
    }
    table += "| any | a later minor release than the next | in several steps | |\n";
    table += "| any | the minor release before | until all members have the later one | from 3.6 on also afterwards, \
        by etcd's own downgrade, to a patch that the way up allows |\n";
    table += "| 2.x | any | by hand | |\n";
    table
}

/// The reason of a fact, with a link to its source.
fn clause(row: &UpgradeFact) -> String {
    format!("{} ([source]({}))", row.why, row.source)
}

fn minor((major, minor): (u16, u16)) -> String {
    format!("{major}.{minor}")
}

fn rehearsals() -> String {
    let mut table = "| change | what happens |\n|---|---|\n".to_owned();
    for Rehearsal { name, title, .. } in REHEARSALS {
        let _ = writeln!(table, "| `{name}` | {title} |");
    }
    table
}

/// The paragraphs of the manual pages that describe JSON.
fn json() -> String {
    let mut text = String::new();
    for task in Cli::command().get_subcommands() {
        let help = task.get_after_long_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let paragraphs = help.split("\n\n").map(str::trim_end);
        for paragraph in paragraphs.filter(|paragraph| paragraph.starts_with("JSON")) {
            let (beginning, fields) = paragraph.split_once(": ").unwrap();
            let without = beginning.strip_prefix("JSON").unwrap();
            let _ = writeln!(
                text,
                "`{}`{without}:\n\n```\n{fields}\n```\n",
                task.get_name()
            );
        }
    }
    text
}

fn broken() -> String {
    let scratch = Scratch::with("broken", BROKEN);
    let errors = scratch.run(&["render", "broken"]).expect(3).stderr;
    format!("```toml\n{BROKEN}```\n\n```console\n$ cargo xtask render broken\n{errors}```\n")
}

/// Replaces what stands between a section's two marks; none if the text has no such section.
fn with_section(text: &str, name: &str, section: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{section}{end}{after}"))
}
