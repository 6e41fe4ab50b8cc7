//! Tasks that are interrupted at any moment, and tasks that run at the same time.

use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use test_attribute::test;

use crate::cli_cluster::Follower;
use crate::local_support::{
    begin, begin_up, end, etcd_that_first, one, predicted_cluster_id, processes,
    running_cluster_id, three, up, with_packaged,
};
use crate::scratch::{Ran, Scratch};

/// Interrupts a task after this time, unless it is faster.
fn cut_after(milliseconds: u64, task: Child, signal: Signal) -> Ran {
    let (_never, moment) = mpsc::channel::<()>();
    let _ = moment.recv_timeout(Duration::from_millis(milliseconds));
    kill(Pid::from_raw(task.id().cast_signed()), signal).unwrap();
    end(task)
}

#[test]
fn next_up_continues_an_interrupted_one() {
    let scratch = Scratch::new();
    // Some of three members may be started. If the last one was stopped, this is a restart with
    // data.
    for (definition, signal, milliseconds, then) in [
        (one(21), Signal::SIGKILL, 40, "destroy"),
        (three(21), Signal::SIGKILL, 60, "down"),
        (three(21), Signal::SIGKILL, 90, "destroy"),
        (three(21), Signal::SIGKILL, 150, "destroy"),
        (one(21), Signal::SIGINT, 80, "down"),
        (one(21), Signal::SIGTERM, 300, "destroy"),
    ] {
        scratch.define("cut", &definition);
        let cut = cut_after(milliseconds, begin_up(&scratch, "cut"), signal);
        let expected = [None, Some(130), Some(0)];
        assert!(expected.contains(&cut.status), "{:?}", cut.status);

        up(&scratch, "cut").expect(0);
        let members = if definition == one(21) { 1 } else { 3 };
        assert_eq!(processes(&scratch, "cut").len(), members);
        let identity = predicted_cluster_id(&scratch, "cut");
        assert_eq!(running_cluster_id(&scratch, "cut"), identity);
        match then {
            "down" => scratch.run(&["down", "cut"]).expect(0),
            _ => scratch.run(&["destroy", "cut", "--yes"]).expect(0),
        };
        assert!(processes(&scratch, "cut").is_empty());
    }
}

#[test]
fn interrupted_down_and_destroy_can_be_repeated() {
    let scratch = Scratch::new();
    // Some of three members may be stopped.
    for (milliseconds, definition) in [(5, one(22)), (40, three(22)), (80, one(22))] {
        scratch.define("gone", &definition);
        up(&scratch, "gone").expect(0);
        let down = begin(&scratch, &["down", "gone"]);
        cut_after(milliseconds, down, Signal::SIGKILL);
        scratch.run(&["down", "gone"]).expect(0);
        assert!(processes(&scratch, "gone").is_empty());

        up(&scratch, "gone").expect(0);
        let destroy = begin(&scratch, &["destroy", "gone", "--yes"]);
        cut_after(milliseconds, destroy, Signal::SIGKILL);
        scratch.run(&["destroy", "gone", "--yes"]).expect(0);
        assert!(processes(&scratch, "gone").is_empty());
        assert_eq!(scratch.left_in_state(), Vec::<String>::new());
    }
}

/// A process that ignores SIGTERM and belongs to a member keeps `down` waiting, until it is ended here.
#[test]
fn interrupted_down_says_what_is_left() {
    let scratch = Scratch::with("kept", &three(28));
    let etcd = etcd_that_first(&scratch, "exec 3<&0; (trap '' TERM; exec sleep 600 <&3) &");
    let up = ["up", "kept", "--etcd-dir", etcd.as_str(), "--timeout", "5m"];
    scratch.run(&up).expect(0);
    let started = processes(&scratch, "kept");
    let end_rest = |member: &str| {
        killpg(Pid::from_raw(started[member]), Signal::SIGKILL).unwrap();
    };

    let down = Follower::errors(&mut scratch.command(&["down", "kept"]));
    let waits = |line: &str| line.split_once(": waiting for ").unwrap().0.to_owned();
    let mut followers = [0; 2].map(|_| waits(&down.wait_for(": waiting for ")));
    followers.sort();
    followers.iter().for_each(|follower| end_rest(follower));
    let leader = waits(&down.wait_for(": waiting for "));
    kill(Pid::from_raw(down.child.id().cast_signed()), Signal::SIGINT).unwrap();
    let [one, other] = &followers;
    assert_eq!(
        down.wait_for("kept: "),
        format!("kept: {one} and {other} were stopped; {leader} may still run")
    );
    assert_eq!(down.next(), "hint: continue: `cargo xtask down kept`");
    let mut child = down.child;
    assert_eq!(child.wait().unwrap().code(), Some(130));
    end_rest(&leader);
    scratch.run(&["down", "kept"]).expect(0);
    assert!(processes(&scratch, "kept").is_empty());
}

#[test]
fn next_destroy_finishes_an_interrupted_removal() {
    let scratch = Scratch::with("half", &three(23));
    let rest = scratch
        .root()
        .join(".state/.destroyed-half/members/core-01");
    std::fs::create_dir_all(&rest).unwrap();
    scratch.run(&["destroy", "half", "--yes"]).expect(0);
    assert!(!rest.exists());
}

#[test]
fn concurrent_tasks_wait_for_each_other() {
    let scratch = Scratch::with("crowd", &one(24));
    up(&scratch, "crowd").expect(0);
    let up = [&["up", "crowd"][..], &with_packaged()].concat();
    let tasks: [&[&str]; 6] = [
        &["destroy", "crowd", "--yes"],
        &up,
        &["down", "crowd"],
        &["verify", "crowd"],
        &["destroy", "crowd", "--yes"],
        &up,
    ];
    let begun: Vec<Child> = tasks.iter().map(|task| begin(&scratch, task)).collect();
    for (task, child) in tasks.into_iter().zip(begun) {
        let ran = end(child);
        // When a task gets the lock, the cluster may be gone or not exist yet.
        let allowed: &[i32] = match task[0] {
            "verify" => &[0, 1, 4],
            "down" => &[0, 4],
            _ => &[0],
        };
        let status = ran.status.unwrap();
        assert!(allowed.contains(&status), "{task:?}: {}", ran.stderr);
    }
    self::up(&scratch, "crowd").expect(0);
    assert_eq!(processes(&scratch, "crowd").len(), 1);
}

#[test]
fn two_concurrent_ups_make_one_cluster() {
    let scratch = Scratch::with("both", &one(25));
    let [one, other] = [(), ()].map(|()| begin_up(&scratch, "both"));
    let [one, other] = [one, other].map(|up| end(up).expect(0));
    let waited = |ran: &Ran| {
        ran.stderr
            .contains("waiting: `cargo xtask up both` (process")
    };
    assert!(
        waited(&one) != waited(&other),
        "{}\n{}",
        one.stderr,
        other.stderr
    );
    assert_eq!(processes(&scratch, "both").len(), 1);
}
