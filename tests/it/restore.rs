//! Restorations of real clusters: what the user is told and asked, and what the cluster is afterwards.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::expect;
use serde_json::Value;
use test_attribute::test;

use crate::backup::{backup, folder, one, settles, started};
use crate::etcd_binaries::{of_debian_13, packaged};
use crate::local_support::{etcdctl, get, is_healthy, predicted_cluster_id, processes, put};
use crate::local_support::{running_cluster_id, up};
use crate::scratch::{Ran, Scratch};
use crate::terminal::on_terminal;
use crate::typed::typed;

/// A definition of three members on this test's network.
pub(crate) fn three(network: u8) -> String {
    one(network).replace("members = 1", "members = 3")
}

/// A workspace with a running cluster of one member with etcd 3.5 that has a key.
pub(crate) fn started_3_5(name: &str, network: u8) -> Scratch {
    let definition = one(network) + "[etcd]\nversion = \"3.5.16\"\n";
    let scratch = Scratch::with(name, &definition);
    let with = ["--etcd-dir", of_debian_13().as_str(), "--timeout", "5m"];
    scratch.run(&[&["up", name][..], &with].concat()).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

/// Takes a backup, and returns its file.
#[track_caller]
pub(crate) fn backed_up(scratch: &Scratch, name: &str) -> Utf8PathBuf {
    Utf8PathBuf::from(backup(scratch, name, &[])["file"].as_str().unwrap())
}

/// `restore` without a question, with time for a busy host.
pub(crate) fn restore(scratch: &Scratch, name: &str, words: &[&str]) -> Ran {
    let first = ["restore", name, "--yes", "--timeout", "5m"];
    scratch.run(&[&first[..], words].concat())
}

/// `restore --from` a file, which succeeds.
#[track_caller]
pub(crate) fn restored(scratch: &Scratch, name: &str, file: &Utf8Path) -> Ran {
    restore(scratch, name, &["--from", file.as_str()]).expect(0)
}

/// The names in each member's folder, without those that every member has.
pub(crate) fn beside_data(scratch: &Scratch, name: &str) -> Vec<String> {
    let members = scratch.root().join(format!(".state/{name}/members"));
    let folders = members.read_dir_utf8().into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| crate::backup::files(folder.path()));
    let usual = ["data", "etcd.log", "lock", "log-start", "pid"];
    files
        .filter(|file| !usual.contains(&file.as_str()))
        .collect()
}

/// The rows of the preview, without the numbers, which differ from run to run.
pub(crate) fn preview(said: &str) -> String {
    let is_row = |line: &&str| line.starts_with("restore cluster") || line.starts_with("  ");
    let rows = said.lines().filter(is_row);
    let rows = rows.take_while(|line| !line.contains("data-replaced-"));
    let masked = |row: &str| -> String {
        assert!(row.chars().count() <= 80, "{row}");
        let is_number = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
        let words = row.split(' ').map(|word| {
            let end = word
                .trim_start_matches(|one: char| one.is_ascii_alphanumeric() || "-.".contains(one));
            if is_number(word) {
                format!("N{end}")
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ") + "\n"
    };
    let text: String = rows.map(masked).collect();
    // A busy host takes longer.
    text.replace("N min", "N s")
}

#[test]
fn restoration_is_shown_and_asked_about() {
    let scratch = started("asked", &three(61));
    let file = backed_up(&scratch, "asked");
    put(&scratch, "asked", "late", "lost");
    let before = processes(&scratch, "asked");
    let name = file.file_name().unwrap();

    let words = ["restore", "asked", "--from", name];
    let unasked = scratch.run(&words).expect(2);
    expect![[r#"
        restore cluster `asked`
          from      N, taken N s ago
          holds     revision N, N key, N KiB, not proven
          lost      at least N change in the last N s:
                    revision N
          members   core-01, core-02 and core-03: stopped, restored and started
          old data  moved aside, beside the new data; nothing is deleted
          revisions go back to N, because etcd N cannot raise them:
                    restart the clients that watch keys
    "#]]
    .assert_eq(&preview(&unasked.stderr));
    let hint = format!("hint: if you are sure: `cargo xtask restore asked --from {name} --yes`\n");
    assert!(unasked.stderr.ends_with(&hint), "{}", unasked.stderr);
    // Answered no, and Ctrl-D.
    for answer in ["n\n", "\n", "\u{4}"] {
        let asked = on_terminal(&scratch.command(&words), 80, answer).expect(1);
        assert!(
            asked.stdout.contains("\nrestore it? [y/N] "),
            "{}",
            asked.stdout
        );
        assert!(
            asked.stdout.ends_with("nothing was restored\n"),
            "{}",
            asked.stdout
        );
    }
    assert_eq!(processes(&scratch, "asked"), before);
    assert_eq!(get(&scratch, "asked", "late"), "lost\n");
    assert_eq!(beside_data(&scratch, "asked"), [""; 0]);

    let asked = on_terminal(&scratch.command(&words), 80, "y\n").expect(0);
    assert!(
        asked.stdout.contains("the replaced data is kept:"),
        "{}",
        asked.stdout
    );
    assert_eq!(get(&scratch, "asked", "late"), "");
    assert_eq!(get(&scratch, "asked", "greeting"), "hello\n");
    assert_eq!(beside_data(&scratch, "asked").len(), 3);
    assert_eq!(
        running_cluster_id(&scratch, "asked"),
        predicted_cluster_id(&scratch, "asked")
    );
    is_healthy(&scratch, "asked");
    scratch.run(&["backup", "asked", "--prove"]).expect(0);
}

#[test]
fn hint_for_scripts_keeps_the_options() {
    let scratch = started("options", &one(62));
    let file = backed_up(&scratch, "options");
    scratch.run(&["destroy", "options", "--yes"]).expect(0);
    let mut words = vec!["restore", "options", "--from", file.as_str()];
    words.extend([
        "--driver",
        "local",
        "--etcd-dir",
        packaged().as_str(),
        "--timeout",
        "5m",
    ]);
    let mut command = scratch.command(&words);
    command.env_remove("XTASK_DRIVER");
    let ran = Ran::from(command.output().unwrap()).expect(2);
    let hint = ran.stderr.rsplit_once("cargo xtask ").unwrap().1;
    let typed: Vec<&str> = hint.trim_end().trim_end_matches('`').split(' ').collect();
    let mut command = scratch.command(&typed);
    command.env_remove("XTASK_DRIVER");
    Ran::from(command.output().unwrap()).expect(0);
    assert_eq!(get(&scratch, "options", "greeting"), "hello\n");
}

#[test]
fn destroyed_cluster_is_restored_with_its_ids() {
    let scratch = started("gone", &three(63));
    let id = running_cluster_id(&scratch, "gone");
    let file = backed_up(&scratch, "gone");
    scratch.run(&["destroy", "gone", "--yes"]).expect(0);
    let with = ["--from", file.as_str(), "--etcd-dir", packaged().as_str()];
    let ran = restore(&scratch, "gone", &with).expect(0);
    let lost = "  lost      all changes in the last ";
    assert!(ran.stderr.contains(lost), "{}", ran.stderr);
    assert_eq!(running_cluster_id(&scratch, "gone"), id);
    assert_eq!(get(&scratch, "gone", "greeting"), "hello\n");
    assert!(file.exists());
    is_healthy(&scratch, "gone");
    // Again, with a record this time, on other members' data.
    scratch.run(&["down", "gone"]).expect(0);
    restored(&scratch, "gone", &file);
    is_healthy(&scratch, "gone");
}

#[test]
fn later_loss_is_found_after_a_restoration() {
    let scratch = started("again", &one(64));
    let empty = scratch.root().join("empty");
    let data = scratch.root().join(".state/again/members/core-01/data");
    let file = backed_up(&scratch, "again");
    for key in 0..5 {
        put(&scratch, "again", &format!("key-{key}"), "value");
    }
    is_healthy(&scratch, "again");
    scratch.run(&["down", "again"]).expect(0);
    crate::support::pipe(
        std::process::Command::new("cp").args(["-a", data.as_str(), empty.as_str()]),
        "",
    );
    restored(&scratch, "again", &file);
    let verify = |status| {
        let ran = scratch
            .run(&["verify", "again", "--format", "json"])
            .expect(status);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|check| check["name"] == "history")
            .unwrap()
            .clone()
    };
    let history = verify(0);
    let evidence = history["evidence"].as_str().unwrap();
    assert!(
        evidence.ends_with("a backup of revision 4 was restored"),
        "{history:#}"
    );
    // The restored data is replaced by its own past.
    for key in 0..9 {
        put(&scratch, "again", &format!("key-{key}"), "value");
    }
    is_healthy(&scratch, "again");
    scratch.run(&["down", "again"]).expect(0);
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&empty, &data).unwrap();
    up(&scratch, "again").expect(1);
    assert_eq!(verify(1)["verdict"], "fail");
}

#[test]
fn older_and_newer_backups_are_restored_in_turn() {
    let scratch = started("turns", &one(65));
    let old = backed_up(&scratch, "turns");
    put(&scratch, "turns", "later", "yes");
    let new = backed_up(&scratch, "turns");
    for (file, later) in [(&old, ""), (&new, "yes\n"), (&old, ""), (&old, "")] {
        restored(&scratch, "turns", file);
        assert_eq!(get(&scratch, "turns", "later"), later);
        scratch.run(&["verify", "turns"]).expect(0);
    }
    assert_eq!(beside_data(&scratch, "turns").len(), 4);
    assert_eq!(crate::backup::files(&folder(&scratch, "turns")).len(), 4);
}

#[test]
fn saved_snapshots_and_those_of_others_are_restored() {
    let scratch = started("mine", &one(66));
    scratch.define("other", &one(67));
    up(&scratch, "other").expect(0);
    put(&scratch, "other", "greeting", "from the other");
    let file = scratch.root().join("by hand.db");
    etcdctl(&scratch, "mine", &["snapshot", "save", file.as_str()]).expect(0);
    let ran = restored(&scratch, "mine", &file);
    expect![[r#"
        restore cluster `mine`
          from      by hand.db, taken at an unknown time
          holds     revision N; it has no manifest, so only its checksum was verified
          lost      changes since the backup;
                    none is known: no later revision was seen
          members   core-01: stopped, restored and started
          old data  moved aside, beside the new data; nothing is deleted
          revisions go back to N, because etcd N cannot raise them:
                    restart the clients that watch keys
    "#]]
    .assert_eq(&preview(&ran.stderr));
    let unasked = ["restore", "mine", "--from", file.as_str()];
    let hint = scratch.run(&unasked).expect(2).stderr;
    assert!(hint.contains(&format!("--from '{file}' --yes`")), "{hint}");

    let file = backed_up(&scratch, "other");
    let ran = restored(&scratch, "mine", &file);
    let warning = "warning: this is a backup of another cluster, `other`\n";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    assert_eq!(get(&scratch, "mine", "greeting"), "from the other\n");
    assert_eq!(
        running_cluster_id(&scratch, "mine"),
        predicted_cluster_id(&scratch, "mine")
    );
}

/// What a restoration has moved aside is restored as its hint says, but not data that is in use.
#[test]
fn restoration_is_undone_by_the_replaced_data() {
    let scratch = started("undone", &three(95));
    let taken = backup(&scratch, "undone", &[]);
    put(&scratch, "undone", "greeting", "later");
    settles(&scratch, "undone");
    let file = taken["file"].as_str().unwrap();
    let restored = restore(&scratch, "undone", &["--from", file]).expect(0);
    assert_eq!(get(&scratch, "undone", "greeting"), "hello\n");
    let hint = restored.stderr.lines().last().unwrap();
    let command = hint.strip_prefix("hint: to go back to it: `").unwrap();
    typed(&scratch, command.strip_suffix('`').unwrap()).expect(0);
    assert_eq!(get(&scratch, "undone", "greeting"), "later\n");
    is_healthy(&scratch, "undone");

    let data = scratch.root().join(".state/undone/members/core-02/data");
    let refused = restore(&scratch, "undone", &["--from", data.as_str()]).expect(2);
    let hint =
        "hint: restore from the member: `cargo xtask restore undone --from-member core-02`\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
}
