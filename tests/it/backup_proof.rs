//! Proofs of backups, and backups and proofs that are killed or interrupted.

use std::fs;

use camino::Utf8Path;
use nix::sys::signal::Signal;
use serde_json::Value;
use test_attribute::test;
use xtask::download::sha256;

use crate::backup::{backup, files, folder, one, started};
use crate::cli_cluster::Follower;
use crate::etcd_binaries::{of_debian_13, packaged};
use crate::local_support::{etcdctl, put};
use crate::restore_refused::forge;
use crate::scratch::Scratch;
use crate::support::{copy_programs, look_until, program};
use crate::terminal::Terminal;

/// Edits the manifest of a backup.
fn edit(file: &str, field: &str, value: Value) {
    let path = format!("{file}.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    manifest[field] = value;
    fs::write(path, manifest.to_string()).unwrap();
}

/// The processes of scratch clusters in this workspace.
fn scratch_processes(scratch: &Scratch) -> Vec<i32> {
    let is_scratch = |id: &i32| {
        let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.contains("/scratch/") && line.contains(scratch.root().as_str())
    };
    xtask::process::all()
        .into_iter()
        .filter(is_scratch)
        .collect()
}

/// A cluster whose etcdctl first runs this script with the words `$*`.
fn with_etcdctl(name: &str, network: u8, does: &str) -> Scratch {
    let scratch = Scratch::with(name, &one(network));
    let bin = scratch.root().join("bin");
    program(
        &bin.join("etcd"),
        &format!("exec '{}/etcd' \"$@\"", packaged()),
    );
    program(
        &bin.join("etcdctl"),
        &format!(
            "root='{}'\nreal='{}/etcdctl'\n{WAIT}\n{does}\nexec \"$real\" \"$@\"",
            scratch.root(),
            packaged()
        ),
    );
    let up = ["up", name, "--etcd-dir", bin.as_str(), "--timeout", "5m"];
    scratch.run(&up).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

/// A function of the shell that says that it waits, and waits for a file, as long as the workspace exists.
const WAIT: &str = "wait_here() {
    touch \"$root/waits\"
    while [ -d \"$root\" ] && [ ! -e \"$root/go\" ]; do sleep 0.05; done
}";

/// Waits until the script does.
fn comes_to_wait(scratch: &Scratch) {
    let waits = scratch.root().join("waits");
    assert!(look_until(|| waits.exists(), |waits| *waits));
}

fn let_it_go(scratch: &Scratch) {
    fs::write(scratch.root().join("go"), "").unwrap();
}

#[test]
fn forged_backup_is_not_proven() {
    let scratch = started("forged", &one(21));
    put(&scratch, "forged", "account", "balance-100");
    let taken = backup(&scratch, "forged", &["--prove"]);
    let file = taken["file"].as_str().unwrap();
    // Another value, with checksums that fit: only etcd's own hash shows it.
    forge(Utf8Path::new(file), true);
    edit(file, "sha256", sha256(Utf8Path::new(file)).unwrap().into());

    scratch.run(&["backup", "forged", "--list"]).expect(0);
    let name = Utf8Path::new(file).file_name().unwrap();
    let prove = scratch
        .run(&["backup", "forged", &format!("--prove={name}")])
        .expect(1);
    let revision = &taken["revision"];
    let why =
        format!("at revision {revision}, the keys of the restored copy differ from the cluster's");
    assert!(prove.stderr.contains(&why), "{}", prove.stderr);
    let list = scratch
        .run(&["backup", "forged", "--list"])
        .expect(0)
        .stdout;
    assert!(list.trim_end().ends_with("not proven"), "{list}");
    assert_eq!(scratch_processes(&scratch), [0; 0]);
    assert!(!scratch.root().join(".state/forged/scratch").exists());
}

#[test]
fn backup_is_proven_only_by_equal_figures() {
    let scratch = started("figures", &one(22));
    let taken = backup(&scratch, "figures", &[]);
    let file = taken["file"].as_str().unwrap();
    let prove = format!("--prove={}", Utf8Path::new(file).file_name().unwrap());
    for (field, value, status, why) in [
        (
            "compact_revision",
            1.into(),
            1,
            "the hashes cannot be compared",
        ),
        ("keys", 12_345.into(), 1, "but the cluster had 12,345"),
        ("revision", 1_000.into(), 1, "but its manifest says 1000"),
        ("hash", Value::Null, 1, "its manifest has no hash"),
        (
            "etcd",
            "3.6.14".into(),
            5,
            "the backup is of etcd 3.6.14, but the etcd on this host is 3.4.",
        ),
    ] {
        edit(file, field, value);
        let ran = scratch.run(&["backup", "figures", &prove]).expect(status);
        assert!(ran.stderr.contains(why), "{field}: {}", ran.stderr);
        edit(file, field, taken[field].clone());
    }
    let proven = scratch.run(&["backup", "figures", &prove]).expect(0).stdout;
    assert!(proven.ends_with("  proven\n"), "{proven}");
}

#[test]
fn failed_proof_removes_no_older_backup() {
    // A copy that hashes differently stands for one that was restored wrongly.
    let scratch = with_etcdctl(
        "wrong",
        29,
        "case \"$*\" in *//127.0.0.1:*hashkv*)
            [ -e \"$root/go\" ] || { \"$real\" \"$@\" | sed 's/\"hash\":[0-9]*/\"hash\":1/'; exit; } ;; esac",
    );
    backup(&scratch, "wrong", &[]);
    let failed = ["backup", "wrong", "--prove", "--keep", "1"];
    let failed_json = scratch
        .run(&[&failed[..], &["--format", "json"]].concat())
        .expect(1);
    let failed_json: Value = serde_json::from_str(&failed_json.stdout).unwrap();
    let why = "the keys of the restored copy differ from the cluster's";
    assert!(
        failed_json["error"].as_str().unwrap().ends_with(why),
        "{failed_json:#}"
    );
    assert_eq!(failed_json["proven"], Value::Null);
    assert_eq!(files(&folder(&scratch, "wrong")).len(), 4);
    let_it_go(&scratch);
    scratch.run(&failed).expect(0);
    assert_eq!(files(&folder(&scratch, "wrong")).len(), 2);
}

/// etcdutl checks and restores: etcdctl, which is wrapped here, refuses to, as from 3.6 on.
#[test]
fn etcdutl_proves_a_backup_of_3_5() {
    let definition = one(23) + "[etcd]\nversion = \"3.5.16\"\n";
    let scratch = Scratch::with("newer", &definition);
    let bin = scratch.root().join("bin");
    fs::create_dir(&bin).unwrap();
    copy_programs(of_debian_13(), &bin, &["etcd", "etcdutl"]);
    let etcdctl = format!(
        "case \" $* \" in *' snapshot restore '* | *' snapshot status '*) exit 1 ;; esac\n\
         exec '{}/etcdctl' \"$@\"",
        of_debian_13()
    );
    program(&bin.join("etcdctl"), &etcdctl);
    let up = ["up", "newer", "--etcd-dir", bin.as_str(), "--timeout", "5m"];
    scratch.run(&up).expect(0);
    put(&scratch, "newer", "greeting", "hello");
    let taken = backup(&scratch, "newer", &["--prove"]);
    assert!(taken["proven"].is_string(), "{taken:#}");
    assert_eq!(taken["etcd"], "3.5.16");
}

#[test]
fn killed_backup_leaves_nothing_that_looks_like_one() {
    let scratch = with_etcdctl(
        "cut",
        24,
        "case \"$*\" in *'snapshot save'*) [ -e \"$root/go\" ] || {
            for last; do :; done; echo half >\"$last.part\"; wait_here
        } ;; esac",
    );
    let waits = scratch.root().join("waits");
    let folder = folder(&scratch, "cut");
    let hidden = |names: &[String]| names.iter().all(|name| name.starts_with('.'));
    for (signal, status, left) in [(Signal::SIGKILL, None, 1), (Signal::SIGINT, Some(130), 0)] {
        let mut run = Follower::errors(&mut scratch.command(&["backup", "cut"]));
        comes_to_wait(&scratch);
        fs::remove_file(&waits).unwrap();
        run.signal(signal);
        assert_eq!(run.child.wait().unwrap().code(), status);
        let names = files(&folder);
        assert!(names.len() == left && hidden(&names), "{names:?}");
        let list = scratch.run(&["backup", "cut", "--list"]).expect(0);
        assert_eq!(list.stdout, "");
    }
    let_it_go(&scratch);
    backup(&scratch, "cut", &[]);
    assert_eq!(files(&folder).len(), 2);
}

#[test]
fn progress_of_a_slow_snapshot_is_shown() {
    let scratch = with_etcdctl(
        "slow",
        25,
        "case \"$*\" in *'snapshot save'*)
            for last; do :; done; head -c 3145728 /dev/zero >\"$last.part\"; wait_here ;; esac",
    );
    let mut run = Follower::errors(&mut scratch.command(&["backup", "slow"]));
    let line = run.wait_for("3 MiB");
    assert!(line.starts_with("core-01  3 MiB of about "), "{line}");
    let_it_go(&scratch);
    let line = run.wait_for("core-01  ");
    assert!(
        line.ends_with(" saved") && !line.contains("about"),
        "{line}"
    );
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
}

#[test]
fn progress_on_a_terminal_is_one_line() {
    let scratch = with_etcdctl(
        "shown",
        32,
        "case \"$*\" in *'snapshot save'*)
            for last; do :; done; head -c 3145728 /dev/zero >\"$last.part\"; wait_here ;; esac",
    );
    let mut terminal = Terminal::open(&scratch.command(&["backup", "shown"]), 80, 24);
    terminal.wait_until_it_shows(|screen| screen.text().contains("· core-01  3 MiB of about "));
    let_it_go(&scratch);
    let (_, screen) = terminal.end();
    let text = screen.text();
    let about: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("core-01  "))
        .collect();
    assert!(
        about.len() == 1 && about[0].starts_with("✓ core-01  "),
        "{text}"
    );
}

#[test]
fn killed_proof_is_cleaned_up_by_the_next_backup() {
    let scratch = proof_that_waits("stuck", 26);
    let mut run = Follower::errors(&mut scratch.command(&["backup", "stuck", "--prove"]));
    comes_to_wait(&scratch);
    assert_eq!(scratch_processes(&scratch).len(), 1);
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    assert_eq!(scratch_processes(&scratch).len(), 1);
    let_it_go(&scratch);
    backup(&scratch, "stuck", &["--prove"]);
    assert_eq!(scratch_processes(&scratch), [0; 0]);
    assert!(!scratch.root().join(".state/stuck/scratch").exists());
    let list = scratch.run(&["backup", "stuck", "--list"]).expect(0).stdout;
    let states: Vec<&str> = list
        .lines()
        .skip(1)
        .map(|line| line.rsplit("  ").next().unwrap())
        .collect();
    assert_eq!(states, ["not proven", "proven"]);
}

#[test]
fn destroy_ends_a_killed_proof() {
    let scratch = proof_that_waits("doomed", 27);
    let mut run = Follower::errors(&mut scratch.command(&["backup", "doomed", "--prove"]));
    comes_to_wait(&scratch);
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    scratch.run(&["destroy", "doomed", "--yes"]).expect(0);
    assert_eq!(scratch_processes(&scratch), [0; 0]);
    assert_eq!(files(&scratch.root().join(".state/doomed")), ["backups"]);
}

#[test]
fn interrupted_proof_ends_its_cluster_first() {
    let scratch = proof_that_waits("broken", 28);
    let mut run = Follower::errors(&mut scratch.command(&["backup", "broken", "--prove"]));
    comes_to_wait(&scratch);
    run.signal(Signal::SIGINT);
    run.wait_for("interrupted: ending the scratch cluster first");
    let_it_go(&scratch);
    run.wait_for("error: interrupted before the backup was proven");
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    assert_eq!(scratch_processes(&scratch), [0; 0]);
    let list = scratch
        .run(&["backup", "broken", "--list"])
        .expect(0)
        .stdout;
    assert!(list.trim_end().ends_with("not proven"), "{list}");
}

#[test]
fn interrupted_restoration_leaves_nothing() {
    let scratch = with_etcdctl(
        "midway",
        30,
        "case \"$*\" in *'snapshot restore'*) wait_here ;; esac",
    );
    let mut run = Follower::errors(&mut scratch.command(&["backup", "midway", "--prove"]));
    comes_to_wait(&scratch);
    run.signal(Signal::SIGINT);
    assert_eq!(run.wait_for("interrupted"), "interrupted");
    run.wait_for("the backup is complete, and not proven");
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    assert!(!scratch.root().join(".state/midway/scratch").exists());
    assert_eq!(files(&folder(&scratch, "midway")).len(), 2);
}

#[test]
fn failure_to_restore_takes_no_earlier_proof_away() {
    let scratch = with_etcdctl(
        "again",
        31,
        "case \"$*\" in *'snapshot restore'*) [ ! -e \"$root/go\" ] || {
            echo 'Error: write data: no space left on device' >&2; exit 1
        } ;; esac",
    );
    let taken = backup(&scratch, "again", &["--prove"]);
    let_it_go(&scratch);
    let file = taken["file"].as_str().unwrap();
    let name = Utf8Path::new(file).file_name().unwrap();
    let failed = scratch
        .run(&["backup", "again", &format!("--prove={name}")])
        .expect(1);
    let why = "is not proven: it cannot be restored here: write data: no space left on device\n";
    assert!(failed.stderr.contains(why), "{}", failed.stderr);
    assert!(!scratch.root().join(".state/again/scratch").exists());
    let list = scratch.run(&["backup", "again", "--list"]).expect(0).stdout;
    assert!(list.ends_with("  proven\n"), "{list}");
}

/// A cluster whose etcdctl waits before it hashes the keys of a scratch cluster.
fn proof_that_waits(name: &str, network: u8) -> Scratch {
    let does = "case \"$*\" in *//127.0.0.1:*hashkv*) wait_here ;; esac";
    with_etcdctl(name, network, does)
}

/// Deletions that are compacted leave no trace in a snapshot, and etcd has an older hash of exactly that
/// revision.
#[test]
fn backup_is_proven_right_after_a_compaction() {
    for (network, folder) in [(33, packaged()), (34, of_debian_13())] {
        let scratch = Scratch::with("idle", &one(network));
        let up = [
            "up",
            "idle",
            "--etcd-dir",
            folder.as_str(),
            "--timeout",
            "5m",
        ];
        scratch.run(&up).expect(0);
        put(&scratch, "idle", "greeting", "hello");
        etcdctl(&scratch, "idle", &["del", "greeting"]).expect(0);
        scratch.run(&["defrag", "idle", "--compact"]).expect(0);
        let taken = backup(&scratch, "idle", &["--prove"]);
        assert!(taken["proven"].is_string(), "{taken:#}");
        let restore = ["restore", "idle", "--yes", "--from"];
        let file = taken["file"].as_str().unwrap();
        let restored = scratch.run(&[&restore[..], &[file]].concat()).expect(0);
        let lost = restored.stderr.contains("no later revision was seen");
        assert!(lost, "{}", restored.stderr);
    }
}
