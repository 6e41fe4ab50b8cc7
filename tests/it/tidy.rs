//! The layers of the design, and what no file of this project may hold. Every finding is named as
//! `file:line`, with the reason.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use test_attribute::test;

use crate::support::project;

/// Where something must not be named.
struct Rule {
    /// Folders and files, from the root of the checkout.
    places: &'static [&'static str],
    /// Those among them where it may be all the same.
    except: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

/// What the crates' dependencies on each other leave open.
const RULES: &[Rule] = &[
    Rule {
        places: &["xtask/model/src"],
        except: &[],
        never: &[
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "std::os",
            "std::io",
            "TcpListener",
            "TcpStream",
            "UdpSocket",
            "Instant",
            "SystemTime",
            "println!",
            "print!",
        ],
        why: "the model knows no files, processes or clocks: take it as an argument",
    },
    Rule {
        places: &["xtask/src/driver"],
        except: &[],
        never: &["crate::definition", "model::definition"],
        why: "drivers know plans: whatever they need of a definition belongs into the plan",
    },
    Rule {
        places: &["xtask/src"],
        except: &["xtask/src/cli", "xtask/src/cli.rs", "xtask/src/commands"],
        never: &["crate::commands"],
        why: "commands are on top; what two of them share belongs into `lifecycle`",
    },
    Rule {
        places: &["xtask/src"],
        except: &["xtask/src/commands", "xtask/src/lifecycle"],
        never: &["crate::lifecycle"],
        why: "what is done to a cluster as a whole is above what is done to its members",
    },
    Rule {
        places: &["xtask/src"],
        except: &[
            "xtask/src/cli.rs",
            "xtask/src/commands",
            "xtask/src/main.rs",
        ],
        never: &["Exit::"],
        why: "exit statuses are chosen by commands: fail with a kind of failure",
    },
    Rule {
        places: &["xtask/src"],
        except: &["xtask/src/main.rs"],
        never: &["Ui::new()"],
        why: "there is one `Ui`, which is handed down",
    },
    Rule {
        places: &["xtask/src"],
        except: &["xtask/src/process", "xtask/src/process.rs"],
        never: &[
            "process::Child",
            "process::Command",
            "process::Stdio",
            "use std::process::{",
            "std::os::unix::process",
        ],
        why: "only `process` runs programs: with a deadline, a group and a command line to paste",
    },
    Rule {
        places: &["xtask"],
        except: &[],
        never: &["use std::{", "use crate::{"],
        why: "an import names its module in one piece, so that the rules above see it",
    },
];

#[test]
fn layers_are_kept() {
    let mut findings = Vec::new();
    for rule in RULES {
        let files = rule.places.iter().flat_map(|place| {
            let files = files_below(&project().join(place));
            assert!(!files.is_empty(), "`{place}` is gone: mend the rule");
            files
        });
        for path in files {
            let path = path.strip_prefix(project()).unwrap();
            if rule.except.iter().any(|except| path.starts_with(except)) {
                continue;
            }
            let text = fs::read_to_string(project().join(path)).unwrap();
            findings.extend(
                broken(rule, &text)
                    .into_iter()
                    .map(|(line, never)| format!("{path}:{line}: `{never}`: {}", rule.why)),
            );
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// The lines that name what this rule forbids, and what that is. Comments may.
fn broken(rule: &Rule, text: &str) -> Vec<(usize, &'static str)> {
    let lines = text.lines().zip(1..);
    let code = lines.filter(|(line, _)| !line.trim_start().starts_with("//"));
    code.filter_map(|(line, number)| {
        let never = rule.never.iter().find(|never| line.contains(**never))?;
        Some((number, *never))
    })
    .collect()
}

#[test]
fn what_no_layer_may_name_is_seen() {
    let broken = |rule: usize, text| broken(&RULES[rule], text).len();
    assert_eq!(broken(0, "use std::fs;\nuse std::fs::{self, File};"), 2);
    assert_eq!(broken(0, "    let _ = ::std::env::var(\"X\");"), 1);
    assert_eq!(broken(0, "use std::time::{Duration, Instant};"), 1);
    assert_eq!(broken(0, "use std::time::Duration;\n// std::fs"), 0);
    assert_eq!(broken(2, "use crate::commands::up;"), 1);
    assert_eq!(broken(3, "use crate::lifecycle::open;"), 1);
    assert_eq!(broken(6, "std::process::Command::new(\"ls\");"), 1);
    assert_eq!(broken(6, "use clap::Command;\nstd::process::id();"), 0);
    assert_eq!(broken(7, "use crate::{report, ui};"), 1);
}

#[test]
fn commands_import_no_other_command() {
    let folder = project().join("xtask/src/commands");
    let commands = files_below(&folder).into_iter();
    for path in commands.filter(|path| path.parent() == Some(&*folder)) {
        let text = fs::read_to_string(&path).unwrap();
        for import in text.lines().filter(|line| line.contains("use super::")) {
            let names = import.trim_start_matches("use super::");
            let module = names
                .split([',', ' ', '{', '}', ';'])
                .find(|name| folder.join(format!("{name}.rs")).is_file());
            assert_eq!(module, None, "{path}: {import}");
        }
    }
}

#[test]
fn only_the_artifact_module_writes_rendered_files() {
    let source = project().join("xtask/src");
    for path in files_below(&source) {
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().position(|line| line.contains(".vagrant()"));
        let own = ["artifact.rs", "workspace.rs"].contains(&path.file_name().unwrap());
        assert!(
            line.is_none() || own,
            "{path}:{}: rendered files are written and compared by `artifact` alone",
            line.unwrap_or_default() + 1
        );
    }
}

#[test]
fn texts_of_hints_hold_no_commands() {
    let mut findings = Vec::new();
    for path in files_below(&project().join("xtask")) {
        let source = fs::read_to_string(&path).unwrap();
        for (line, text) in commands_in_hints(&source) {
            let path = path.strip_prefix(project()).unwrap();
            findings.push(format!(
                "{path}:{line}: {text} names a command: give it to the hint as one"
            ));
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn commands_in_texts_of_hints_are_seen() {
    let count = |source| commands_in_hints(source).len();
    assert_eq!(count(r#"d.hint("start it: `cargo xtask up`")"#), 1);
    assert_eq!(count(r#"d.hint(format!("or `kill {id}`"))"#), 1);
    assert_eq!(count(r#"let hint = "see: ls -l it";"#), 1);
    assert_eq!(count(r#"Hint::says("`sudo reboot` helps")"#), 1);
    assert_eq!(count(r#"say("hint: `cargo xtask up` helps")"#), 1);
    assert_eq!(count(r#"Hint::heals("start it", ["cargo xtask up"])"#), 0);
    assert_eq!(count(r#"d.hint("write `members = 3`").note("`kill`")"#), 0);
}

/// The texts in hints that name a command as it is typed, with their lines: what commands are given as has
/// no quotes of its own.
fn commands_in_hints(source: &str) -> Vec<(usize, String)> {
    const PROGRAMS: &[&str] = &[
        "VAGRANT_", "cargo ", "cd ", "df ", "etcd", "eval ", "export ", "git ", "ip ", "kill ",
        "e=", "ls ", "mv ", "ps ", "rm ", "sudo ", "unset ", "vagrant ", "virsh ", "{up}",
    ];
    let names_command = |text: &str| {
        let typed = |quote: &str| {
            let mut found = PROGRAMS.iter();
            found.any(|program| text.contains(&format!("{quote}{program}")))
        };
        // `etcd` and `etcdctl` alone are files.
        let text_of_files = text.contains("`etcd`") || text.contains("`etcdctl`");
        (typed("`") && !text_of_files) || typed(": ") || text.contains("`{}`")
    };
    let mut findings = Vec::new();
    for start in [".hint(", "Hint::", "hint = ", "\"hint: "] {
        for (at, _) in source.match_indices(start) {
            let mut depth = 0;
            let mut rest = &source[at..];
            while let Some(first) = rest.chars().next() {
                let length = match first {
                    '"' => quoted(rest),
                    _ => first.len_utf8(),
                };
                let (token, after) = rest.split_at(length);
                match first {
                    '"' if names_command(token) => {
                        let line = source[..source.len() - rest.len()].matches('\n').count() + 1;
                        findings.push((line, token.to_owned()));
                    }
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                if first == ';' || depth < 0 || (first == ')' && depth == 0) {
                    break;
                }
                rest = after;
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

#[test]
fn the_main_function_stays_thin() {
    let text = fs::read_to_string(project().join("xtask/src/main.rs")).unwrap();
    let lines = text.lines().count();
    assert!(
        lines < 60,
        "xtask/src/main.rs:{lines}: what it does belongs into the library"
    );
}

#[test]
fn nothing_is_left_to_do_and_nothing_tells_of_the_machine_it_was_written_on() {
    // Put together here, so that this file does not hold them itself.
    let unfinished = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let folders = ["root", "home", "work", "Users"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for path in [
        "xtask",
        "tests",
        "cluster",
        "vagrant",
        "docs",
        ".cargo",
        ".ci",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    ] {
        for path in files_below(&project().join(path)) {
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            for (number, line) in text.lines().enumerate() {
                let place = format!("{}:{}", path.strip_prefix(project()).unwrap(), number + 1);
                for word in unfinished.iter().filter(|word| line.contains(*word)) {
                    findings.push(format!("{place}: `{word}` is not for keeps"));
                }
                for folder in folders.iter().filter(|folder| names_folder(line, folder)) {
                    findings.push(format!("{place}: `{folder}` is some machine's folder"));
                }
            }
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// A folder at the start of a path, not in the middle of one or of a URL.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-~})*$%".contains(c))
    })
}

/// Every file in a folder and below, or the file itself, in a fixed order.
fn files_below(path: &Utf8Path) -> Vec<Utf8PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = path.read_dir_utf8().into_iter().flatten();
    let mut paths: Vec<Utf8PathBuf> = entries.map(|entry| entry.unwrap().into_path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| files_below(path)).collect()
}

/// The length of a text up to its closing quote.
fn quoted(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == '"' {
            return at + 1;
        }
    }
    text.len()
}
