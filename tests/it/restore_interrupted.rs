//! Restorations that are interrupted, killed at any moment, or run beside other tasks.

use std::fs;
use std::process::Child;
use std::time::Duration;

use camino::Utf8PathBuf;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use test_attribute::test;

use crate::backup::{files, folder, started};
use crate::cli_cluster::Follower;
use crate::etcd_binaries::packaged;
use crate::local_support::{begin, end, etcd_that_first, get, is_healthy, processes, put, up};
use crate::restore::{backed_up, beside_data, three};
use crate::scratch::Scratch;
use crate::support::{look_until, program};

/// Words that restore a backup without a question.
fn words<'a>(name: &'a str, file: &'a Utf8PathBuf) -> [&'a str; 7] {
    [
        "restore",
        name,
        "--yes",
        "--from",
        file.as_str(),
        "--timeout",
        "5m",
    ]
}

/// A cluster of three, with a backup and a later key, whose etcdctl waits for a file when it restores a member.
fn that_waits(name: &str, network: u8, member: &str) -> (Scratch, Utf8PathBuf) {
    let scratch = Scratch::with(name, &three(network));
    let (root, real) = (scratch.root().to_owned(), packaged());
    let bin = root.join("bin");
    program(&bin.join("etcd"), &format!("exec '{real}/etcd' \"$@\""));
    let wait = format!(
        "case \"$*\" in *'snapshot restore'*--name={member}*) touch '{root}/waits'
        while [ -d '{root}' ] && [ ! -e '{root}/go' ]; do sleep 0.05; done ;; esac
        exec '{real}/etcdctl' \"$@\""
    );
    program(&bin.join("etcdctl"), &wait);
    let up = ["up", name, "--etcd-dir", bin.as_str(), "--timeout", "5m"];
    scratch.run(&up).expect(0);
    put(&scratch, name, "greeting", "hello");
    let file = backed_up(&scratch, name);
    put(&scratch, name, "late", "yes");
    (scratch, file)
}

fn comes_to_wait(scratch: &Scratch) {
    let waits = scratch.root().join("waits");
    assert!(look_until(|| waits.exists(), |waits| *waits));
    fs::remove_file(waits).unwrap();
}

/// The programs that restore members of this workspace.
fn restoring(scratch: &Scratch) -> Vec<i32> {
    let is_one = |id: &i32| {
        let words = xtask::process::command_line(*id).unwrap_or_default();
        words.iter().any(|word| {
            word.starts_with("--data-dir=")
                && word.contains(scratch.root().as_str())
                && word.ends_with("/data-restored")
        })
    };
    xtask::process::all().into_iter().filter(is_one).collect()
}

#[test]
fn interrupted_preparation_changes_nothing() {
    let (scratch, file) = that_waits("early", 141, "core-03");
    let before = processes(&scratch, "early");
    for (signal, left) in [
        (Signal::SIGINT, 0),
        (Signal::SIGKILL, 2),
        (Signal::SIGTERM, 0),
    ] {
        let mut run = Follower::errors(&mut scratch.command(&words("early", &file)));
        comes_to_wait(&scratch);
        run.signal(signal);
        if left == 0 {
            assert_eq!(run.wait_for("early: "), "early: nothing was changed");
        }
        run.child.wait().unwrap();
        assert_eq!(processes(&scratch, "early"), before);
        assert_eq!(beside_data(&scratch, "early").len(), left, "{signal}");
    }
    // The program that a killed one ran would go on writing.
    assert_eq!(restoring(&scratch), [0; 0]);
    // What the killed one has left is removed by the next `up`, too.
    let mut run = Follower::errors(&mut scratch.command(&words("early", &file)));
    comes_to_wait(&scratch);
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    scratch.run(&["up", "early"]).expect(0);
    assert_eq!(beside_data(&scratch, "early"), [""; 0]);
    assert_eq!(restoring(&scratch), [0; 0]);
    assert_eq!(get(&scratch, "early", "late"), "yes\n");
}

#[test]
fn tasks_wait_for_a_restoration() {
    let (scratch, file) = that_waits("crowd", 142, "core-01");
    let first = begin(&scratch, &words("crowd", &file));
    comes_to_wait(&scratch);
    let mut others: Vec<Follower> = [
        &words("crowd", &file)[..],
        &["up", "crowd", "--timeout", "5m"],
    ]
    .map(|words| Follower::errors(&mut scratch.command(words)))
    .into();
    for other in &others {
        let line = other.wait_for("waiting: ");
        assert!(
            line.contains("`cargo xtask restore crowd` (process"),
            "{line}"
        );
    }
    fs::write(scratch.root().join("go"), "").unwrap();
    end(first).expect(0);
    for other in &mut others {
        assert_eq!(other.child.wait().unwrap().code(), Some(0));
    }
    is_healthy(&scratch, "crowd");
    assert_eq!(get(&scratch, "crowd", "late"), "");
    assert_eq!(beside_data(&scratch, "crowd").len(), 6);
}

/// A process that ignores SIGTERM and belongs to a member keeps `restore` waiting while it stops the members.
#[test]
fn interrupted_stop_says_how_to_go_on() {
    let scratch = Scratch::with("stops", &three(143));
    let etcd = etcd_that_first(&scratch, "exec 3<&0; (trap '' TERM; exec sleep 600 <&3) &");
    scratch
        .run(&[
            "up",
            "stops",
            "--etcd-dir",
            etcd.as_str(),
            "--timeout",
            "5m",
        ])
        .expect(0);
    put(&scratch, "stops", "greeting", "hello");
    let file = backed_up(&scratch, "stops");
    put(&scratch, "stops", "late", "yes");
    let started = processes(&scratch, "stops");
    let mut run = Follower::errors(&mut scratch.command(&words("stops", &file)));
    run.wait_for(": waiting for ");
    run.signal(Signal::SIGINT);
    let state = run.wait_for("stops ");
    assert_eq!(
        state,
        "stops is about to be restored, and some members may still run"
    );
    assert_eq!(run.next(), "hint: complete it: `cargo xtask up stops`");
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    for id in started.values() {
        let _ = killpg(Pid::from_raw(*id), Signal::SIGKILL);
    }
    up(&scratch, "stops").expect(0);
    is_healthy(&scratch, "stops");
    assert_eq!(get(&scratch, "stops", "late"), "");
}

/// Ends a task by SIGKILL after this time.
fn killed_after(milliseconds: u64, task: Child) {
    std::thread::sleep(Duration::from_millis(milliseconds));
    let _ = kill(Pid::from_raw(task.id().cast_signed()), Signal::SIGKILL);
    end(task);
}

#[test]
fn restoration_killed_at_any_moment_is_all_or_nothing() {
    let scratch = started("any", &three(144));
    let file = backed_up(&scratch, "any");
    let id = std::process::id();
    for milliseconds in [u64::from(id % 700), u64::from(id % 1300)] {
        put(&scratch, "any", "late", "yes");
        killed_after(milliseconds, begin(&scratch, &words("any", &file)));
        up(&scratch, "any").expect(0);
        is_healthy(&scratch, "any");
        assert_eq!(get(&scratch, "any", "greeting"), "hello\n");
        let late = ["core-01", "core-02", "core-03"].map(|member| {
            let get = [
                "etcdctl",
                "-c",
                "any",
                "-m",
                member,
                "get",
                "late",
                "--consistency=s",
                "--print-value-only",
            ];
            scratch.run(&get).expect(0).stdout
        });
        assert!(
            late.iter().all(|one| *one == late[0]),
            "{milliseconds} ms: {late:?}"
        );
        let left = beside_data(&scratch, "any");
        assert!(
            left.iter().all(|name| name.starts_with("data-replaced-")),
            "{left:?}"
        );
        scratch.run(&["backup", "any", "--list"]).expect(0);
    }
    assert_eq!(files(&folder(&scratch, "any")).len(), 2);
}
