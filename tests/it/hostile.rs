//! Hostile values: either no type takes them, or they come out of every rendered file exactly as
//! they went in. Many cases go through each process of a real reader at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use test_attribute::test;
use xtask::definition;
use xtask::plan::Plan;
use xtask::plan::flags::{InitialState, MemberFlags, flags, words};
use xtask::render;
use xtask::render::quote::{ruby, shell, systemd, yaml};
use xtask::report::{Severity, Source};

use crate::render_read::SystemdRoot;
use crate::scratch::Scratch;
use crate::support::{pipe, read_ruby_globals, read_yaml_1_1, require_tool};

/// Texts that mean something to at least one of the languages.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "'",
    "\"",
    "\\",
    "`id`",
    "$(id)",
    "${x}",
    "$x",
    "$$",
    "$",
    "#{1+1}",
    "#$0",
    "#@x",
    "%h",
    "%%",
    "%",
    "\n",
    "\r\n",
    "\t",
    "\r",
    "a\nb\n",
    "\n\n",
    " lead\nx\n",
    "trail \nx\n",
    "$private_ipv4",
    "$public_ipv4",
    "\\$private_ipv4",
    "${private_ipv4}",
    "on",
    "off",
    "yes",
    "No",
    "y",
    "N",
    "null",
    "~",
    "true",
    "12:30",
    "2001-01-01",
    "0755",
    "1_000",
    "0x1f",
    "1e3",
    ".5",
    "-",
    "--",
    "- a",
    "?",
    ": ",
    "a: b",
    " #c",
    "#c",
    "&a",
    "*a",
    "!x",
    "|",
    ">",
    "@",
    "=",
    "<<",
    "{",
    "}",
    "[",
    "]",
    ",",
    "---",
    "...",
    ";",
    "&",
    "|",
    "&&",
    "<",
    "*",
    "~root",
    "!",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "☃",
    "🦀",
    "\u{202e}",
    "\u{7f}",
    "\u{1b}[31m",
    "__END__",
    "=begin",
    "EOF",
    "\\n",
    "\\x41",
    "-name",
    "--name=x",
];

fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(HOSTILE).prop_map(str::to_owned),
        2 => "[a-z0-9 ._/:-]{0,6}",
        1 => any::<char>().prop_map(String::from),
    ];
    let mixed = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    // No program can be handed a NUL.
    mixed.prop_map(|text| text.replace('\0', ""))
}

/// Every hostile text alone, and many mixed ones.
fn texts(mixed: usize) -> Vec<String> {
    let mut runner = TestRunner::default();
    let strategy = hostile_text();
    let mixed = (0..mixed).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    HOSTILE
        .iter()
        .map(ToString::to_string)
        .chain(mixed)
        .collect()
}

/// Compares one by one, so that a failure shows the text and not the whole batch.
#[track_caller]
fn assert_same(went_in: &[String], came_out: &[String]) {
    for (went_in, came_out) in went_in.iter().zip(came_out) {
        assert_eq!(went_in, came_out);
    }
    assert_eq!(went_in.len(), came_out.len());
}

#[test]
fn shells_read_back_any_text() {
    let texts = texts(500);
    let mut script = String::from("printf '%s\\0'");
    for text in &texts {
        let word = shell::word(text);
        for replaced in ["$private_ipv4", "$public_ipv4"] {
            assert!(!word.contains(replaced), "{word}");
        }
        let _ = write!(script, " \\\n{word}");
    }
    for program in ["sh", "bash"] {
        require_tool(program, program);
        let printed = pipe(&mut Command::new(program), &script);
        let back: Vec<String> = printed
            .strip_suffix('\0')
            .unwrap()
            .split('\0')
            .map(str::to_owned)
            .collect();
        assert_same(&texts, &back);
    }
}

#[test]
fn ruby_reads_back_any_text() {
    let texts = texts(500);
    let literals: Vec<String> = texts.iter().map(|text| ruby::string(text)).collect();
    let program = format!("$texts = [\n{}\n]\n", literals.join(",\n"));
    assert!(program.is_ascii());
    let globals = &read_ruby_globals(&[&program])[0];
    assert_same(&texts, &strings(&globals["texts"]));
}

#[test]
fn yaml_1_1_reads_back_any_text_in_any_place() {
    let texts = texts(300);
    let list: Vec<serde_yaml::Value> = texts.iter().map(|text| text.as_str().into()).collect();
    let nested: Vec<serde_yaml::Value> = texts
        .iter()
        .map(|text| {
            yaml::mapping([
                ("first", text.as_str().into()),
                ("second", text.as_str().into()),
            ])
        })
        .collect();
    let inner = yaml::mapping([("list", list.clone().into()), ("nested", nested.into())]);
    let document = yaml::document(&yaml::mapping([("outer", inner), ("list", list.into())]));
    let read = &read_yaml_1_1(&[&document])[0];
    assert_same(&texts, &strings(&read["list"]));
    assert_same(&texts, &strings(&read["outer"]["list"]));
    for place in ["first", "second"] {
        let back: Vec<String> = read["outer"]["nested"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry[place].as_str().unwrap_or("not a text").to_owned())
            .collect();
        assert_same(&texts, &back);
    }
    let modern: Value = serde_yaml::from_str(&document).unwrap();
    assert_eq!(&modern, read);
}

#[test]
fn systemd_reads_back_any_text_in_namespaces() {
    // What systemd refuses in any spelling: it drops the whole line then.
    let refused = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\t');
    let texts: Vec<String> = texts(300)
        .into_iter()
        .filter(|text| !text.contains(refused))
        .collect();
    let mut unit = String::from("[Service]\nExecStart=/bin/true");
    for text in &texts {
        let _ = write!(unit, " \\\n  \"{}\"", systemd::command(text));
    }
    unit.push('\n');
    for (index, text) in texts.iter().enumerate() {
        let assignment = systemd::assignment(text);
        assert!(!assignment.contains("$private_ipv4"), "{assignment}");
        let _ = writeln!(unit, "Environment=\"V{index}={assignment}\"");
    }
    let root = SystemdRoot::new("hostile");
    root.add("hostile.service", &unit);
    let dump = root.dump("hostile.service");
    let commands = crate::systemd::command_lines(&dump);
    // `$$` is the spelling of `$` that systemd itself takes apart only when it starts the program.
    let back: Vec<String> = commands[0][1..]
        .iter()
        .map(|word| word.replace("$$", "$"))
        .collect();
    assert_same(&texts, &back);
    let back: Vec<String> = crate::systemd::environment(&dump)
        .iter()
        .map(|assignment| assignment.split_once('=').unwrap().1.to_owned())
        .collect();
    assert_same(&texts, &back);
}

/// Definitions with a hostile or an unusual value for every key that takes text. Most are refused;
/// what passes goes through the whole renderer, to real readers, and is compared with the plan.
#[test]
fn what_a_definition_may_say_comes_out_as_it_went_in() {
    let (plans, refused) = plans(500);
    // Both sides of the promise have to be tried for this to mean anything.
    assert!(plans.len() > 60, "only {} passed", plans.len());
    assert!(refused > 100, "only {refused} were refused");
    let rendered: Vec<BTreeMap<String, String>> = plans
        .iter()
        .map(|plan| {
            render::render(plan)
                .into_iter()
                .map(|file| (file.path.file_name().unwrap().to_owned(), file.text))
                .collect()
        })
        .collect();

    let programs: Vec<&str> = rendered
        .iter()
        .map(|files| files["config.rb"].as_str())
        .collect();
    for (plan, globals) in plans.iter().zip(read_ruby_globals(&programs)) {
        let folders: BTreeMap<&str, &str> = plan
            .machine
            .shared_folders
            .iter()
            .map(|(host, guest)| (host.as_str(), guest.as_str()))
            .collect();
        assert_eq!(globals["shared_folders"], serde_json::json!(folders));
        assert_eq!(globals["instance_name_prefix"], plan.name_prefix.as_str());
        let members: Vec<Value> = plan
            .members
            .iter()
            .map(|m| serde_json::json!({ "name": m.name.as_str(), "address": m.address.to_string() }))
            .collect();
        assert_eq!(globals["members"], Value::Array(members));
        if let Some(version) = &plan.machine.image_version {
            assert_eq!(globals["image_version"], version.as_str());
        }
    }

    let texts: Vec<&str> = rendered
        .iter()
        .map(|files| files["user-data"].as_str())
        .collect();
    let documents = read_yaml_1_1(&texts);
    let mut scripts = Vec::new();
    for ((plan, text), document) in plans.iter().zip(&texts).zip(&documents) {
        let modern: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(&modern, document);
        assert!(!text.contains("$public_ipv4"));
        for file in document["write_files"].as_array().into_iter().flatten() {
            let path = file["path"].as_str().unwrap();
            if path.ends_with("/etcd-member") {
                scripts.push((plan, file["content"].as_str().unwrap()));
            }
        }
        if document["coreos"]["etcd2"].is_object() {
            let section = &document["coreos"]["etcd2"];
            assert_eq!(section["initial-cluster"], plan.initial_cluster());
            if !plan.etcd.token.is_etcd_default() {
                assert_eq!(section["initial-cluster-token"], plan.etcd.token.as_str());
            }
        }
    }
    assert!(scripts.len() > 20, "only {}", scripts.len());
    for ((plan, _), words) in scripts.iter().zip(words_of_first_members(&scripts)) {
        let expected = etcd_words(plan);
        assert_eq!(words[words.len() - expected.len()..], expected);
    }
}

/// The plans of the definitions that are allowed, and how many are not.
fn plans(tries: usize) -> (Vec<Plan>, usize) {
    let mut runner = TestRunner::default();
    let plain = "[A-Za-z0-9._/@:+=,~-]{1,9}".prop_map(|text| text);
    let words = prop::sample::select(
        &[
            "on",
            "yes",
            "null",
            "2001-01-01",
            "1_000",
            "0x1f",
            "12",
            "1e3",
            "n",
        ][..],
    );
    let value = prop_oneof![
        2 => hostile_text(),
        4 => plain,
        3 => words.prop_map(str::to_owned),
    ];
    let key = prop::sample::select(TEMPLATES);
    let strategy = (key, value);
    let mut plans = Vec::new();
    let mut refused = 0;
    for _ in 0..tries {
        let (template, value) = strategy.new_tree(&mut runner).unwrap().current();
        // JSON's strings are TOML's basic strings, but for DEL, which TOML wants escaped.
        let literal = serde_json::to_string(&value)
            .unwrap()
            .replace('\u{7f}', "\\u007f");
        let source = Arc::new(Source {
            path: "cluster/hostile.toml".into(),
            text: template.replace("VALUE", &literal),
        });
        let (definition, diagnostics) = definition::read("hostile".parse().unwrap(), source);
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            refused += 1;
        } else {
            plans.push(Plan::new(&definition));
        }
    }
    (plans, refused)
}

const TEMPLATES: &[&str] = &[
    "name_prefix = VALUE",
    "members = [{ name = VALUE, address = \"192.168.56.11\" }, { name = \"b\", address = \"192.168.56.12\" }, \
     { name = \"c\", address = \"192.168.56.13\" }]",
    "[machine]\nshared_folders = { VALUE = \"/srv\" }",
    "[machine]\nshared_folders = { \"./x\" = VALUE }",
    "[machine]\nprofile = \"flatcar\"\nimage_version = VALUE\n[etcd]\nruntime = \"container\"",
    "[machine]\nprofile = \"flatcar\"\n[etcd]\nruntime = \"container\"\nimage = VALUE",
    "[etcd]\nruntime = \"container\"\nimage = VALUE",
    "[etcd]\ntoken = VALUE",
    "[etcd]\nrelease_url = VALUE",
    "[etcd]\nflags = { snapshot-count = VALUE }",
    "[etcd]\nflags = { metrics = VALUE }",
    "[etcd]\nflags = { metrics = VALUE, max-txn-ops = 5 }",
    "[network]\nsubnet = \"172.17.8.0/24\"\n[machine]\nprofile = \"coreos\"\n[etcd]\nversion = \"2.3.8\"\n\
     runtime = \"built-in\"\ntoken = VALUE",
];

/// The words of etcd's command on the plan's first machine.
fn etcd_words(plan: &Plan) -> Vec<String> {
    let member = &plan.members[0];
    let mut myself = MemberFlags::at(plan, member, "/var/lib/etcd/data", InitialState::New);
    myself.listen_client_urls.push_str(",http://127.0.0.1:2379");
    words(&flags(plan, &myself), plan.version())
}

/// What each program would run on the machine of its plan's first member.
fn words_of_first_members(scripts: &[(&Plan, &str)]) -> Vec<Vec<String>> {
    let scratch = Scratch::new();
    let mut driver = String::new();
    for (index, (plan, script)) in scripts.iter().enumerate() {
        let printing = script.replace("\nexec ", "\nprintf '%s\\0' ");
        fs::write(scratch.root().join(index.to_string()), printing).unwrap();
        let name = &plan.members[0].name;
        let _ = writeln!(
            driver,
            "uname() {{ echo {name}; }}\ncurl() {{ return 7; }}\nsleep() {{ exit; }}\n\
             ( . ./{index} ) || exit 1\nprintf '\\n\\0'"
        );
    }
    let printed = pipe(Command::new("sh").current_dir(scratch.root()), &driver);
    let mut all = vec![Vec::new()];
    for word in printed.split_terminator('\0') {
        match (word, all.last_mut()) {
            ("\n", _) => all.push(Vec::new()),
            (word, Some(last)) => last.push(word.to_owned()),
            (_, None) => unreachable!(),
        }
    }
    all.pop();
    assert_eq!(all.len(), scripts.len());
    all
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap_or("not a text").to_owned())
        .collect()
}
