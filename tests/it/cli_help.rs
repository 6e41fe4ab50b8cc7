//! The manual pages and their completeness.

use std::process::Command;

use expect_test::expect_file;
use test_attribute::test;
use xtask::cli;

use crate::scratch::{Ran, Scratch};
use crate::support::project;

fn tasks() -> Vec<String> {
    cli::command()
        .get_subcommands()
        .map(|task| task.get_name().to_owned())
        .collect()
}

fn help(arguments: &[&str]) -> String {
    let ran = Scratch::new().run(arguments).expect(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

fn golden(page: &str, name: &str) {
    let path = project().join(format!("tests/golden/cli/{name}.txt"));
    expect_file![path].assert_eq(page);
}

#[test]
fn manual_pages_match_the_golden_files() {
    golden(&help(&["help"]), "help");
    golden(&help(&["-h"]), "help-short");
    for task in tasks() {
        golden(&help(&["help", &task]), &format!("help-{task}"));
    }
}

#[test]
fn help_task_and_help_flag_print_the_same() {
    assert_eq!(help(&["help"]), help(&["--help"]));
    for task in tasks() {
        assert_eq!(help(&["help", &task]), help(&[&task, "--help"]), "{task}");
    }
}

#[test]
fn short_help_is_the_start_of_the_long_help() {
    for task in tasks() {
        let (short, long) = (help(&[&task, "-h"]), help(&[&task, "--help"]));
        assert_eq!(short.lines().next(), long.lines().next(), "{task}");
        assert!(short.len() < long.len(), "{task}\n{short}");
        for chapter in ["Examples:", "Exit status:"] {
            assert!(!short.contains(chapter), "{task}\n{short}");
        }
    }
}

#[test]
fn every_page_has_summary_description_and_examples() {
    for task in tasks() {
        let page = help(&["help", &task]);
        let paragraphs: Vec<&str> = page.split("\n\n").collect();
        assert!(!paragraphs[0].ends_with('.'), "{task}: {}", paragraphs[0]);
        assert!(paragraphs[1].ends_with('.'), "{task}: {}", paragraphs[1]);
        let examples = page.split("\nExamples:\n").nth(1);
        let examples = examples.unwrap_or_else(|| panic!("{task} has no examples"));
        let examples = examples.split("\n\n").next().unwrap();
        assert!(
            examples.contains(&format!("cargo xtask {task}")),
            "{task}\n{examples}"
        );
        let typed = commands_in(examples);
        assert!(!typed.is_empty(), "{task}");
        for words in typed {
            assert_can_be_typed(&words);
        }
    }
}

#[test]
fn every_page_documents_special_exit_statuses() {
    // The others print built-in texts and fail only for wrong command lines.
    let without = ["schema", "completions", "help"];
    for task in tasks() {
        let page = help(&["help", &task]);
        assert_eq!(
            page.contains("\nExit status:\n"),
            !without.contains(&task.as_str()),
            "{task}"
        );
    }
}

#[test]
fn help_fits_in_a_hundred_columns() {
    for task in tasks() {
        for page in [help(&["help", &task]), help(&[&task, "-h"])] {
            for line in page.lines() {
                assert!(line.chars().count() <= 100, "{task}: {line}");
                assert_eq!(line, line.trim_end(), "{task}");
            }
        }
    }
}

#[test]
fn missing_task_prints_the_short_help_and_fails() {
    let ran = Scratch::new().run(&[]).expect(2);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, help(&["-h"]));
}

#[test]
fn closed_pipe_is_no_error() {
    let tasks = ["help", "schema", "completions bash", "render --check"];
    for task in tasks {
        let line = format!("{} {task}", env!("CARGO_BIN_EXE_xtask"));
        // `true` may exit before anything is written; the pipe then breaks at the first byte.
        let script = format!("set -o pipefail; {line} | true; echo $?");
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(project())
            .output()
            .unwrap();
        let ran = Ran::from(output).expect(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("0\n", ""),
            "{task}"
        );
    }
}

#[test]
fn full_disk_is_an_error() {
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("{} schema > /dev/full", env!("CARGO_BIN_EXE_xtask")),
        ])
        .current_dir(project())
        .output()
        .unwrap();
    let ran = Ran::from(output).expect(6);
    assert_eq!(
        ran.stderr,
        "error: cannot write to standard output: No space left on device (os error 28)\n\
         note: the output is incomplete\n"
    );
}

#[test]
fn color_is_printed_only_where_wanted() {
    let scratch = Scratch::new();
    let with = |name: &str| {
        let output = scratch.command(&["help"]).env(name, "1").output().unwrap();
        Ran::from(output).expect(0).stdout
    };
    assert!(with("CLICOLOR_FORCE").contains("\u{1b}["));
    assert!(!with("NO_COLOR").contains('\u{1b}'));
    assert!(!help(&["help"]).contains('\u{1b}'));
}

/// The command lines of this program in a text, as arguments.
pub(crate) fn commands_in(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for rest in text.split("cargo xtask ").skip(1) {
        // A command ends at shell syntax, a comment or the end of the sentence.
        let line = rest.split(['\n', '`', ')', '|', '>', '&']).next().unwrap();
        let line = line
            .split("   ")
            .next()
            .unwrap()
            .trim_end_matches(['"', ' ']);
        found.push(line.split_whitespace().map(str::to_owned).collect());
    }
    found
}

/// Asserts that a command line is valid.
#[track_caller]
pub(crate) fn assert_can_be_typed(words: &[String]) {
    use clap::Parser;
    let all = std::iter::once("cargo xtask".to_owned()).chain(words.iter().cloned());
    if let Err(error) = cli::Cli::try_parse_from(all) {
        assert!(!error.use_stderr(), "{words:?}: {error}");
    }
}
