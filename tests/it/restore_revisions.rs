//! What a restoration loses, and where its revisions continue.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;
use test_attribute::test;
use xtask::restore::{Loss, Skipped};
use xtask::state::{DataSeen, high_water_mark};
use xtask::workspace::Workspace;

use crate::backup::{one, started};
use crate::etcd_binaries::{of_debian_13, packaged, tools};
use crate::local_support::{etcdctl, put, up};
use crate::restore::{backed_up, restore, restored, started_3_5};
use crate::scratch::Scratch;
use crate::verify_support;

/// The revision of the first member.
fn revision(scratch: &Scratch, name: &str) -> u64 {
    let status = etcdctl(scratch, name, &["endpoint", "status", "-w", "json"]).expect(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    status[0]["Status"]["header"]["revision"].as_u64().unwrap()
}

/// The rows of what is lost, in one line.
fn lost(said: &str) -> String {
    let mut rows = said.lines().skip_while(|line| !line.starts_with("  lost "));
    let first = rows.next().unwrap().split_once("lost").unwrap().1.trim();
    let rest = rows.take_while(|row| row.starts_with("      "));
    rest.fold(first.to_owned(), |text, row| text + " " + row.trim())
}

/// What would be lost now.
fn would_lose(scratch: &Scratch, name: &str, file: &camino::Utf8Path) -> String {
    lost(
        &scratch
            .run(&["restore", name, "--from", file.as_str()])
            .expect(2)
            .stderr,
    )
}

#[test]
fn loss_counts_changes_and_not_skipped_revisions() {
    let (unknown, nothing) = (Loss::Unknown, Loss::NothingSeen);
    let some = |from, to, changes| Loss::Revisions { from, to, changes };
    assert_eq!(Loss::of(5, None, None, &[]), unknown);
    assert_eq!(Loss::of(5, Some(5), None, &[]), nothing);
    // An empty cluster is at revision 1, and its snapshot at 0.
    assert_eq!(Loss::of(0, Some(1), Some(1), &[]), nothing);
    assert_eq!(Loss::of(5, None, Some(7), &[]), some(6, 7, 2));
    assert_eq!(Loss::of(5, Some(6), Some(7), &[]), some(6, 7, 2));
    assert_eq!(Loss::of(5, Some(4), Some(7), &[]), Loss::All { at: 4 });
    let skipped = [
        Skipped { after: 5, to: 100 },
        Skipped {
            after: 103,
            to: 200,
        },
    ];
    for (snapshot, loss) in [
        (3, some(4, 204, 2 + 3 + 4)),
        (5, some(101, 204, 3 + 4)),
        (50, some(101, 204, 3 + 4)),
        (100, some(101, 204, 3 + 4)),
        (103, some(201, 204, 4)),
        (204, nothing),
    ] {
        assert_eq!(
            Loss::of(snapshot, Some(204), Some(204), &skipped),
            loss,
            "{snapshot}"
        );
    }
    assert_eq!(Loss::of(103, Some(200), Some(200), &skipped), nothing);
}

/// A look may take so long that a restoration comes and goes meanwhile.
#[test]
fn look_at_what_was_before_a_restoration_is_forgotten() {
    let scratch = Scratch::new();
    let home = Workspace::at(scratch.root()).home(&"default".parse().unwrap());
    fs::create_dir_all(home.folder()).unwrap();
    let plan = verify_support::three();
    let mut observation = verify_support::healthy(&plan);
    let noted = || high_water_mark::recall(&home, &plan).unwrap();
    for backup in [1, 1, 2] {
        observation.before = noted();
        let data = DataSeen::of(&home);
        high_water_mark::restored(&home, plan.cluster_id, backup, backup).unwrap();
        high_water_mark::note(&home, &plan, &observation, &data);
        assert_eq!(noted().unwrap().revision, backup);
        observation.before = noted();
        high_water_mark::note(&home, &plan, &observation, &data);
        assert!(noted().unwrap().revision > backup);
    }
}

#[test]
fn revisions_of_3_5_only_grow() {
    let scratch = started_3_5("grows", 71);
    let old = backed_up(&scratch, "grows");
    let at = revision(&scratch, "grows");
    put(&scratch, "grows", "a", "lost");
    put(&scratch, "grows", "b", "lost");
    let seen = revision(&scratch, "grows");
    let ran = restored(&scratch, "grows", &old);
    assert!(
        lost(&ran.stderr).ends_with(&format!("revisions {} to {seen}", at + 1)),
        "{}",
        ran.stderr
    );
    let raised = revision(&scratch, "grows");
    let continues = format!("  revisions continue at {};", seen + 1_000_000_000);
    assert!(ran.stderr.contains(&continues), "{}", ran.stderr);
    assert!(raised > seen + 1_000_000_000);

    // A watcher that comes back learns that it has missed something.
    let from = format!("--rev={seen}");
    let watch = etcdctl(&scratch, "grows", &["watch", "--prefix", "", &from]);
    assert!(watch.stderr.contains("compacted"), "{watch:?}");

    // Only what was written since then is counted.
    let now = revision(&scratch, "grows");
    let proven = scratch.run(&["backup", "grows", "--prove"]).expect(0);
    assert!(
        proven.stdout.trim_end().ends_with("proven"),
        "{}",
        proven.stdout
    );
    put(&scratch, "grows", "c", "lost");
    let again = would_lose(&scratch, "grows", &old);
    let first = seen + 1_000_000_001;
    assert!(
        again.ends_with(&format!("revisions {first} to {}", now + 1)),
        "{again}"
    );
    let count = now + 1 - first + 1;
    assert!(
        again.starts_with(&format!("at least {count} changes in the last ")),
        "{again}"
    );
    restored(&scratch, "grows", &old);
    assert!(revision(&scratch, "grows") > now + 1_000_000_000);

    // The backup in between tells how far clients may have come.
    let high = revision(&scratch, "grows");
    backed_up(&scratch, "grows");
    scratch.run(&["destroy", "grows", "--yes"]).expect(0);
    let with = [
        "--from",
        old.as_str(),
        "--etcd-dir",
        of_debian_13().as_str(),
    ];
    restore(&scratch, "grows", &with).expect(0);
    assert!(revision(&scratch, "grows") > high + 1_000_000_000);
    scratch.run(&["verify", "grows"]).expect(0);
}

#[test]
fn revisions_of_3_4_go_back_and_that_is_said() {
    let scratch = started("back", &one(72));
    let old = backed_up(&scratch, "back");
    put(&scratch, "back", "a", "lost");
    let new = backed_up(&scratch, "back");
    let at = revision(&scratch, "back") - 1;
    let ran = restored(&scratch, "back", &old);
    let row = format!(
        "  revisions go back to {at}, because etcd {} cannot raise them:\n",
        tools().version
    );
    assert!(ran.stderr.contains(&row), "{}", ran.stderr);
    // The cluster has another history now.
    restored(&scratch, "back", &old);
    scratch.run(&["down", "back"]).expect(0);
    let all = would_lose(&scratch, "back", &new);
    assert!(!all.starts_with("all that"), "{all}");
    up(&scratch, "back").expect(0);
    for key in 0..9 {
        put(&scratch, "back", &format!("key-{key}"), "value");
    }
    let now = revision(&scratch, "back");
    let some = would_lose(&scratch, "back", &old);
    let expected = format!("revisions {} to {now}", at + 1);
    assert!(some.ends_with(&expected), "{some}");
}

#[test]
fn another_history_is_named() {
    let scratch = started("other", &one(73));
    for key in 0..20 {
        put(&scratch, "other", &format!("key-{key}"), "value");
    }
    let old = backed_up(&scratch, "other");
    scratch.run(&["destroy", "other", "--yes"]).expect(0);
    up(&scratch, "other").expect(0);
    put(&scratch, "other", "new", "value");
    let now = revision(&scratch, "other");
    let all = would_lose(&scratch, "other", &old);
    let expected = format!(
        "all that the cluster holds now, at revision {now}: it has another history, or lost its data"
    );
    assert_eq!(all, expected);
}

#[test]
fn loss_is_known_while_clients_write_and_after_a_stop() {
    let scratch = started("busy", &one(74));
    let old = backed_up(&scratch, "busy");
    let is_over = AtomicBool::new(false);
    let (before, said, after) = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                put(&scratch, "busy", "key", "value");
            }
        });
        let before = revision(&scratch, "busy");
        let said = would_lose(&scratch, "busy", &old);
        let after = revision(&scratch, "busy");
        is_over.store(true, Ordering::SeqCst);
        (before, said, after)
    });
    let to: u64 = said.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        before.max(3) <= to && to <= after,
        "{before} {said} {after}"
    );
    scratch.run(&["verify", "busy"]).expect(0);
    let seen = revision(&scratch, "busy");
    scratch.run(&["down", "busy"]).expect(0);
    let said = would_lose(&scratch, "busy", &old);
    let to: u64 = said.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(before <= to && to <= seen, "{before} {said} {seen}");
}

#[test]
fn empty_cluster_is_restored() {
    let scratch = Scratch::with("empty", &one(75));
    let newer = one(76) + "[etcd]\nversion = \"3.5.16\"\n";
    scratch.define("newer", &newer);
    for (name, etcd) in [("empty", packaged()), ("newer", of_debian_13())] {
        let file = scratch.root().join(format!("{name}.db"));
        // `up` writes while it verifies.
        let mut bare = Command::new(etcd.join("etcd"));
        let folder = scratch.root().join(format!("bare-{name}"));
        bare.args(["--data-dir", folder.as_str()])
            .stderr(Stdio::null());
        let mut bare = bare.spawn().unwrap();
        let saved = crate::support::look_until(
            || {
                let mut save = Command::new(etcd.join("etcdctl"));
                save.args(["snapshot", "save", file.as_str()])
                    .env("ETCDCTL_API", "3");
                save.output().unwrap().status.success()
            },
            |saved| *saved,
        );
        bare.kill().unwrap();
        bare.wait().unwrap();
        assert!(saved);
        let with = ["--from", file.as_str(), "--etcd-dir", etcd.as_str()];
        restore(&scratch, name, &with).expect(0);
        scratch.run(&["verify", name]).expect(0);
        let said = would_lose(&scratch, name, &file);
        assert!(!said.contains("revision 1"), "{said}");
    }
}
