//! Completion in real shells.

use std::fs;
use std::process::Command;

use test_attribute::test;
use xtask::etcd::tools::Tools;
use xtask::state::Record;
use xtask::values::DriverName;
use xtask::workspace::Workspace;

use crate::scratch::{Ran, Scratch};
use crate::support::{pipe, require_tool};
use crate::verify_stand_ins::tools;
use crate::verify_support::plan;

/// A workspace with two definitions, members of two started clusters, one of which has lost its
/// definition, and the script for a shell.
fn workspace(shell: &str) -> Scratch {
    let scratch = Scratch::with("five", "members = 5\n");
    scratch.define("default", "members = 3\n");
    was_started(&scratch, "five", "members = 5\n");
    was_started(&scratch, "wan", "members = 3\nname_prefix = \"far\"\n");
    fs::create_dir_all(scratch.root().join("inner")).unwrap();
    let script = scratch.run(&["completions", shell]).expect(0).stdout;
    fs::write(scratch.root().join("script"), script).unwrap();
    scratch
}

/// Writes the record of a cluster that was started. Nothing runs.
pub(crate) fn was_started(scratch: &Scratch, name: &str, definition: &str) {
    was_started_by(scratch, name, definition, DriverName::Vagrant, "3.4.23");
}

/// The same with this driver and a stand-in for etcd of this version.
pub(crate) fn was_started_by(
    scratch: &Scratch,
    name: &str,
    definition: &str,
    driver: DriverName,
    version: &str,
) {
    let etcd = scratch.root().join("etcd");
    fs::write(&etcd, "").unwrap();
    let tools = Tools {
        etcd: etcd.clone(),
        ..tools(etcd, version)
    };
    let record = Record::new(driver, &plan(name, definition), &tools);
    let home = Workspace::at(scratch.root()).home(&name.parse().unwrap());
    record.write(&home).unwrap();
}

/// Command lines up to the Tab key, and the expected completions.
const CASES: &[(&str, &str)] = &[
    ("cargo xtask ver", "verify"),
    ("cargo xtask d", "defrag destroy doctor down drill"),
    ("cargo xtask verify ", "default five wan"),
    ("cargo xtask destroy w", "wan"),
    ("cargo xtask verify --fo", "--format"),
    ("cargo xtask verify --format ", "json junit table"),
    ("cargo xtask verify --format t", "table"),
    ("cargo xtask verify --wait ", ""),
    ("cargo xtask verify --explain u", "unit user-data"),
    ("cargo xtask status --watch ", ""),
    ("cargo xtask logs ", ""),
    (
        "cargo xtask logs -c five ",
        "core-01 core-02 core-03 core-04 core-05",
    ),
    (
        "cargo xtask logs --follow --cluster five c",
        "core-01 core-02 core-03 core-04 core-05",
    ),
    ("cargo xtask logs -c wan ", "far-01 far-02 far-03"),
    ("cargo xtask logs -c default ", ""),
    ("cargo xtask ssh --cluster wan ", "far-01 far-02 far-03"),
    ("cargo xtask replace --cluster wan ", "far-01 far-02 far-03"),
    (
        "cargo xtask restore wan --from-member ",
        "far-01 far-02 far-03",
    ),
    ("cargo xtask up --driver ", "local vagrant"),
    ("cargo xtask identity --driver l", "local"),
    ("cargo xtask drill leader", "leader-cut-off leader-killed"),
    ("cargo xtask drill f", "five foreign-cluster"),
    ("cargo xtask drill --yes f", "five foreign-cluster"),
    ("cargo xtask drill five f", "foreign-cluster"),
    (
        "cargo xtask drill five grow ro",
        "rolling-restart rolling-upgrade",
    ),
    (
        "cargo xtask drill five quorum-lost --hold 3s a",
        "address-change alarm-no-space all all-data-lost another-version",
    ),
    (
        "cargo xtask drill quorum-lost d",
        "data-diverged data-of-another-cluster data-wiped database-near-quota",
    ),
    ("cargo xtask back", "backup"),
    ("cargo xtask backup --p", "--prove"),
    ("cargo xtask backup ", "default five wan"),
    ("cargo xtask backup --list d", "default"),
    ("cargo xtask backup --prove f", "five"),
    ("cargo xtask logs -c f", "five"),
    ("cargo xtask logs --cluster f", "five"),
    ("cargo xtask help ve", "verify"),
    ("cargo xtask completions ", "bash fish zsh"),
];

#[test]
fn bash_completes() {
    let scratch = workspace("bash");
    let mut script = String::from(
        r#"
set -u
_cargo_of_old() { COMPREPLY=(old); }
complete -F _cargo_of_old cargo
source ../script
source ../script
tab() {
    COMPREPLY=()
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _cargo_with_xtask cargo "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    # An empty array is unset to the bash of macOS.
    printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | sort | xargs
}
"#,
    );
    for (line, _) in CASES {
        let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
        script += &format!("COMP_WORDS=({})\ntab\n", words.join(" "));
    }
    script += "COMP_WORDS=(cargo xtask verify --format = ta)\ntab\n";
    script += "COMP_WORDS=(cargo xtask verify --format =)\ntab\n";
    script += "COMP_WORDS=(cargo xtask logs --cluster = wan '')\ntab\n";
    script += "COMP_WORDS=(cargo bu)\ntab\n";
    let found = run(
        Command::new("bash").args(["--norc", "-c", &script]),
        &scratch,
    );
    let mut wanted: Vec<&str> = CASES.iter().map(|(_, words)| *words).collect();
    wanted.extend(["table", "json junit table", "far-01 far-02 far-03", "old"]);
    assert_eq!(found.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn fish_completes() {
    require_tool("fish", "fish");
    let scratch = workspace("fish");
    for (line, words) in CASES {
        let script = format!("source ../script; complete -C '{line}'");
        let found = run(
            Command::new("fish").args(["--no-config", "-c", &script]),
            &scratch,
        );
        let mut found: Vec<&str> = found
            .lines()
            .map(|line| line.split('\t').next().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found.join(" "), *words, "{line}");
    }
}

#[test]
fn zsh_completes() {
    require_tool("zsh", "zsh");
    let scratch = workspace("zsh");
    // zsh completes only in its line editor, so it runs on a terminal, and the completions also go
    // to a file. All cases are typed into one line that is never run: the key ^N marks the end of a
    // case and clears the line. The awaited words are spelled so that the echo of these commands
    // looks different.
    let mut script = String::from(
        r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit; compinit -D -u; source ../script; source ../script'
zpty -w shell 'compadd() { if [[ " $* " != *\ -[OAD]\ * ]]; then builtin compadd -O found "$@"; print -r -- $found >> ../found; fi; builtin compadd "$@" }'
zpty -w shell 'next() { print END >> ../found; BUFFER=; print EN""DED-$((++cases)). }; zle -N next; bindkey "^N" next'
zpty -w shell 'zle-line-init() { print REA""DY }; zle -N zle-line-init'
zpty -r -m shell out '*READY*'
"#,
    );
    for (index, (line, _)) in CASES.iter().enumerate() {
        let number = index + 1;
        script += &format!(
            "zpty -w -n shell '{line}'$'\\t\\x0e'\nzpty -r -m shell out '*ENDED-{number}.*'\n"
        );
    }
    script += "zpty -d shell\n";
    run(Command::new("zsh").args(["-f", "-c", &script]), &scratch);
    let found = fs::read_to_string(scratch.root().join("found")).unwrap();
    let found = found.split("END\n").map(|words| {
        let mut words: Vec<&str> = words.split_whitespace().collect();
        words.sort_unstable();
        words.dedup();
        words.join(" ")
    });
    for ((line, words), found) in CASES.iter().zip(found) {
        assert_eq!(found, *words, "{line}");
    }
}

#[test]
fn bash_script_passes_shellcheck() {
    require_tool("shellcheck", "shellcheck");
    let scratch = workspace("bash");
    let script = fs::read_to_string(scratch.root().join("script")).unwrap();
    pipe(
        Command::new("shellcheck").args(["--shell=bash", "-"]),
        &script,
    );
}

/// Runs a shell in a subfolder of the workspace.
#[track_caller]
fn run(shell: &mut Command, scratch: &Scratch) -> String {
    let output = shell
        .current_dir(scratch.root().join("inner"))
        .env("HOME", scratch.root())
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .output()
        .unwrap();
    let ran = Ran::from(output).expect(0);
    assert_eq!(ran.stderr, "", "{}", ran.stdout);
    ran.stdout
}
