//! The output of `verify --explain` for each check.

use std::collections::HashSet;

use expect_test::expect_file;
use test_attribute::test;
use xtask::check::{self, Check};

use crate::cli_help::{assert_can_be_typed, commands_in};
use crate::scratch::{Ran, Scratch};
use crate::support::project;

/// The output far from any workspace, because an explanation needs none.
fn explained(check: &Check) -> String {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["verify", "--explain", check.name]);
    let ran = Ran::from(command.current_dir("/").output().unwrap()).expect(0);
    assert_eq!(ran.stderr, "", "{}", check.name);
    ran.stdout
}

#[test]
fn explanations_match_the_golden_files() {
    for check in check::all() {
        let path = format!("tests/golden/verify/explain/{}.txt", check.name);
        expect_file![project().join(path)].assert_eq(&explained(check));
    }
}

#[test]
fn explanations_are_short_and_fit_a_terminal() {
    for check in check::all() {
        let text = explained(check);
        for line in text.lines() {
            let wide = line.chars().count() > 80 && !line.starts_with("  https://");
            assert!(!wide, "{}: {line}", check.name);
            assert_eq!(line, line.trim_end(), "{}", check.name);
        }
        for chapter in text.split("\n\n") {
            let lines = chapter.lines().count() - 1;
            assert!((1..=6).contains(&lines), "{}: {chapter}", check.name);
        }
    }
}

#[test]
fn explanations_have_whole_sentences_and_valid_commands() {
    let names: HashSet<&str> = check::all().map(|check| check.name).collect();
    for check in check::all() {
        let about = &check.about;
        for text in [about.looks_at, about.why, about.what_to_do] {
            assert!(text.ends_with('.'), "{}: {text}", check.name);
            assert!(!text.contains("  "), "{}: {text}", check.name);
            assert_eq!(text.matches('`').count() % 2, 0, "{}: {text}", check.name);
            for words in commands_in(text) {
                assert_can_be_typed(&words);
            }
            // A check that the text refers to must exist.
            for other in text.split("the check `").skip(1) {
                let other = other.split('`').next().unwrap();
                assert!(names.contains(other), "{}: `{other}`", check.name);
            }
        }
        let short = about.why_in_short();
        assert!(about.why.starts_with(short) && short.ends_with('.'));
        assert!(
            short.chars().count() < 130,
            "{}: too long for a table: {short}",
            check.name
        );
        assert!(
            about.read.starts_with("https://etcd.io/docs/v3.6/"),
            "{}: {}",
            check.name,
            about.read
        );
    }
}

#[test]
fn check_names_are_distinct_words() {
    let names: HashSet<&str> = check::all().map(|check| check.name).collect();
    assert_eq!(names.len(), check::all().count());
    for name in names {
        assert_eq!(check::named(name).unwrap().name, name);
    }
    assert!(check::named("weather").is_none());
}
