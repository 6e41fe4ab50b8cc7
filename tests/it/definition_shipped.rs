//! The shipped definitions teach the format, and the editors' schema describes it.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use expect_test::expect_file;
use test_attribute::test;
use xtask::definition::keys::keys;
use xtask::definition::{Definition, read};
use xtask::plan::Plan;
use xtask::report::{Diagnostic, Severity, Source};

use crate::scratch::Scratch;
use crate::support::{pipe, project, require_module};

#[test]
fn shipped_definitions_have_no_diagnostics() {
    for (name, text) in shipped() {
        let (_, diagnostics) = read_text(&name, &text);
        assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
    }
}

#[test]
fn every_key_is_in_a_shipped_definition() {
    let shipped = shipped();
    for key in keys() {
        let name = key.path.rsplit('.').next().unwrap();
        let shows = |line: &str| {
            line.trim_start_matches('#')
                .starts_with(&format!("{name} = "))
        };
        assert!(
            shipped.iter().any(|(_, text)| text.lines().any(shows)),
            "`{}` is shown nowhere",
            key.path
        );
    }
}

#[test]
fn every_key_of_the_default_definition_can_be_uncommented() {
    let text = shipped_text("default");
    let mut tried = 0;
    for (number, line) in text.lines().enumerate() {
        let Some(key) = commented_key(line) else {
            continue;
        };
        let changed: Vec<&str> = text
            .lines()
            .enumerate()
            .filter(|(_, other)| !other.starts_with(&format!("{key} = ")))
            .map(|(at, other)| if at == number { &line[1..] } else { other })
            .collect();
        let (_, diagnostics) = read_text("default", &changed.join("\n"));
        assert_eq!(errors(&diagnostics), 0, "{line}: {diagnostics:#?}");
        tried += 1;
    }
    assert!(tried > 15, "only {tried} keys are commented out");
}

/// Some lines of default.toml are examples; lines whose value is the default in the table of keys must really
/// be the default.
#[test]
fn defaults_match_the_table_of_keys() {
    let mut written = String::new();
    for key in keys().filter(|key| !key.default.is_empty()) {
        written += &format!("{} = {}\n", key.path, key.default);
    }
    let plan = |text: &str| {
        let (definition, diagnostics) = read_text("default", text);
        assert_eq!(errors(&diagnostics), 0, "{diagnostics:#?}");
        format!("{:#?}", Plan::new(&definition))
    };
    assert_eq!(plan(&written), plan(""));
}

#[test]
fn checked_in_schema_is_up_to_date() {
    let ran = Scratch::new().run(&["schema"]).expect(0);
    expect_file![project().join("cluster/schema.json")].assert_eq(&ran.stdout);
}

#[test]
fn schema_accepts_shipped_and_refuses_wrong_definitions() {
    let mut documents: Vec<(String, bool)> = Vec::new();
    for (name, text) in shipped() {
        assert!(text.starts_with("#:schema schema.json\n"), "{name}");
        documents.push((text, true));
    }
    for right in [
        "",
        "members = [{ name = \"a\", address = \"192.168.56.11\" }]",
        "etcd.quota = 5",
        "etcd.flags = { pre-vote = true, metrics = \"basic\" }",
    ] {
        documents.push((right.to_owned(), true));
    }
    for wrong in [
        "membres = 3",
        "members = 4",
        "members = [{ name = \"a\" }]",
        "etcd.version = 3",
        "machine.profile = \"debian\"",
        "machine.memory = 1",
        "machine.forwarded_ports = { ssh = 22 }",
        "etcd.sha256 = { x86 = \"\" }",
    ] {
        documents.push((wrong.to_owned(), false));
    }
    let program = "\
import json, jsonschema, sys, tomllib
schema, documents = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
print(json.dumps([validator.is_valid(tomllib.loads(text)) for text in documents]))";
    require_module("jsonschema", "python3-jsonschema");
    let schema: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(project().join("cluster/schema.json")).unwrap())
            .unwrap();
    let texts: Vec<&String> = documents.iter().map(|(text, _)| text).collect();
    let input = serde_json::json!([schema, texts]).to_string();
    let output = pipe(
        Command::new("/usr/bin/python3").args(["-c", program]),
        &input,
    );
    let valid: Vec<bool> = serde_json::from_str(&output).unwrap();
    for ((text, expected), valid) in documents.iter().zip(valid) {
        assert_eq!(*expected, valid, "{text}");
    }
}

/// `#name = value`: a key that is commented out. Prose has a blank after its `#`.
fn commented_key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#')?.split_once(" = ")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    key.chars().all(plain).then_some(key)
}

/// The definitions in `cluster/`, by name.
pub(crate) fn shipped() -> Vec<(String, String)> {
    let mut shipped = Vec::new();
    for entry in project().join("cluster").read_dir_utf8().unwrap() {
        if let Some(name) = entry.unwrap().file_name().strip_suffix(".toml") {
            shipped.push((name.to_owned(), shipped_text(name)));
        }
    }
    assert!(shipped.len() >= 4);
    shipped
}

fn shipped_text(name: &str) -> String {
    fs::read_to_string(project().join(format!("cluster/{name}.toml"))).unwrap()
}

fn read_text(name: &str, text: &str) -> (Definition, Vec<Diagnostic>) {
    let source = Source {
        path: format!("cluster/{name}.toml").into(),
        text: text.to_owned(),
    };
    read(name.parse().unwrap(), Arc::new(source))
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    let severities = diagnostics.iter().map(|diagnostic| diagnostic.severity);
    severities
        .filter(|&severity| severity == Severity::Error)
        .count()
}
