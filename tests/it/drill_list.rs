//! `drill` without a fault: the list of faults, before and after a cluster is started.

use std::fs;

use expect_test::{expect, expect_file};
use serde_json::{Value, json};
use test_attribute::test;
use xtask::change::rehearsals::REHEARSALS;
use xtask::fault::FAULTS;
use xtask::values::DriverName;

use crate::cli_completions::was_started_by;
use crate::local_support::up;
use crate::scratch::Scratch;

/// Asserts that no line is wider than 80 columns.
#[track_caller]
fn assert_fits(list: &str) {
    for line in list.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn faults_are_listed_before_up() {
    let scratch = Scratch::with("default", "members = 3\n");
    let list = scratch.run(&["drill"]).expect(0);
    expect![[r#"
        hint: to run a drill, start the cluster: `cargo xtask up default`
    "#]]
    .assert_eq(&list.stderr);
    assert_fits(&list.stdout);
    expect_file!["../golden/drill/list.txt"].assert_eq(&list.stdout);
    assert!(!scratch.root().join(".state").exists());
}

#[test]
fn list_follows_from_the_definition() {
    let one = "members = 1\ndriver = \"local\"\n[etcd]\nquota = \"38MiB\"\nversion = \"3.5.21\"\n";
    let scratch = Scratch::with("one", one);
    let list = scratch.run(&["drill", "one"]).expect(0).stdout;
    assert_fits(&list);
    expect_file!["../golden/drill/list-one.txt"].assert_eq(&list);
    scratch.define("old", "members = 3\n[machine]\nprofile = \"coreos\"\n");
    let old = scratch.run(&["drill", "old"]).expect(0);
    assert!(!old.stderr.contains("hint: "), "{}", old.stderr);
    let note = "\n\nno: etcd 2.0.0 has no v3 API\n";
    assert!(old.stdout.ends_with(note), "{}", old.stdout);
    let missing = scratch.run(&["drill", "elsewhere"]).expect(3);
    assert_eq!(missing.stdout, "");
}

#[test]
fn list_is_printed_as_json() {
    let scratch = Scratch::with("default", "members = 3\n");
    let list = scratch.run(&["drill", "--format", "json"]).expect(0).stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (
            &list["format"],
            &list["cluster"],
            &list["started"],
            &list["driver"]
        ),
        (&json!(1), &json!("default"), &json!(false), &Value::Null)
    );
    let faults = list["faults"].as_array().unwrap();
    assert_eq!(faults.len(), FAULTS.len());
    let changes = list["changes"].as_array().unwrap();
    assert_eq!(changes.len(), REHEARSALS.len());
    assert_eq!(
        changes[0],
        json!({
            "change": "grow",
            "happens": "members are added, up to the next odd number",
            "possible": true,
            "reason": null,
        })
    );
    let named = |name| faults.iter().find(|fault| fault["fault"] == name).unwrap();
    assert_eq!(
        *named("foreign-cluster"),
        json!({
            "fault": "foreign-cluster",
            "happens": "another cluster takes over all addresses",
            "drivers": ["local"],
            "possible": true,
            "reason": null,
            "needs_yes": true,
            "cost": "other clients' writes during the drill are lost",
        })
    );
    assert_eq!(named("another-version")["possible"], false);
    let reason = "it needs another version of etcd: pass its folder to `--other-etcd`";
    assert_eq!(named("another-version")["reason"], reason);
}

#[test]
fn list_of_a_started_cluster_knows_its_driver() {
    let network = "members = 3\n[network]\nsubnet = \"10.78.40.0/24\"\n";
    let scratch = Scratch::with("started", network);
    up(&scratch, "started").expect(0);
    let list = scratch
        .run(&["drill", "started", "--format", "json"])
        .expect(0);
    assert_eq!(list.stderr, "");
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(
        (&list["started"], &list["driver"]),
        (&json!(true), &json!("local"))
    );
    let faults = list["faults"].as_array().unwrap();
    let cut = faults
        .iter()
        .find(|fault| fault["fault"] == "network-cut")
        .unwrap();
    assert_eq!(cut["reason"], "it needs the vagrant driver");
    let list = scratch.run(&["drill", "started"]).expect(0);
    let row = "network-cut              packets between two followers are dropped  no\n";
    assert!(list.stdout.contains(row), "{}", list.stdout);
    let note = "\nno: it needs the vagrant driver\n  network-cut, network-cut-one-way, ";
    assert!(list.stdout.contains(note), "{}", list.stdout);
}

/// etcdctl no longer restores snapshots from 3.6 on. The programs are empty stand-ins: listing runs none.
#[test]
fn diverged_data_needs_etcdutl_from_3_6_on() {
    let scratch = Scratch::with("new", "members = 3\n");
    was_started_by(
        &scratch,
        "new",
        "members = 3\n",
        DriverName::Local,
        "3.6.14",
    );
    let diverged = || {
        let list = scratch.run(&["drill", "new", "--format", "json"]).expect(0);
        let list: Value = serde_json::from_str(&list.stdout).unwrap();
        let faults = list["faults"].as_array().unwrap().iter();
        let mut diverged = faults.filter(|fault| fault["fault"] == "data-diverged");
        diverged.next().unwrap()["reason"].clone()
    };
    let reason = "it needs `etcdutl`, which restores snapshots, beside `etcdctl`";
    assert_eq!(diverged(), reason);
    fs::write(scratch.root().join("etcdutl"), "").unwrap();
    assert_eq!(diverged(), Value::Null);
}

#[test]
fn mistyped_faults_are_recognized() {
    let scratch = Scratch::with("five", "members = 5\n");
    for words in [
        &["drill", "leader-kiled"][..],
        &["drill", "five", "leader-kiled"],
    ] {
        let refused = scratch.run(words).expect(2);
        expect![[r#"
            error: there is no fault or change `leader-kiled`
            hint: did you mean `leader-killed`?
            hint: a cluster's name comes first; list all faults and changes: `cargo xtask drill`
        "#]]
        .assert_eq(&refused.stderr);
    }
    // The names of others are not confused with faults.
    let word = scratch.run(&["drill", "frobnicate"]).expect(3);
    assert!(
        word.stderr
            .contains("there is no `cluster/frobnicate.toml`")
    );
}
