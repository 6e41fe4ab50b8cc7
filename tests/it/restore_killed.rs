//! Restorations that are killed at chosen moments, or that fail there: the next task completes them or takes
//! them back, and never leaves some members with old and some with restored data.

use std::fs;
use std::process::Command;

use camino::Utf8PathBuf;
use nix::errno::Errno;
use test_attribute::test;

use crate::backup::{files, folder, one, started};
use crate::file_faults::{Fault, at_call};
use crate::local_support::{get, is_healthy, predicted_cluster_id, processes, put};
use crate::local_support::{running_cluster_id, up};
use crate::restore::{backed_up, beside_data, restored, three};
use crate::scratch::{Ran, Scratch};

/// The states between which a restoration is killed, by the change of a file that comes next.
const MOMENTS: [(&str, u32, bool); 10] = [
    ("/restore.json", 1, false),
    ("/restore.json", 2, true),
    ("/data-replaced-", 1, true),
    ("/data-replaced-", 2, true),
    ("/restore.json", 3, true),
    ("/core-01/data", 2, true),
    ("/core-02/data", 2, true),
    ("/cluster.json", 1, true),
    ("/seen.json", 1, true),
    ("/restore.json", 4, true),
];

/// A cluster of three with a backup, and with a later key.
struct Story {
    scratch: Scratch,
    name: &'static str,
    backup: Utf8PathBuf,
}

impl Story {
    fn new(name: &'static str, network: u8) -> Self {
        let scratch = started(name, &three(network));
        let backup = backed_up(&scratch, name);
        put(&scratch, name, "late", "yes");
        Self {
            scratch,
            name,
            backup,
        }
    }

    fn restore_with(&self, fault: &Fault, part: &str, number: u32) -> Ran {
        let words = [
            "restore",
            self.name,
            "--yes",
            "--from",
            self.backup.as_str(),
            "--timeout",
            "5m",
        ];
        let mut command: Command = at_call(&self.scratch, &words, fault, part, number);
        Ran::from(command.output().unwrap())
    }

    /// Asserts that all members have the restored data, or all the old, and that nothing is left over.
    #[track_caller]
    fn is_whole(&self, is_restored: bool, moment: &str) {
        let Self { scratch, name, .. } = self;
        is_healthy(scratch, name);
        assert_eq!(processes(scratch, name).len(), 3, "{moment}");
        for member in ["core-01", "core-02", "core-03"] {
            let get = [
                "etcdctl",
                "-c",
                name,
                "-m",
                member,
                "get",
                "late",
                "--consistency=s",
                "--print-value-only",
            ];
            let late = scratch.run(&get).expect(0).stdout;
            assert_eq!(late.is_empty(), is_restored, "{moment}: {member}: {late}");
        }
        assert_eq!(get(scratch, name, "greeting"), "hello\n");
        assert_eq!(
            running_cluster_id(scratch, name),
            predicted_cluster_id(scratch, name)
        );
        let left = beside_data(scratch, name);
        assert!(
            left.iter().all(|name| name.starts_with("data-replaced-")),
            "{moment}: {left:?}"
        );
        assert!(
            !scratch
                .root()
                .join(format!(".state/{name}/restore.json"))
                .exists(),
            "{moment}"
        );
        scratch.run(&["backup", name, "--list"]).expect(0);
    }
}

#[test]
fn up_continues_a_killed_restoration() {
    let story = Story::new("up", 121);
    for (part, number, is_restored) in MOMENTS.into_iter().step_by(2) {
        let moment = format!("{part} {number}");
        put(&story.scratch, "up", "late", "yes");
        let killed = story.restore_with(&Fault::Kill, part, number);
        assert_eq!(killed.status, None, "{moment}: {}", killed.stderr);
        up(&story.scratch, "up").expect(0);
        story.is_whole(is_restored, &moment);
    }
    assert_eq!(files(&folder(&story.scratch, "up")).len(), 2);
}

#[test]
fn restore_continues_a_killed_restoration() {
    let story = Story::new("restore", 122);
    for (part, number, is_restored) in MOMENTS.into_iter().skip(1).step_by(2) {
        let moment = format!("{part} {number}");
        put(&story.scratch, "restore", "late", "yes");
        let killed = story.restore_with(&Fault::Kill, part, number);
        assert_eq!(killed.status, None, "{moment}: {}", killed.stderr);
        story
            .scratch
            .run(&["restore", "restore", "--timeout", "5m"])
            .expect(0);
        story.is_whole(is_restored, &moment);
    }
    // And the one that restores again.
    for (part, number, _) in [MOMENTS[0], MOMENTS[5]] {
        story.restore_with(&Fault::Kill, part, number);
        restored(&story.scratch, "restore", &story.backup);
        story.is_whole(true, part);
    }
}

#[test]
fn question_after_a_continued_restoration_says_what_runs() {
    let story = Story::new("asked", 123);
    story.restore_with(&Fault::Kill, "/restore.json", 3);
    let words = ["restore", "asked", "--from", story.backup.as_str()];
    let ran = crate::terminal::on_terminal(&story.scratch.command(&words), 80, "n\n").expect(1);
    let hint = "hint: start the members: `cargo xtask up asked`\n";
    assert!(
        ran.stdout.contains("continuing an interrupted restoration"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.ends_with(hint), "{}", ran.stdout);
    up(&story.scratch, "asked").expect(0);
    story.is_whole(true, "asked");
}

#[test]
fn failed_restoration_is_taken_back() {
    let story = Story::new("back", 124);
    for (part, number, error, fact) in [
        (
            "/restore.json",
            1,
            Errno::ENOSPC,
            "restore.json`: No space left on device",
        ),
        (
            "/data-replaced-",
            1,
            Errno::EXDEV,
            "error: the data of `core-01` cannot be moved aside: ",
        ),
        (
            "/data-replaced-",
            3,
            Errno::EPERM,
            "error: the data of `core-03` cannot be moved aside: ",
        ),
        (
            "/restore.json",
            3,
            Errno::ENOSPC,
            "restore.json`: No space left on device",
        ),
    ] {
        let failed = story.restore_with(&Fault::Error(error), part, number);
        let said = &failed.stderr;
        assert!(said.contains(fact), "{part} {number}: {said}");
        let is_decided = (part, number) != ("/restore.json", 1);
        assert_eq!(
            said.contains("note: all members have their old data again\n"),
            is_decided,
            "{said}"
        );
        assert_eq!(
            said.contains("raise `generation`"),
            part == "/data-replaced-",
            "{said}"
        );
        assert_eq!(
            failed.status,
            Some(if part == "/restore.json" { 5 } else { 6 }),
            "{said}"
        );
        assert_eq!(beside_data(&story.scratch, "back"), [""; 0]);
        if is_decided {
            let up_hint = "hint: start them with it: `cargo xtask up back`\n";
            assert!(said.contains(up_hint), "{said}");
            up(&story.scratch, "back").expect(0);
        }
        story.is_whole(false, part);
    }
}

#[test]
fn failed_restoration_is_completed_once_nothing_can_be_taken_back() {
    let story = Story::new("on", 125);
    for (part, number) in [
        ("/core-03/data", 2),
        ("/cluster.json", 1),
        ("/seen.json", 1),
        ("/restore.json", 4),
    ] {
        put(&story.scratch, "on", "late", "yes");
        let failed = story.restore_with(&Fault::Error(Errno::ENOSPC), part, number);
        let said = &failed.stderr;
        let end = "error: `on` is partly restored, and no member runs\nhint: fix the cause, then complete it: `cargo xtask up on`\n";
        assert!(said.ends_with(end), "{part} {number}: {said}");
        up(&story.scratch, "on").expect(0);
        story.is_whole(true, part);
    }
}

#[test]
fn member_started_by_hand_meanwhile_is_moved_aside() {
    let story = Story::new("hand", 126);
    let member = story.scratch.root().join(".state/hand/members/core-02");
    for (part, number) in [
        ("/data-replaced-", 3),
        ("/restore.json", 3),
        ("/core-02/data", 2),
    ] {
        put(&story.scratch, "hand", "late", "yes");
        story.restore_with(&Fault::Kill, part, number);
        // It finds no data, and begins anew in the same place.
        let mut etcd = Command::new(crate::etcd_binaries::packaged().join("etcd"));
        etcd.args(["--name=core-02", &format!("--data-dir={member}/data")]);
        let mut etcd = etcd
            .stderr(fs::File::create(member.join("by-hand.log")).unwrap())
            .spawn()
            .unwrap();
        let log = member.join("data/member/wal");
        assert!(crate::support::look_until(
            || log.exists(),
            |exists| *exists
        ));
        let id = etcd.id().cast_signed();
        let ended = std::thread::spawn(move || etcd.wait().unwrap());
        up(&story.scratch, "hand").expect(0);
        assert!(
            !processes(&story.scratch, "hand")
                .values()
                .any(|one| *one == id)
        );
        ended.join().unwrap();
        fs::remove_file(member.join("by-hand.log")).unwrap();
        story.is_whole(true, part);
    }
}

#[test]
fn destroy_forgets_an_interrupted_restoration() {
    let scratch = started("end", &one(127));
    let file = backed_up(&scratch, "end");
    let words = ["restore", "end", "--yes", "--from", file.as_str()];
    let mut killed = at_call(&scratch, &words, &Fault::Kill, "/restore.json", 2);
    killed.output().unwrap();
    scratch.run(&["destroy", "end", "--yes"]).expect(0);
    assert_eq!(files(&scratch.root().join(".state/end")), ["backups"]);
    up(&scratch, "end").expect(0);
    assert_eq!(get(&scratch, "end", "greeting"), "");
}
