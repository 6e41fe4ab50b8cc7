//! Clusters that lost their majority, and are restored from one member.

use std::fs;

use camino::Utf8PathBuf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::backup::{files, folder, one, settles, started};
use crate::cli_cluster::kill_member;
use crate::local_support::{etcdctl, get, halt, is_healthy, predicted_cluster_id, processes, put};
use crate::local_support::{running_cluster_id, up};
use crate::restore::{beside_data, restore, three};
use crate::scratch::{Ran, Scratch};
use crate::support::look_until;

/// The folder of a member's data.
pub(crate) fn data(scratch: &Scratch, name: &str, member: &str) -> Utf8PathBuf {
    scratch
        .root()
        .join(format!(".state/{name}/members/{member}/data"))
}

/// Kills these members, and removes their data.
fn lose(scratch: &Scratch, name: &str, members: &[&str]) {
    for member in members {
        kill_member(scratch, name, member);
        fs::remove_dir_all(data(scratch, name, member)).unwrap();
    }
}

fn from_member(scratch: &Scratch, name: &str, member: &str) -> Ran {
    restore(scratch, name, &["--from-member", member])
}

/// Asserts that the cluster is healthy, the predicted one, and has the key on every member.
fn is_whole(scratch: &Scratch, name: &str, members: usize) {
    is_healthy(scratch, name);
    assert_eq!(processes(scratch, name).len(), members);
    assert_eq!(get(scratch, name, "greeting"), "hello\n");
    assert_eq!(
        running_cluster_id(scratch, name),
        predicted_cluster_id(scratch, name)
    );
    assert!(
        !scratch
            .root()
            .join(format!(".state/{name}/scratch"))
            .exists()
    );
    let left = beside_data(scratch, name);
    assert!(
        left.iter().all(|name| name.starts_with("data-replaced-")),
        "{left:?}"
    );
}

#[test]
fn lost_majority_is_restored_from_a_running_member() {
    let scratch = started("runs", &three(101));
    lose(&scratch, "runs", &["core-01", "core-03"]);
    let ran = from_member(&scratch, "runs", "core-02").expect(0);
    assert!(
        ran.stderr
            .contains("changes that core-02 had not received;"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains(", taken without a quorum\n"),
        "{}",
        ran.stderr
    );
    assert!(
        !ran.stderr.contains("warning: a majority"),
        "{}",
        ran.stderr
    );
    is_whole(&scratch, "runs", 3);
    assert_eq!(files(&folder(&scratch, "runs")).len(), 2);
}

#[test]
fn lost_majority_is_restored_from_a_stopped_member() {
    let scratch = started("stopped", &three(102));
    // The last writes are only in the log: etcd writes its database every 100 ms. That one is committed is in
    // the log only from the next one on.
    for key in ["late", "last"] {
        put(&scratch, "stopped", key, "yes");
        settles(&scratch, "stopped");
    }
    kill_member(&scratch, "stopped", "core-02");
    scratch.run(&["verify", "stopped"]);
    lose(&scratch, "stopped", &["core-01", "core-03"]);
    let ran = from_member(&scratch, "stopped", "core-02").expect(0);
    assert!(
        ran.stderr.contains("copying the data of core-02\n"),
        "{}",
        ran.stderr
    );
    is_whole(&scratch, "stopped", 3);
    assert_eq!(get(&scratch, "stopped", "late"), "yes\n");
    let proven = scratch.run(&["backup", "stopped", "--prove"]).expect(0);
    assert!(
        proven.stdout.trim_end().ends_with("proven"),
        "{}",
        proven.stdout
    );
}

#[test]
fn clusters_of_one_and_five_are_restored_from_a_member() {
    let scratch = started("single", &one(103));
    from_member(&scratch, "single", "core-01").expect(0);
    scratch.run(&["down", "single"]).expect(0);
    from_member(&scratch, "single", "core-01").expect(0);
    is_whole(&scratch, "single", 1);

    let five = one(104).replace("members = 1", "members = 5");
    let scratch = started("five", &five);
    lose(&scratch, "five", &["core-01", "core-03", "core-05"]);
    let ran = from_member(&scratch, "five", "core-04").expect(0);
    assert!(
        ran.stderr
            .contains("  members   5 members: stopped, restored and started\n"),
        "{}",
        ran.stderr
    );
    is_whole(&scratch, "five", 5);
}

#[test]
fn way_without_a_loss_is_named() {
    let scratch = started("able", &three(105));
    let ran = from_member(&scratch, "able", "core-01").expect(0);
    let warning = "warning: the cluster has a quorum, so nothing is lost yet\n";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    lose(&scratch, "able", &["core-01"]);
    kill_member(&scratch, "able", "core-02");
    let words = ["restore", "able", "--from-member", "core-03"];
    let ran = scratch.run(&words).expect(2);
    let warning =
        "warning: a majority has its data: `cargo xtask up able` may start it without a loss\n";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    // It may indeed.
    up(&scratch, "able").expect(6);
    assert_eq!(get(&scratch, "able", "greeting"), "hello\n");
}

#[test]
fn unusable_survivors_are_refused() {
    let scratch = started("unfit", &three(106));
    let refused = |member: &str, status: i32, said: &[&str]| {
        let ran = from_member(&scratch, "unfit", member).expect(status);
        for fact in said {
            assert!(ran.stderr.contains(fact), "{fact}: {}", ran.stderr);
        }
    };
    let unchanged = "note: nothing was changed\n";
    let id = processes(&scratch, "unfit")["core-03"];
    halt(id);
    let hint = format!(
        "hint: continue it, then restore from it: `kill -CONT {id}`, then `cargo xtask restore unfit --from-member core-03`\n"
    );
    refused(
        "core-03",
        7,
        &["error: `core-03` is halted: process ", unchanged, &hint],
    );
    kill(Pid::from_raw(id), Signal::SIGCONT).unwrap();

    // Stopped, with damage that etcd finds.
    scratch.run(&["down", "unfit"]).expect(0);
    let log =
        data(&scratch, "unfit", "core-02").join("member/wal/0000000000000000-0000000000000000.wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[100..200].fill(0xff);
    fs::write(&log, bytes).unwrap();
    refused(
        "core-02",
        7,
        &["error: the data of `core-02` cannot be used: ", unchanged],
    );
    let database = data(&scratch, "unfit", "core-03").join("member/snap/db");
    let length = fs::metadata(&database).unwrap().len();
    fs::write(&database, vec![0xff; usize::try_from(length).unwrap()]).unwrap();
    refused(
        "core-03",
        7,
        &["error: the data of `core-03` cannot be used: ", unchanged],
    );
    fs::remove_dir_all(data(&scratch, "unfit", "core-01")).unwrap();
    refused("core-01", 7, &["error: `core-01` has no data", unchanged]);
    refused("core-09", 2, &["error: ", "hint: "]);
    assert_eq!(files(&folder(&scratch, "unfit")), [""; 0]);
    assert_eq!(beside_data(&scratch, "unfit"), [""; 0]);
    assert!(!scratch.root().join(".state/unfit/scratch").exists());
    let never = Scratch::with("never", &one(107));
    let ran = from_member(&never, "never", "core-01").expect(4);
    assert!(
        ran.stderr.contains("cluster `never` has not been started"),
        "{}",
        ran.stderr
    );
}

#[test]
fn data_of_another_cluster_is_refused() {
    let scratch = started("ours", &one(108));
    scratch.define("theirs", &one(109));
    up(&scratch, "theirs").expect(0);
    for name in ["ours", "theirs"] {
        scratch.run(&["down", name]).expect(0);
    }
    let (ours, theirs) = (
        data(&scratch, "ours", "core-01"),
        data(&scratch, "theirs", "core-01"),
    );
    fs::remove_dir_all(&ours).unwrap();
    fs::rename(theirs, ours).unwrap();
    let ran = from_member(&scratch, "ours", "core-01").expect(7);
    assert!(ran.stderr.starts_with("copying"), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("error: the data of `core-01` belongs to cluster "),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("note: nothing was changed\n"),
        "{}",
        ran.stderr
    );
}

#[test]
fn undefined_members_are_warned_about() {
    let scratch = started("more", &three(110));
    let add = [
        "member",
        "add",
        "extra",
        "--peer-urls=http://127.83.110.99:2380",
    ];
    // etcd adds members only when all have been connected for five seconds.
    let added = look_until(
        || etcdctl(&scratch, "more", &add),
        |ran| ran.status == Some(0),
    );
    added.expect(0);
    let ran = from_member(&scratch, "more", "core-02").expect(0);
    let warning = " is not defined: it keeps its data, and must not run beside the restored ones\n";
    assert!(
        ran.stderr.contains("warning: member `") && ran.stderr.contains(warning),
        "{}",
        ran.stderr
    );
    is_whole(&scratch, "more", 3);
    // The restored cluster has the defined members only.
    let list = etcdctl(&scratch, "more", &["member", "list"])
        .expect(0)
        .stdout;
    assert_eq!(list.lines().count(), 3, "{list}");
}
