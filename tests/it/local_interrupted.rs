//! Tasks that are cut short at any moment, and tasks that run at the same moment.

use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::local_support::{
    begin, begin_up, end, predicted_cluster_id, processes, running_cluster_id, three, up,
    with_packaged,
};
use crate::scratch::{Ran, Scratch};

/// Ends a task after this time, or leaves it alone where it was faster.
fn cut_after(milliseconds: u64, task: Child, signal: Signal) -> Ran {
    let (_never, moment) = mpsc::channel::<()>();
    let _ = moment.recv_timeout(Duration::from_millis(milliseconds));
    kill(Pid::from_raw(task.id().cast_signed()), signal).unwrap();
    end(task)
}

#[test]
fn an_up_that_is_cut_short_at_any_moment_is_continued_by_the_next() {
    let scratch = Scratch::with("cut", &three(21));
    let moments = [
        (Signal::SIGKILL, 40),
        (Signal::SIGKILL, 60),
        (Signal::SIGKILL, 90),
        (Signal::SIGKILL, 150),
        (Signal::SIGINT, 80),
        (Signal::SIGTERM, 300),
    ];
    for (index, (signal, milliseconds)) in moments.into_iter().enumerate() {
        let cut = cut_after(milliseconds, begin_up(&scratch, "cut"), signal);
        let expected = [None, Some(130), Some(0)];
        assert!(expected.contains(&cut.status), "{:?}", cut.status);

        up(&scratch, "cut").expect(0);
        assert_eq!(processes(&scratch, "cut").len(), 3);
        let identity = predicted_cluster_id(&scratch, "cut");
        assert_eq!(running_cluster_id(&scratch, "cut"), identity);
        // Every other one is a restart with data, all others are a first start.
        let task = ["destroy", "down"][index % 2];
        let arguments = [task, "cut", "--yes"];
        let count = if task == "destroy" { 3 } else { 2 };
        scratch.run(&arguments[..count]).expect(0);
        assert!(processes(&scratch, "cut").is_empty());
    }
}

#[test]
fn a_down_and_a_destroy_that_are_cut_short_can_be_repeated() {
    let scratch = Scratch::with("gone", &three(22));
    for milliseconds in [5, 40, 80] {
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

#[test]
fn a_destroy_that_was_cut_short_while_removing_is_finished_by_the_next() {
    let scratch = Scratch::with("half", &three(23));
    let rest = scratch
        .root()
        .join(".state/.destroyed-half/members/core-01");
    std::fs::create_dir_all(&rest).unwrap();
    scratch.run(&["destroy", "half", "--yes"]).expect(0);
    assert!(!rest.exists());
}

#[test]
fn tasks_at_the_same_moment_wait_for_each_other() {
    let scratch = Scratch::with("crowd", &three(24));
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
        // A cluster may be gone, or not be there yet, when its turn comes.
        let allowed: &[i32] = match task[0] {
            "verify" => &[0, 1, 4],
            "down" => &[0, 4],
            _ => &[0],
        };
        let status = ran.status.unwrap();
        assert!(allowed.contains(&status), "{task:?}: {}", ran.stderr);
    }
    self::up(&scratch, "crowd").expect(0);
    assert_eq!(processes(&scratch, "crowd").len(), 3);
}

#[test]
fn two_ups_at_once_make_one_cluster() {
    let scratch = Scratch::with("both", &three(25));
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
    assert_eq!(processes(&scratch, "both").len(), 3);
}
