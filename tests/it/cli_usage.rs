//! The exact answers to wrong command lines.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use expect_test::{expect, expect_file};
use test_attribute::test;
use xtask::cli::usage;

use crate::cli_completions::was_started;
use crate::cli_help::{assert_can_be_typed, commands_in};
use crate::scratch::{Ran, Scratch};

/// The terminal output of these commands, with their statuses.
fn transcript(scratch: &Scratch, lines: &[&str]) -> String {
    let mut transcript = String::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ran = scratch.run(&words);
        let hints = ran.stderr.lines().filter(|line| line.starts_with("hint: "));
        for words in hints.flat_map(commands_in) {
            assert_can_be_typed(&words);
        }
        write_run(&mut transcript, line, &ran);
    }
    transcript.replace(scratch.root().as_str(), "[workspace]")
}

fn write_run(transcript: &mut String, line: &str, ran: &Ran) {
    let status = ran.status.unwrap();
    let _ = write!(
        transcript,
        "$ cargo xtask {line}\n{}{}[status {status}]\n\n",
        ran.stdout, ran.stderr
    );
}

#[test]
fn wrong_command_lines_are_explained() {
    let scratch = Scratch::with("five", "members = 5\n");
    let transcript = transcript(
        &scratch,
        &[
            "verfy",
            "frobnicate",
            "--verbose",
            "help destory",
            "de five",
            "verify Five",
            "verify five.toml",
            "verify user-data",
            "verify five six",
            "verify --cluster five",
            "down -c five",
            "verify --formt json",
            "verify --format jsn",
            "verify --format",
            "verify --wait 5",
            "verify --wait 0s",
            "verify --explain",
            "verify --explain hsah",
            "verify --explain user_data",
            "verify --explain weather",
            "verify --explain hash --format json",
            "verify --wait 5s --explain hash",
            "verify five --explain hash",
            "verify --explain hash lag",
            "verify --explain hash --explain lag",
            "status --watch five",
            "status --watch 0",
            "status --watch -1",
            "status --watch inf",
            "up --timeout soon",
            "up --driver vagrnt",
            "up --timeout 5s --timeout 6s",
            "logs",
            "logs core_01",
            "logs core-01 --lines many",
            "etcdctl",
            "etcdctl --endpoints=http://127.0.0.1 get a",
            "completions",
            "completions tcsh",
            "identity --format junit",
            "start",
            "restart five",
            "exec core-01",
            "version",
            "diff",
            "scale",
            "up --dry-run",
            "status five --json",
            "status -o json",
            "status -o",
            "verify --follow",
            "status --follow five",
            "destroy --force five",
            "destroy five --force --yes",
            "status --json --format json",
            "logs core-01 --tail 3 -n 4",
            "status -w 2",
            "logs five core-01",
            "logs core-01 five",
            "logs --follow five core-01",
            "ssh five core-01",
            "etcdctl five get a",
            "etcdctl five --help",
        ],
    );
    expect_file!["../golden/cli/usage.txt"].assert_eq(&transcript);
}

#[test]
fn version_is_printed() {
    let scratch = Scratch::new();
    for option in ["-V", "--version"] {
        let mut command = scratch.command(&[option]);
        let ran = Ran::from(command.env("PATH", "").output().unwrap()).expect(0);
        let version = format!("xtask {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!((ran.stdout, ran.stderr), (version, String::new()));
    }
}

#[test]
fn synonyms_name_tasks_that_exist() {
    for word in [
        "start", "stop", "delete", "health", "lint", "kill", "version", "ls", "ps",
    ] {
        let told = usage::no_such_task(word);
        let hint = told.hints.first().unwrap().to_string();
        let words = hint.split('`').skip(1).step_by(2);
        for word in words {
            let words: Vec<String> = word.split(' ').map(str::to_owned).collect();
            assert_can_be_typed(&words);
        }
        assert!(hint.starts_with("did you mean `"), "{word}: {hint}");
    }
}

#[test]
fn wrong_variable_is_named() {
    let scratch = Scratch::with("five", "members = 5\n");
    let run = |words: &[&str]| {
        let mut command = scratch.command(words);
        Ran::from(command.env("XTASK_DRIVER", "docker").output().unwrap())
    };
    let ran = run(&["up", "five"]).expect(2);
    expect![[r#"
        error: `XTASK_DRIVER` cannot be `docker`
        note: unknown driver `docker`
        hint: use `vagrant` or `local`
        hint: see its manual page: `cargo xtask help up`
    "#]]
    .assert_eq(&ran.stderr);
    for words in [
        &["up", "--driver", "podman"][..],
        &["up", "--driver=podman"],
    ] {
        let ran = run(words).expect(2).stderr;
        assert!(
            ran.starts_with("error: `--driver` cannot be `podman`\n"),
            "{ran}"
        );
    }
}

#[test]
fn variable_that_contradicts_a_cluster_is_named() {
    let scratch = Scratch::with("made", "members = 3\n");
    was_started(&scratch, "made", "members = 3\n");
    let mut command = scratch.command(&["up", "made"]);
    let ran = Ran::from(command.env("XTASK_DRIVER", "local").output().unwrap()).expect(2);
    expect![[r#"
        error: the cluster runs with the vagrant driver, not with local
        note: a cluster keeps its driver until it is destroyed; another driver would start a second cluster
        hint: `--driver` comes from `XTASK_DRIVER`: `unset XTASK_DRIVER`
        hint: or remove the cluster and its data first: `cargo xtask destroy made`
    "#]].assert_eq(&ran.stderr);
    let mut command = scratch.command(&["up", "made", "--driver", "local"]);
    // Whether or not the variable is set, the option has won.
    for command in [
        &mut command,
        &mut scratch.command(&["up", "made", "--driver=local"]),
    ] {
        for driver in ["", "vagrant"] {
            let ran = Ran::from(command.env("XTASK_DRIVER", driver).output().unwrap()).expect(2);
            assert!(
                ran.stderr.contains("\nhint: omit `--driver`\n"),
                "{}",
                ran.stderr
            );
        }
    }
}

/// Members of several clusters, one of which is named in the place of a member.
#[test]
fn members_of_other_clusters_are_recognized() {
    let scratch = Scratch::with("default", "members = 3\n");
    was_started(&scratch, "wan", "members = 3\nname_prefix = \"alpha\"\n");
    let text = transcript(&scratch, &["logs alpha-02", "ssh wan", "logs beta"]);
    was_started(&scratch, "default", "members = 3\n");
    let text = text + &transcript(&scratch, &["ssh alpha-02 ls", "logs wan", "logs beta"]);
    expect_file!["../golden/cli/elsewhere.txt"].assert_eq(&text);
}

#[test]
fn never_started_cluster_is_reported() {
    let scratch = Scratch::with("five", "members = 5\n");
    let tasks = [
        "verify five",
        "status five",
        "env five",
        "etcdctl -c five get a",
        "logs core-01 -c five",
        "down five",
        "destroy five",
        "destroy five --yes",
    ];
    let mut text = transcript(&scratch, &tasks);
    let unknown = [
        "up fiv",
        "verify fiv",
        "status fiv",
        "env fiv",
        "etcdctl -c fiv get a",
        "logs core-01 -c fiv",
        "down fiv",
        "destroy fiv",
        "identity fiv",
        "render fiv",
    ];
    text += &transcript(&scratch, &unknown);
    expect_file!["../golden/cli/never-started.txt"].assert_eq(&text);
    assert!(
        !scratch.root().join(".state").exists(),
        "looking leaves nothing behind"
    );
}

#[test]
fn workspace_without_definitions_is_reported() {
    let scratch = Scratch::new();
    let text = transcript(&scratch, &["render", "render --check", "up", "status"]);
    expect_file!["../golden/cli/no-definitions.txt"].assert_eq(&text);
}

#[test]
fn folder_outside_a_workspace_is_reported() {
    let scratch = Scratch::new();
    let mut text = String::new();
    for task in ["render", "up", "status", "destroy"] {
        let output = scratch.command(&[task]).current_dir("/").output().unwrap();
        write_run(&mut text, task, &Ran::from(output));
    }
    let odd = std::ffi::OsStr::from_bytes(b"\xe9t\xe9");
    let odd = scratch.root().as_std_path().join(odd);
    std::fs::create_dir(&odd).unwrap();
    let output = scratch.command(&["up"]).current_dir(odd).output().unwrap();
    write_run(&mut text, "up", &Ran::from(output));

    let script = format!(
        "mkdir gone && cd gone && rmdir ../gone && {} up",
        env!("CARGO_BIN_EXE_xtask")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(scratch.root())
        .output()
        .unwrap();
    write_run(&mut text, "up", &Ran::from(output));
    let text = text.replace(scratch.root().as_str(), "[workspace]");
    expect_file!["../golden/cli/no-workspace.txt"].assert_eq(&text);
}

#[test]
fn argument_that_is_not_utf8_is_reported() {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["verify"]);
    let ran = Ran::from(
        command
            .arg(std::ffi::OsStr::from_bytes(b"\xff"))
            .output()
            .unwrap(),
    )
    .expect(2);
    expect![[r#"
        error: invalid UTF-8 was detected in one or more arguments
        note: usage: cargo xtask verify [OPTIONS] [NAME]
        hint: see its manual page: `cargo xtask help verify`
    "#]]
    .assert_eq(&ran.stderr);
}
