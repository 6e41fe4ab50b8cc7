//! A cluster whose restoration was interrupted: every task says so and how to complete it, and none but
//! `up`, `restore`, `down` and `destroy` changes it.

use std::fs;

use camino::Utf8PathBuf;
use serde_json::{Value, json};
use test_attribute::test;
use xtask::state::Lock;
use xtask::workspace::Workspace;

use crate::local_support::{get, is_healthy, processes, put, up};
use crate::scratch::{Ran, Scratch};
use crate::terminal::on_terminal;
use crate::typed::typed;

const NAME: &str = "half";

const COMPLETE: &str = "hint: complete the restoration: `cargo xtask up half`\n";

fn definition() -> String {
    "members = 3\n[network]\nsubnet = \"10.98.1.0/24\"\n".to_owned()
}

/// A cluster whose task was killed after it had put one member's restored data in place.
fn half_restored() -> Scratch {
    let scratch = Scratch::with(NAME, &definition());
    up(&scratch, NAME).expect(0);
    put(&scratch, NAME, "greeting", "hello");
    scratch.run(&["backup", NAME]).expect(0);
    scratch.run(&["down", NAME]).expect(0);
    for (member, folder) in [
        ("core-01", "data-replaced-2026-11-30T20-00-00Z"),
        ("core-02", "data-restored"),
        ("core-03", "data-restored"),
    ] {
        let member = state(&scratch, &format!("members/{member}"));
        if member.ends_with("core-01") {
            fs::create_dir(member.join(folder)).unwrap();
        } else {
            fs::rename(member.join("data"), member.join(folder)).unwrap();
        }
    }
    let record = fs::read_to_string(state(&scratch, "cluster.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let restoration = json!({
        "format": 1,
        "time": "2026-11-30T20-00-00Z",
        "backup": "2026-11-30T19-00-00Z.db",
        "backup_revision": 2,
        "revision": 2,
        "members": ["core-01", "core-02", "core-03"],
        "is_set_aside": true,
        "record": record,
    });
    fs::write(state(&scratch, "restore.json"), restoration.to_string()).unwrap();
    scratch
}

fn state(scratch: &Scratch, file: &str) -> Utf8PathBuf {
    scratch.root().join(".state").join(NAME).join(file)
}

/// The hints of `verify`, with the verdict of `history`.
fn advised(scratch: &Scratch) -> (String, Vec<String>) {
    let ran = scratch.run(&["verify", NAME, "--format", "json"]);
    let seen: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let checks = seen["checks"].as_array().unwrap();
    let findings = checks
        .iter()
        .flat_map(|check| check["findings"].as_array().unwrap());
    let hints = findings.filter_map(|finding| finding["hint"].as_str());
    let hints = hints.map(str::to_owned).collect();
    let history = checks.iter().find(|check| check["name"] == "history");
    let verdict = history.unwrap()["verdict"].as_str().unwrap();
    (verdict.to_owned(), hints)
}

#[track_caller]
fn is_whole(scratch: &Scratch) {
    assert!(!state(scratch, "restore.json").exists());
    is_healthy(scratch, NAME);
    assert_eq!(get(scratch, NAME, "greeting"), "hello\n");
}

#[test]
fn half_restored_cluster_is_completed_by_up() {
    let scratch = half_restored();
    let seen = fs::read_to_string(state(&scratch, "seen.json")).unwrap();
    let said = "a restoration of `half` was interrupted";
    let status = scratch.run(&["status", NAME]).expect(0);
    assert_eq!(status.stderr, format!("warning: {said}\n{COMPLETE}"));
    let status = scratch.run(&["status", NAME, "--format", "json"]).expect(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let up_only = json!(["cargo xtask up half"]);
    assert_eq!(status["hints"][0]["commands"], up_only, "{status:#}");
    let list = scratch.run(&["list"]).expect(0);
    assert_eq!(
        list.stderr,
        "hint: `half`: complete the restoration: `cargo xtask up half`\n"
    );
    let advice = COMPLETE.trim_end().trim_start_matches("hint: ").to_owned();
    assert_eq!(advised(&scratch), ("not-yet".to_owned(), vec![advice]));

    let refused = format!("error: {said}\n{COMPLETE}");
    for task in [&["backup", NAME][..], &["drill", NAME, "member-killed"]] {
        let ran = scratch.run(task).expect(4);
        assert_eq!(ran.stderr, refused, "{task:?}");
    }
    let down = scratch.run(&["down", NAME]).expect(0);
    assert!(down.stderr.contains(COMPLETE), "{}", down.stderr);
    assert_eq!(
        fs::read_to_string(state(&scratch, "seen.json")).unwrap(),
        seen
    );

    typed(&scratch, "cargo xtask up half").expect(0);
    is_whole(&scratch);
}

/// While members have no data, nothing else is advised.
#[test]
fn running_restoration_is_waited_for() {
    let scratch = half_restored();
    let home = Workspace::at(scratch.root()).home(&NAME.parse().unwrap());
    let lock = Lock::take(&home, "restore half", &|_| {}).unwrap();
    let said = format!(
        "warning: a restoration of `half` is running\nnote: `cargo xtask restore half` (process {}) completes it\n",
        std::process::id()
    );
    let wait = "wait until the restoration is complete";
    let status = scratch.run(&["status", NAME]).expect(0);
    assert_eq!(status.stderr, format!("{said}hint: {wait}\n"));
    let list = scratch.run(&["list"]).expect(0);
    assert_eq!(list.stderr, format!("hint: `half`: {wait}\n"));
    assert_eq!(
        advised(&scratch),
        ("not-yet".to_owned(), vec![wait.to_owned()])
    );
    drop(lock);
    typed(&scratch, "cargo xtask up half").expect(0);
    is_whole(&scratch);
}

/// The restored cluster is described by the journal, not by the record.
#[test]
fn restoration_is_completed_without_the_record() {
    let scratch = half_restored();
    fs::remove_file(state(&scratch, "cluster.json")).unwrap();
    let looked = scratch.run(&["status", NAME]).expect(4);
    let commands = commands(&looked);
    assert_eq!(commands[0], "cargo xtask up half", "{}", looked.stderr);
    typed(&scratch, &commands[0]).expect(0);
    is_whole(&scratch);
}

#[test]
fn restoration_with_a_changed_definition_waits_for_it() {
    let scratch = half_restored();
    let other = format!("{}[etcd]\ngeneration = 2\n", definition());
    scratch.define(NAME, &other);
    let undo = "undo the change to start this one";
    let (verdict, hints) = advised(&scratch);
    assert_eq!(verdict, "not-yet");
    assert!(hints.iter().all(|hint| hint.contains(undo)), "{hints:?}");
    let refused = scratch.run(&["up", NAME]).expect(7);
    assert!(
        refused.stderr.contains("revert the change"),
        "{}",
        refused.stderr
    );

    fs::remove_file(scratch.root().join("cluster/half.toml")).unwrap();
    let status = scratch.run(&["status", NAME]).expect(0);
    let restore = "hint: to start it again, restore its definition `cluster/half.toml`\n";
    assert!(status.stderr.contains(restore), "{}", status.stderr);
    scratch.run(&["down", NAME]).expect(0);

    scratch.define(NAME, &definition());
    up(&scratch, NAME).expect(0);
    is_whole(&scratch);
}

#[test]
fn damaged_journal_of_a_restoration_has_a_way_out() {
    let scratch = half_restored();
    fs::write(state(&scratch, "restore.json"), "{").unwrap();
    let said = "restore.json` cannot be read: ";
    for (task, status) in [
        (&["status", NAME][..], 0),
        (&["verify", NAME], 1),
        (&["backup", NAME], 6),
        (&["drill", NAME, "member-killed"], 6),
        (&["up", NAME], 6),
    ] {
        let ran = scratch.run(task).expect(status);
        assert!(ran.stderr.contains(said), "{task:?}: {}", ran.stderr);
    }
    let (verdict, hints) = advised(&scratch);
    assert_eq!((verdict.as_str(), hints.len()), ("not-yet", 1), "{hints:?}");
    scratch.run(&["down", NAME]).expect(0);
    let up = scratch.run(&["up", NAME]);
    let commands = commands(&up);
    assert_eq!(commands.len(), 2, "{}", up.stderr);
    for command in &commands {
        typed(&scratch, command).expect(0);
    }
    is_whole(&scratch);
}

#[test]
fn destroy_tells_of_replaced_data() {
    let scratch = half_restored();
    fs::write(state(&scratch, "restore.json"), "{").unwrap();
    let asked = on_terminal(&scratch.command(&["destroy", NAME]), 120, "no\n").expect(1);
    let extras = "with 1 replaced data folder";
    assert!(asked.stdout.contains(extras), "{}", asked.stdout);
    let destroyed = scratch.run(&["destroy", NAME, "--yes"]).expect(0);
    assert!(destroyed.stderr.contains(extras), "{}", destroyed.stderr);
    assert!(!state(&scratch, "members").exists());
    assert!(processes(&scratch, NAME).is_empty());
}

/// The commands of the hints on standard error, in order.
fn commands(ran: &Ran) -> Vec<String> {
    let hints = ran.stderr.lines().filter(|line| line.starts_with("hint: "));
    let hints = hints.filter_map(|hint| Some(hint.split_once(": `")?.1));
    let commands = hints.flat_map(|commands| commands.split_terminator('`').step_by(2));
    commands.map(str::to_owned).collect()
}
