//! Tasks that are killed at any moment: the next one continues, and no written data is lost.

use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::apply_support::{self, Writer};
use crate::drilled_cluster::tell;
use crate::local_support::{begin, end, get, is_healthy, processes, put, three, up, with_packaged};
use crate::random::Random;
use crate::scratch::Scratch;

/// How many times each task is killed.
const KILLS: u64 = 40;

/// Runs this task on a running cluster, and kills it at some moment within this time.
fn killed(task: &str, longest: u64) {
    let mut random = Random::of(task);
    let scratch = Scratch::with("soak", &three(1));
    up(&scratch, "soak").expect(0);
    let mut cut = 0;
    for round in 0..KILLS {
        let written = round.to_string();
        put(&scratch, "soak", "survivor", &written);
        if task == "up" {
            scratch.run(&["down", "soak"]).expect(0);
        }
        let words = match task {
            "up" => [&["up", "soak"][..], &with_packaged()].concat(),
            task => vec![task, "soak"],
        };
        let signals = [Signal::SIGKILL, Signal::SIGINT, Signal::SIGTERM];
        let (signal, moment) = (*random.one_of(&signals), random.below(longest));
        let running = begin(&scratch, &words);
        thread::sleep(Duration::from_millis(moment));
        kill(Pid::from_raw(running.id().cast_signed()), signal).unwrap();
        let ended = end(running);
        cut += u64::from(ended.status != Some(0));
        up(&scratch, "soak").expect(0);
        is_healthy(&scratch, "soak");
        assert_eq!(processes(&scratch, "soak").len(), 3);
        assert_eq!(get(&scratch, "soak", "survivor"), format!("{written}\n"));
    }
    tell(&format!(
        "{task}: {KILLS} times ended by a signal, {cut} of them before it was done; no key lost"
    ));
}

#[test]
fn killed_up_loses_nothing() {
    killed("up", 3000);
}

#[test]
fn killed_down_loses_nothing() {
    killed("down", 1500);
}

#[test]
fn killed_verify_loses_nothing() {
    killed("verify", 1500);
}

#[test]
fn killed_backup_leaves_whole_backups() {
    let mut random = Random::of("backup");
    let scratch = Scratch::with("soak", &three(1));
    up(&scratch, "soak").expect(0);
    put(&scratch, "soak", "survivor", "yes");
    for _ in 0..KILLS {
        let backup = begin(&scratch, &["backup", "soak", "--prove"]);
        thread::sleep(Duration::from_millis(random.below(1500)));
        let signals = [Signal::SIGKILL, Signal::SIGINT];
        let id = Pid::from_raw(backup.id().cast_signed());
        kill(id, *random.one_of(&signals)).unwrap();
        end(backup);
        scratch.run(&["backup", "soak", "--list"]).expect(0);
        let next = ["backup", "soak", "--prove", "--keep", "2"];
        scratch.run(&next).expect(0);
        assert!(!scratch.root().join(".state/soak/scratch").exists());
    }
    let left = scratch.root().join(".state/soak/backups");
    assert_eq!(left.read_dir_utf8().unwrap().count(), 4);
}

#[test]
fn killed_restoration_is_all_or_nothing() {
    let mut random = Random::of("restore");
    let scratch = Scratch::with("soak", &three(1));
    up(&scratch, "soak").expect(0);
    put(&scratch, "soak", "survivor", "old");
    let backup = scratch.root().join("backup.db");
    let save = ["backup", "soak", "--to", backup.as_str()];
    scratch.run(&save).expect(0);
    let (mut restored, mut kept) = (0, 0);
    for _ in 0..KILLS / 2 {
        put(&scratch, "soak", "survivor", "new");
        let from = ["restore", "soak", "--yes", "--from", backup.as_str()];
        let restore = begin(&scratch, &from);
        thread::sleep(Duration::from_millis(random.below(2500)));
        kill(Pid::from_raw(restore.id().cast_signed()), Signal::SIGKILL).unwrap();
        end(restore);
        match random.below(3) {
            0 => drop(scratch.run(&["restore", "soak"])),
            1 => drop(scratch.run(&from).expect(0)),
            _ => {}
        }
        up(&scratch, "soak").expect(0);
        is_healthy(&scratch, "soak");
        assert_eq!(processes(&scratch, "soak").len(), 3);
        match get(&scratch, "soak", "survivor").as_str() {
            "old\n" => restored += 1,
            "new\n" => kept += 1,
            other => panic!("{other}"),
        }
        for member in ["core-01", "core-02", "core-03"] {
            let folder = scratch.root().join(format!(".state/soak/members/{member}"));
            assert!(!folder.join("data-restored").exists());
        }
        assert!(!scratch.root().join(".state/soak/restore.json").exists());
    }
    tell(&format!(
        "restore: killed {} times, {restored} of them completed, {kept} without effect",
        KILLS / 2
    ));
}

#[test]
fn killed_apply_is_continued() {
    let mut random = Random::of("apply");
    let scratch = Scratch::with("soak", &apply_support::count(1, 3, ""));
    up(&scratch, "soak").expect(0);
    let mut kills = 0;
    while kills < KILLS {
        let writer = Writer::start(1, &[101, 102, 103, 104, 105, 111]);
        for (what, edited, longest) in apply_support::edits(1) {
            put(&scratch, "soak", "survivor", what);
            scratch.define("soak", &edited);
            for _ in 0..=random.below(3) {
                let is_healed = random.below(2) == 0;
                apply_support::killed(&scratch, "soak", random.below(longest), is_healed);
                kills += 1;
            }
            apply_support::apply(&scratch, "soak");
            is_healthy(&scratch, "soak");
            assert_eq!(get(&scratch, "soak", "survivor"), format!("{what}\n"));
        }
        let (count, longest) = writer.lost_nothing(&scratch, "soak");
        tell(&format!(
            "apply: killed {kills} times; {count} writes, none lost, at most {longest:?} apart"
        ));
    }
}

#[test]
fn killed_replacement_is_continued() {
    let mut random = Random::of("replace");
    let scratch = Scratch::with("soak", &three(1));
    up(&scratch, "soak").expect(0);
    let mut cut = 0;
    for round in 0..KILLS / 2 {
        let written = round.to_string();
        put(&scratch, "soak", "survivor", &written);
        let member = *random.one_of(&["core-01", "core-02", "core-03"]);
        let id = processes(&scratch, "soak")[member];
        kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
        let words = ["replace", member, "--cluster", "soak", "--yes"];
        let replace = begin(&scratch, &words);
        thread::sleep(Duration::from_millis(random.below(8000)));
        kill(Pid::from_raw(replace.id().cast_signed()), Signal::SIGKILL).unwrap();
        let ended = end(replace);
        cut += u64::from(ended.status != Some(0));
        scratch.run(&words).expect(0);
        is_healthy(&scratch, "soak");
        assert_eq!(processes(&scratch, "soak").len(), 3);
        assert_eq!(get(&scratch, "soak", "survivor"), format!("{written}\n"));
        assert!(!scratch.root().join(".state/soak/replace.json").exists());
    }
    tell(&format!(
        "replace: killed {} times, {cut} of them before it was done; no key lost",
        KILLS / 2
    ));
}

#[test]
fn killed_destroy_leaves_all_or_nothing() {
    let mut random = Random::of("destroy");
    let scratch = Scratch::with("soak", &three(1));
    for _ in 0..KILLS / 2 {
        up(&scratch, "soak").expect(0);
        let destroy = begin(&scratch, &["destroy", "soak", "--yes"]);
        thread::sleep(Duration::from_millis(random.below(1500)));
        kill(Pid::from_raw(destroy.id().cast_signed()), Signal::SIGKILL).unwrap();
        end(destroy);
        scratch.run(&["destroy", "soak", "--yes"]).expect(0);
        assert!(processes(&scratch, "soak").is_empty());
        assert_eq!(scratch.left_in_state(), Vec::<String>::new());
    }
}
