//! The messages for invalid definitions: the whole of standard error, and the exit status.
//!
//! Each `tests/golden/definition/<case>.toml` is put alone into a workspace, together with
//! `<case>.second.toml` and `<case>.default.toml` if they exist, and rendered. The case is named after its
//! rule.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::expect_file;
use test_attribute::test;
use xtask::definition::rules::{RULES, RULES_ACROSS};

use crate::scratch::Scratch;

#[test]
fn diagnostics_match_the_golden_files() {
    for case in cases() {
        let folder = golden();
        let text = |name: String| fs::read_to_string(folder.join(name));
        let name = case.replace('_', "-");
        let scratch = Scratch::with(&name, &text(format!("{case}.toml")).unwrap());
        for beside in ["second", "default"] {
            if let Ok(definition) = text(format!("{case}.{beside}.toml")) {
                scratch.define(beside, &definition);
            }
        }
        let ran = scratch.run(&["render"]);
        let seen = format!(
            "{}exit status: {}\n",
            ran.stderr,
            ran.status
                .map_or("none".to_owned(), |code| code.to_string())
        );
        expect_file![folder.join(format!("{case}.stderr"))].assert_eq(&seen);
    }
}

#[test]
fn every_rule_has_a_case() {
    let covered: BTreeSet<String> = cases()
        .iter()
        .filter_map(|case| case.split('-').next().map(str::to_owned))
        .collect();
    let rules = RULES.iter().map(|rule| rule.name);
    let missing: Vec<&str> = rules
        .chain(RULES_ACROSS.iter().map(|rule| rule.name))
        .filter(|name| !covered.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "no tests/golden/definition/<rule>.toml for {missing:?}"
    );
}

#[test]
fn every_golden_file_has_a_case() {
    let cases = cases();
    for file in files() {
        let case = file.split('.').next().unwrap_or_default();
        assert!(cases.contains(case), "{file} belongs to no case");
    }
}

/// The names of all cases.
fn cases() -> BTreeSet<String> {
    files()
        .iter()
        .filter_map(|file| file.strip_suffix(".toml"))
        .filter(|case| !case.contains('.'))
        .map(str::to_owned)
        .collect()
}

fn files() -> Vec<String> {
    golden()
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect()
}

fn golden() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/definition")
}
