//! What a backup holds besides keys, and what a restored cluster makes of it: alarms, users and learners.

use serde_json::Value;
use test_attribute::test;

use crate::backup::{one, started};
use crate::local_support::{etcdctl, get, is_healthy, put};
use crate::restore::{backed_up, restored, three};
use crate::scratch::Scratch;
use crate::support::look_until;

/// The verdict of a check.
fn verdict(scratch: &Scratch, name: &str, check: &str) -> String {
    let ran = scratch.run(&["verify", name, "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let mut checks = report["checks"].as_array().unwrap().iter();
    let found = checks.find(|one| one["name"] == check).unwrap();
    found["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn restored_alarm_is_reported() {
    let definition = one(151) + "[etcd]\nquota = \"4MiB\"\n";
    let scratch = started("alarm", &definition);
    let value = "x".repeat(100_000);
    let full = look_until(
        || etcdctl(&scratch, "alarm", &["put", "big", &value]),
        |ran| ran.stderr.contains("database space exceeded"),
    );
    assert!(full.stderr.contains("database space exceeded"), "{full:?}");
    let file = backed_up(&scratch, "alarm");
    let words = [
        "restore",
        "alarm",
        "--yes",
        "--from",
        file.as_str(),
        "--timeout",
        "5m",
    ];
    let ran = scratch.run(&words);
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert_eq!(verdict(&scratch, "alarm", "alarms"), "fail");
}

#[test]
fn restored_users_are_kept() {
    let scratch = started("users", &one(152));
    for words in [
        &["user", "add", "root:secret"][..],
        &["user", "grant-role", "root", "root"],
    ] {
        etcdctl(&scratch, "users", words).expect(0);
    }
    etcdctl(&scratch, "users", &["auth", "enable"]).expect(0);
    // A backup needs a user.
    let file = scratch.root().join("users.db");
    etcdctl(
        &scratch,
        "users",
        &["--user=root:secret", "snapshot", "save", file.as_str()],
    )
    .expect(0);
    let words = [
        "restore",
        "users",
        "--yes",
        "--from",
        file.as_str(),
        "--timeout",
        "30s",
    ];
    scratch.run(&words).expect(4);
    let get = [
        "--user=root:secret",
        "get",
        "greeting",
        "--print-value-only",
    ];
    assert_eq!(etcdctl(&scratch, "users", &get).expect(0).stdout, "hello\n");
    let verify = scratch.run(&["verify", "users"]);
    assert!(
        verify.stdout.contains("core-01 has authentication enabled"),
        "{}",
        verify.stdout
    );
    assert_eq!(verify.status, Some(4));
}

#[test]
fn learner_is_not_restored() {
    let scratch = started("learner", &three(153));
    let add = [
        "member",
        "add",
        "extra",
        "--learner",
        "--peer-urls=http://127.83.153.99:2380",
    ];
    let added = look_until(
        || etcdctl(&scratch, "learner", &add),
        |ran| ran.status == Some(0),
    );
    added.expect(0);
    let file = backed_up(&scratch, "learner");
    let ran = restored(&scratch, "learner", &file);
    assert!(
        ran.stderr.contains(" is not defined: it keeps its data"),
        "{}",
        ran.stderr
    );
    is_healthy(&scratch, "learner");
    put(&scratch, "learner", "late", "yes");
    let list = etcdctl(&scratch, "learner", &["member", "list"])
        .expect(0)
        .stdout;
    assert_eq!(list.lines().count(), 3, "{list}");
    assert_eq!(get(&scratch, "learner", "greeting"), "hello\n");
}
