//! The layers of the design, and what no file of this project may hold. Every finding is named as
//! `file:line`, with the reason.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use test_attribute::test;

use crate::scratch::Ran;
use crate::support::project;

/// Modules that are data and judgement alone: the same input gives the same output, wherever and
/// whenever, so that they can be tested by values.
const PURE: &[&str] = &[
    "advice",
    "check",
    "definition",
    "doctor",
    "drill",
    "elections",
    "etcd_releases",
    "hint",
    "host",
    "observation",
    "plan",
    "profile",
    "render",
    "report",
    "steps",
    "values",
];

/// Who must not name what.
struct Rule {
    /// Modules, with everything below them.
    modules: &'static [&'static str],
    /// Modules that may all the same.
    except: &'static [&'static str],
    /// Paths, with everything below them.
    never: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        modules: PURE,
        except: &[],
        never: &[
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "xshell",
            "nix",
            "minreq",
        ],
        why: "the pure middle knows no files, environment or processes: take it as an argument",
    },
    Rule {
        modules: PURE,
        except: &[],
        never: &["std::time::Instant", "std::time::SystemTime"],
        why: "the pure middle knows no clock: take the time as an argument",
    },
    Rule {
        modules: PURE,
        except: &[],
        never: &[
            "crate::artifact",
            "crate::atomic",
            "crate::commands",
            "crate::driver",
            "crate::etcd",
            "crate::look_at_host",
            "crate::process",
            "crate::state",
            "crate::ui",
            "crate::workspace",
        ],
        why: "the pure middle returns data; what surrounds it carries that out or prints it",
    },
    Rule {
        modules: &["driver"],
        except: &[],
        never: &["crate::definition"],
        why: "drivers know plans: whatever they need of a definition belongs into the plan",
    },
    Rule {
        modules: &[""],
        except: &["cli", "commands"],
        never: &["crate::commands"],
        why: "commands connect the layers below them; what two of them share belongs below",
    },
    Rule {
        modules: &[""],
        except: &["process"],
        never: &[
            "std::process::Child",
            "std::process::Command",
            "std::process::Stdio",
            "std::os::unix::process",
        ],
        why: "only `process` runs programs: with a deadline, a group and a command line to paste",
    },
];

#[test]
fn layers_are_kept() {
    let source = project().join("xtask/src");
    let mut findings = Vec::new();
    for path in files_below(&source) {
        let module = module_of(path.strip_prefix(&source).unwrap());
        let text = fs::read_to_string(&path).unwrap();
        findings.extend(
            broken_rules(&module, &text)
                .into_iter()
                .map(|(line, finding)| {
                    format!(
                        "{}:{line}: {finding}",
                        path.strip_prefix(project()).unwrap()
                    )
                }),
        );
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn the_rules_see_through_every_way_to_name_a_thing() {
    let broken = |module, text| broken_rules(module, text).len();
    assert_eq!(broken("plan", "use std::fs;"), 1);
    assert_eq!(
        broken(
            "plan::flags",
            "use std::{\n    fmt,\n    fs::{self, File},\n};"
        ),
        2
    );
    assert_eq!(
        broken("plan", "fn f() { let _ = ::std::env::var(\"X\"); }"),
        1
    );
    assert_eq!(
        broken("plan", "use crate::{report::Label, ui as printing};"),
        1
    );
    assert_eq!(broken("plan::flags", "use super::super::process::run;"), 1);
    assert_eq!(broken("check", "use std::time::{Duration, Instant};"), 1);
    assert_eq!(broken("check", "use std::time::Duration;"), 0);
    assert_eq!(
        broken(
            "driver::local",
            "fn f(d: &crate::definition::Definition) {}"
        ),
        1
    );
    assert_eq!(broken("etcd", "use crate::commands::up;"), 1);
    assert_eq!(
        broken("ui", "fn f() { std::process::Command::new(\"ls\"); }"),
        1
    );
    assert_eq!(broken("ui", "use clap::Command;"), 0);
    // What only looks like it.
    assert_eq!(
        broken("plan", "// use std::fs;\n/* std::env /* std::fs */ */"),
        0
    );
    assert_eq!(
        broken("plan", "const A: &str = \"std::fs \\\" std::env\";"),
        0
    );
    assert_eq!(
        broken("plan", "const A: &str = r#\"use std::fs; \" std::env\"#;"),
        0
    );
    assert_eq!(
        broken("plan", "const A: [char; 2] = ['\"', '\\'']; fn f<'a>() {}"),
        0
    );
    assert_eq!(broken("plan", "use crate::observation::process_of;"), 0);
    let (line, finding) = broken_rules("plan", "\n\n// a\nuse std::fs;").remove(0);
    assert_eq!(line, 4);
    assert!(
        finding.starts_with("`std::fs`: the pure middle"),
        "{finding}"
    );
}

#[test]
fn every_pure_module_is_there() {
    let source = project().join("xtask/src");
    for module in PURE {
        let there = [format!("{module}.rs"), format!("{module}/mod.rs")]
            .iter()
            .any(|path| source.join(path).is_file());
        assert!(
            there,
            "`{module}` is gone: take it from the list of pure modules"
        );
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
    for path in files_below(&project().join("xtask/src")) {
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
        "ls ", "mv ", "ps ", "rm ", "sudo ", "unset ", "vagrant ", "virsh ", "{up}",
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
                    '"' => quoted(rest, '"'),
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
        ".cargo",
        ".ci",
        "README.md",
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

#[test]
fn every_definition_is_rendered_as_it_is_now() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["render", "--check"])
        .current_dir(project())
        .output()
        .unwrap();
    Ran::from(output).expect(0);
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

/// `plan/flags.rs` is `plan::flags`, `plan/mod.rs` is `plan`, `lib.rs` is the root.
fn module_of(path: &Utf8Path) -> String {
    let path = path.with_extension("");
    let parts: Vec<&str> = path.iter().filter(|part| *part != "mod").collect();
    match parts.as_slice() {
        ["lib" | "main"] => String::new(),
        parts => parts.join("::"),
    }
}

/// The lines of a module that break a rule, and how.
fn broken_rules(module: &str, text: &str) -> Vec<(usize, String)> {
    let mut findings = Vec::new();
    for (line, path) in paths_in(module, text) {
        for rule in RULES {
            let concerned = rule.modules.iter().any(|prefix| is_below(module, prefix))
                && !rule.except.iter().any(|prefix| is_below(module, prefix));
            if concerned && rule.never.iter().any(|never| is_below(&path, never)) {
                findings.push((line, format!("`{path}`: {}", rule.why)));
            }
        }
    }
    findings
}

fn is_below(path: &str, prefix: &str) -> bool {
    prefix.is_empty()
        || path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path of two or more names in a module, in `use` and elsewhere, from the root and with its
/// line. A path that begins with an imported name is not followed: its import is a path itself.
fn paths_in(module: &str, text: &str) -> Vec<(usize, String)> {
    let tokens = tokens_of(text);
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = tokens[at].is_name() || (tokens[at].text == "::" && starts_path(&tokens, at));
        if begins {
            at = tree(&tokens, at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
        .into_iter()
        .filter(|(_, path)| path.len() > 1)
        .map(|(line, path)| (line, from_root(module, &path)))
        .collect()
}

/// `::std` is the start of a path; `Vec::<u8>::new` has no start at its second `::`.
fn starts_path(tokens: &[Token<'_>], at: usize) -> bool {
    at == 0 || !(tokens[at - 1].is_name() || tokens[at - 1].text == ">")
}

/// Reads a path, with all branches of its braces, and returns where it ends.
fn tree<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    prefix: &[&'a str],
    paths: &mut Vec<(usize, Vec<&'a str>)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut path = prefix.to_vec();
    let line = tokens[at].line;
    if text(at) == "::" {
        at += 1;
    }
    while tokens.get(at).is_some_and(Token::is_name) {
        if text(at) != "self" || path.is_empty() {
            path.push(text(at));
        }
        at += 1;
        if text(at) != "::" {
            break;
        }
        at += 1;
    }
    if text(at) == "{" && text(at.wrapping_sub(1)) == "::" {
        at += 1;
        while at < tokens.len() && text(at) != "}" {
            let branch = tokens[at].is_name() || text(at) == "::";
            at = if branch {
                tree(tokens, at, &path, paths)
            } else {
                at + 1
            };
            if text(at) == "as" {
                at += 2;
            }
        }
        return at + 1;
    }
    paths.push((line, path));
    at
}

fn from_root(module: &str, path: &[&str]) -> String {
    let mut own: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let mut names = path;
    if !matches!(path[0], "self" | "super") {
        return path.join("::");
    }
    while let [first @ ("self" | "super"), rest @ ..] = names {
        if *first == "super" {
            own.pop();
        }
        names = rest;
    }
    [&["crate"], own.as_slice(), names].concat().join("::")
}

struct Token<'a> {
    line: usize,
    text: &'a str,
}

impl Token<'_> {
    fn is_name(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
            && self.text != "as"
    }
}

/// The tokens of Rust source, without comments, texts and characters.
fn tokens_of(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some(length) = raw_text(rest) {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            character(rest)
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            end.unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (text, after) = rest.split_at(length);
        let is_text = raw_text(rest).is_some() || text.starts_with(['"', '\'']);
        let is_comment = text.starts_with("//") || text.starts_with("/*");
        if !is_text && !is_comment && !first.is_whitespace() {
            let line = source[..source.len() - rest.len()].matches('\n').count() + 1;
            tokens.push(Token { line, text });
        }
        rest = after;
    }
    tokens
}

fn comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a text as `r"…"`, `r#"…"#`, `br##"…"##`.
fn raw_text(text: &str) -> Option<usize> {
    let prefix = text
        .find('r')
        .filter(|at| ["", "b", "c"].contains(&&text[..*at]))?
        + 1;
    let hashes = text[prefix..].chars().take_while(|c| *c == '#').count();
    let body = prefix + hashes + 1;
    text[prefix + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(
        text[body..]
            .find(&end)
            .map_or(text.len(), |at| body + at + end.len()),
    )
}

/// The length of a text up to its closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a character; of a lifetime, that of its tick.
fn character(text: &str) -> usize {
    let mut characters = text.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => quoted(text, '\''),
        (Some(c), Some('\'')) => c.len_utf8() + 2,
        _ => 1,
    }
}
