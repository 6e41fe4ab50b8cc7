//! Local clusters with lost, damaged or manipulated state on disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::etcd_binaries::packaged;
use crate::local_support::{
    begin_up, end, etcd_that_first, etcdctl, fails_until_it_has_said, get, is_healthy, one,
    predicted_cluster_id, processes, put, running_cluster_id, runs, three, up,
};
use crate::render::in_own_namespaces;
use crate::scratch::{Ran, Scratch};
use crate::support::look_until;
use crate::typed::typed;

fn record(scratch: &Scratch, name: &str) -> Utf8PathBuf {
    scratch.root().join(format!(".state/{name}/cluster.json"))
}

fn member(scratch: &Scratch, name: &str, member: &str) -> Utf8PathBuf {
    scratch
        .root()
        .join(format!(".state/{name}/members/{member}"))
}

#[test]
fn pid_file_is_not_trusted() {
    let scratch = Scratch::with("pids", &three(31));
    up(&scratch, "pids").expect(0);
    let before = processes(&scratch, "pids");
    // An unrelated process whose ID is in the file, with the member's folder on its command line.
    let data = member(&scratch, "pids", "core-01").join("data");
    let mut bystander = Command::new("sh")
        .args(["-c", "read line", "etcd", &format!("--data-dir={data}")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let number = bystander.id().to_string();
    let texts = [number.as_str(), "", "99999999999999999999999"];
    let write = || {
        for (name, text) in ["core-01", "core-02", "core-03"].into_iter().zip(texts) {
            fs::write(member(&scratch, "pids", name).join("pid"), text).unwrap();
        }
    };
    write();
    let again = up(&scratch, "pids").expect(0);
    assert_eq!(again.stderr.matches("already runs").count(), 3);
    scratch.run(&["down", "pids"]).expect(0);
    assert!(before.values().all(|id| !runs(*id)));
    assert!(bystander.try_wait().unwrap().is_none());

    write();
    let down = scratch.run(&["down", "pids"]).expect(0);
    assert!(down.stderr.contains("was not running"), "{}", down.stderr);
    assert!(bystander.try_wait().unwrap().is_none());
    drop(bystander.stdin.take());
    bystander.wait().unwrap();
}

#[test]
fn down_and_destroy_work_with_a_damaged_record() {
    let scratch = Scratch::with("damaged", &one(32));
    up(&scratch, "damaged").expect(0);
    put(&scratch, "damaged", "survivor", "yes");
    let whole = fs::read_to_string(record(&scratch, "damaged")).unwrap();
    for (text, why) in [
        (&whole[..100], "it ends too early"),
        ("", "it ends too early"),
        (
            "{\"format\": 7}",
            "its format is 7, but this program reads 1",
        ),
    ] {
        fs::write(record(&scratch, "damaged"), text).unwrap();
        for (task, status) in [("up", 6), ("status", 4), ("verify", 4)] {
            let ran = scratch.run(&[task, "damaged"]).expect(status);
            assert!(ran.stderr.contains(why), "{}", ran.stderr);
            let hint = "hint: or rebuild it from the members and their data: `mv ";
            assert!(ran.stderr.contains(hint), "{}", ran.stderr);
            let then = ".old`, then `cargo xtask up damaged`\n";
            assert!(ran.stderr.contains(then), "{}", ran.stderr);
        }
    }
    let before = processes(&scratch, "damaged");
    let record = record(&scratch, "damaged");
    fs::rename(&record, format!("{record}.old")).unwrap();
    up(&scratch, "damaged").expect(0);
    assert_eq!(processes(&scratch, "damaged"), before);
    assert_eq!(get(&scratch, "damaged", "survivor"), "yes\n");
    fs::write(&record, "{").unwrap();
    scratch.run(&["down", "damaged"]).expect(0);
    assert!(processes(&scratch, "damaged").is_empty());
    fs::rename(&record, format!("{record}.old")).unwrap();
    up(&scratch, "damaged").expect(0);
    assert_eq!(get(&scratch, "damaged", "survivor"), "yes\n");
    scratch.run(&["down", "damaged"]).expect(0);
    scratch.run(&["destroy", "damaged", "--yes"]).expect(0);
    assert_eq!(scratch.left_in_state(), Vec::<String>::new());
}

#[test]
fn cluster_without_record_is_adopted() {
    let scratch = Scratch::with("orphan", &three(33));
    up(&scratch, "orphan").expect(0);
    put(&scratch, "orphan", "survivor", "yes");
    fs::remove_file(record(&scratch, "orphan")).unwrap();
    let before = processes(&scratch, "orphan");

    let status = scratch.run(&["status", "orphan"]).expect(4);
    let hint = "hint: rebuild it from the members and their data: `cargo xtask up orphan`\n";
    assert!(status.stderr.contains(hint), "{}", status.stderr);
    // Without a quorum, the members cannot say who they are.
    for one in ["core-01", "core-02"] {
        kill(Pid::from_raw(before[one]), Signal::SIGKILL).unwrap();
    }
    let adopt = || {
        let adopt = ["adopt", "orphan", "--etcd-dir", packaged().as_str()];
        let adopted = scratch.run(&adopt).status;
        let _ = fs::remove_file(record(&scratch, "orphan"));
        adopted
    };
    // The last one hears of no leader after an election timeout.
    look_until(adopt, |adopted| *adopted == Some(4));
    let refused = up(&scratch, "orphan").expect(7);
    let hint = "hint: or start them again from their data: `cargo xtask down orphan`, then `cargo xtask up orphan`\n";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    scratch.run(&["down", "orphan"]).expect(0);
    let adopted = up(&scratch, "orphan").expect(0);
    let warning = "warning: the record of `orphan` is gone";
    assert!(adopted.stderr.contains(warning), "{}", adopted.stderr);
    assert_eq!(get(&scratch, "orphan", "survivor"), "yes\n");
    assert_eq!(
        running_cluster_id(&scratch, "orphan"),
        predicted_cluster_id(&scratch, "orphan")
    );

    let before = processes(&scratch, "orphan");
    fs::remove_file(record(&scratch, "orphan")).unwrap();
    let adopted = up(&scratch, "orphan").expect(0);
    let warning =
        "warning: the record of `orphan` was gone; it is rebuilt from what its members say";
    assert!(adopted.stderr.contains(warning), "{}", adopted.stderr);
    assert_eq!(processes(&scratch, "orphan"), before);

    scratch.run(&["down", "orphan"]).expect(0);
    fs::remove_file(record(&scratch, "orphan")).unwrap();
    fs::remove_dir_all(member(&scratch, "orphan", "core-02").join("data")).unwrap();
    // A quorum goes on, and nothing is founded anew.
    let partial = up(&scratch, "orphan").expect(6);
    let hint = "`cargo xtask replace core-02 --cluster orphan`\n";
    assert!(partial.stderr.contains(hint), "{}", partial.stderr);
    assert_eq!(get(&scratch, "orphan", "survivor"), "yes\n");

    scratch.run(&["down", "orphan"]).expect(0);
    fs::remove_file(record(&scratch, "orphan")).unwrap();
    fs::remove_dir_all(member(&scratch, "orphan", "core-03").join("data")).unwrap();
    let one = up(&scratch, "orphan").expect(7);
    let fact = "error: the data of `core-01` does not fit";
    assert!(one.stderr.contains(fact), "{}", one.stderr);
}

#[test]
fn members_without_folders_are_found_and_stopped() {
    let scratch = Scratch::with("stray", &one(34));
    up(&scratch, "stray").expect(0);
    fs::remove_dir_all(scratch.root().join(".state")).unwrap();
    scratch.run(&["destroy", "stray", "--yes"]).expect(0);
    assert!(processes(&scratch, "stray").is_empty());
}

#[test]
fn down_reports_members_that_lost_their_data() {
    let scratch = Scratch::with("void", &three(140));
    up(&scratch, "void").expect(0);
    let lose = |one| fs::remove_dir_all(member(&scratch, "void", one)).unwrap();
    lose("core-02");
    let down = scratch.run(&["down", "void"]).expect(0);
    let fact = "void: 3 members stopped; only the data of core-01 and core-03 is kept\n";
    assert!(down.stderr.contains(fact), "{}", down.stderr);

    // Running members are stopped even if nothing is left of their folders.
    up(&scratch, "void").expect(6);
    fs::remove_dir_all(scratch.root().join(".state/void")).unwrap();
    let down = scratch.run(&["down", "void"]).expect(0);
    let fact = "void: 2 members stopped; their data is gone\n";
    assert!(down.stderr.contains(fact), "{}", down.stderr);
    assert!(!down.stderr.contains("start it again"), "{}", down.stderr);
    assert!(processes(&scratch, "void").is_empty());
}

#[test]
fn missing_lock_is_not_reported_as_missing_folder() {
    let scratch = Scratch::with("unlocked", &three(141));
    up(&scratch, "unlocked").expect(0);
    fs::remove_file(member(&scratch, "unlocked", "core-01").join("lock")).unwrap();
    fs::remove_dir_all(member(&scratch, "unlocked", "core-02")).unwrap();
    let running = processes(&scratch, "unlocked");
    let status = scratch.run(&["status", "unlocked"]).expect(0);
    for (name, what) in [
        ("core-01", " (it does not hold its lock)"),
        ("core-02", " (its folder was removed)"),
        ("core-03", " "),
    ] {
        let process = format!(" process {}{what}", running[name]);
        let mut lines = status.stdout.lines();
        let line = lines.find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(&process), "{line}");
    }
}

#[test]
fn lost_data_is_never_replaced_by_an_empty_member() {
    let scratch = Scratch::with("lost", &three(35));
    up(&scratch, "lost").expect(0);
    scratch.run(&["down", "lost"]).expect(0);
    let lose = |name| fs::remove_dir_all(member(&scratch, "lost", name).join("data")).unwrap();
    let fact = |name| format!("error: `{name}` has lost its data, so it was not started");

    lose("core-03");
    let one = up(&scratch, "lost").expect(6);
    assert!(one.stderr.contains(&fact("core-03")), "{}", one.stderr);
    assert_eq!(processes(&scratch, "lost").len(), 2);

    scratch.run(&["down", "lost"]).expect(0);
    lose("core-02");
    let majority = up(&scratch, "lost").expect(7);
    assert!(
        majority.stderr.contains(&fact("core-02")),
        "{}",
        majority.stderr
    );
    assert!(processes(&scratch, "lost").is_empty());

    // Even the folders are gone.
    fs::remove_dir_all(scratch.root().join(".state/lost/members")).unwrap();
    let all = up(&scratch, "lost").expect(7);
    assert_eq!(all.stderr.matches("has lost its data").count(), 3);
    assert!(processes(&scratch, "lost").is_empty());
}

/// Makes the first member kill the `up` that starts it, before it becomes etcd. `up` is the parent
/// of its process.
const KILL_UP: &str = "case \"$*\" in *name=core-01*) kill -KILL $PPID ;; esac";

/// Starts a cluster of this size with an `up` that is killed once every member has data, before it
/// can see that.
fn start_by_a_killed_up(scratch: &Scratch, name: &str, count: usize) {
    let up = begin_up(scratch, name);
    let members = look_until(
        || processes(scratch, name),
        |members| members.len() == count,
    );
    kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGKILL).unwrap();
    end(up);
    assert_eq!(members.len(), count);
    let have_data = || members.keys().all(|one| has_data(scratch, name, one));
    look_until(have_data, |have| *have);
    forget_what_was_seen(scratch, name);
}

/// What a fast `up` may have seen of the data before it was killed.
fn forget_what_was_seen(scratch: &Scratch, name: &str) {
    let path = record(scratch, name);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("\"had_data\": true", "\"had_data\": false"),
    )
    .unwrap();
    let state = scratch.root().join(".state").join(name);
    let _ = fs::remove_dir_all(state.join("had-data"));
    let _ = fs::remove_file(state.join("seen.json"));
}

fn has_data(scratch: &Scratch, name: &str, one: &str) -> bool {
    let log = member(scratch, name, one).join("data/member/wal");
    fs::read_dir(log).is_ok_and(|mut files| files.next().is_some())
}

/// Kills all members, as a power failure does.
fn fail_power(scratch: &Scratch, name: &str) {
    for id in processes(scratch, name).values() {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap();
    }
    look_until(|| processes(scratch, name), BTreeMap::is_empty);
}

/// Asserts that `up` reports these members' data as lost and starts none of them.
#[track_caller]
fn are_guarded(scratch: &Scratch, name: &str, lost: &[&str]) {
    let refused = up(scratch, name).expect(7);
    for one in lost {
        let fact = format!("error: `{one}` has lost its data, so it was not started");
        assert!(refused.stderr.contains(&fact), "{}", refused.stderr);
        assert!(!processes(scratch, name).contains_key(*one));
    }
}

#[test]
fn data_loss_is_noticed_after_up_was_killed_early() {
    let scratch = Scratch::with("early", &three(135));
    start_by_a_killed_up(&scratch, "early", 3);
    fail_power(&scratch, "early");
    let data = |one| member(&scratch, "early", one).join("data");

    // Whether its content, the folder or its parent is gone.
    for file in fs::read_dir(data("core-01")).unwrap().flatten() {
        fs::remove_dir_all(file.path()).unwrap();
    }
    fs::remove_dir_all(data("core-02")).unwrap();
    fs::remove_dir_all(member(&scratch, "early", "core-03")).unwrap();
    are_guarded(&scratch, "early", &["core-01", "core-02", "core-03"]);
}

#[test]
fn data_loss_is_noticed_if_any_task_saw_the_data() {
    let scratch = Scratch::new();
    for (task, definition, count) in [
        ("verify", one(136), 1),
        ("status", one(136), 1),
        ("down", one(136), 1),
        ("up", three(136), 3),
    ] {
        scratch.define("seen", &definition);
        start_by_a_killed_up(&scratch, "seen", count);
        // As if an older version of this program had started it.
        let _ = fs::remove_dir_all(scratch.root().join(".state/seen/started"));
        match task {
            "up" => {
                // It finds one member running without a quorum, and fails because of the others.
                for one in ["core-02", "core-03"] {
                    kill(
                        Pid::from_raw(processes(&scratch, "seen")[one]),
                        Signal::SIGKILL,
                    )
                    .unwrap();
                }
                let folder = etcd_that_first(&scratch, "exit 1");
                let up = ["up", "seen", "--etcd-dir", folder.as_str()];
                scratch.run(&up).expect(6);
            }
            "verify" => drop(is_healthy(&scratch, "seen")),
            _ => drop(scratch.run(&[task, "seen"]).expect(0)),
        }
        // Not the recorded revision, which another test covers.
        let _ = fs::remove_file(scratch.root().join(".state/seen/seen.json"));
        fail_power(&scratch, "seen");
        let lost = &["core-01", "core-02"][..count.min(2)];
        for one in lost {
            fs::remove_dir_all(member(&scratch, "seen", one).join("data")).unwrap();
        }
        are_guarded(&scratch, "seen", lost);
        scratch.run(&["destroy", "seen", "--yes"]).expect(0);
    }
}

#[test]
fn data_loss_is_noticed_by_the_recorded_revision() {
    let scratch = Scratch::with("known", &one(137));
    up(&scratch, "known").expect(0);
    scratch.run(&["down", "known"]).expect(0);
    let seen = scratch.root().join(".state/known/seen.json");
    let text = fs::read_to_string(&seen).unwrap();
    forget_what_was_seen(&scratch, "known");
    let _ = fs::remove_dir_all(scratch.root().join(".state/known/started"));
    fs::remove_dir_all(scratch.root().join(".state/known/members")).unwrap();
    // An unreadable file was still written after a look that found every member with data.
    for text in [text.as_str(), "garbage"] {
        fs::write(&seen, text).unwrap();
        are_guarded(&scratch, "known", &["core-01"]);
    }
}

#[test]
fn next_up_continues_one_killed_at_its_first_member() {
    let scratch = Scratch::with("first", &three(138));
    // The member survives and its `up` does not; or neither does, and the member never had data.
    for then in ["", "; exit 1"] {
        let does = KILL_UP.replace(" ;;", &format!("{then} ;;"));
        let folder = etcd_that_first(&scratch, &does);
        let killed = scratch.run(&["up", "first", "--etcd-dir", folder.as_str()]);
        assert_eq!(killed.status, None, "{}", killed.stderr);
        up(&scratch, "first").expect(0);
        assert_eq!(processes(&scratch, "first").len(), 3);
        scratch.run(&["destroy", "first", "--yes"]).expect(0);
    }
}

#[test]
fn member_that_exited_without_data_bootstraps() {
    let scratch = Scratch::with("vain", &one(139));
    let folder = etcd_that_first(&scratch, "exit 1");
    scratch
        .run(&["up", "vain", "--etcd-dir", folder.as_str()])
        .expect(6);
    up(&scratch, "vain").expect(0);
}

#[test]
fn member_with_damaged_data_is_reported_at_once() {
    let scratch = Scratch::with("rotten", &three(36));
    up(&scratch, "rotten").expect(0);
    scratch.run(&["down", "rotten"]).expect(0);
    let log = member(&scratch, "rotten", "core-02").join("data/member/wal");
    let log = fs::read_dir(log).unwrap().flatten().map(|file| file.path());
    let log = log.filter(|path| path.extension().is_some_and(|end| end == "wal"));
    let log = fs::File::options()
        .write(true)
        .open(log.min().unwrap())
        .unwrap();
    log.write_all_at(&[0xa5; 400], 100).unwrap();
    let database = member(&scratch, "rotten", "core-03").join("data/member/snap/db");
    let database = fs::File::options().write(true).open(database).unwrap();
    database.write_all_at(&[0xa5; 20480], 0).unwrap();

    // Far less than the time limit.
    let up = [
        "up",
        "rotten",
        "--etcd-dir",
        packaged().as_str(),
        "--timeout",
        "1h",
    ];
    let advice = "the data of core-02 and core-03 is damaged; stop core-01, then rebuild the cluster \
        from its data: `cargo xtask down rotten`, then `cargo xtask restore rotten --from-member core-01`";
    let mut facts = vec![format!("hint: {advice}\n")];
    for (name, why, cause) in [
        (
            "core-02",
            "walpb: crc mismatch",
            "its write-ahead log `data/member/wal` is damaged or incomplete",
        ),
        (
            "core-03",
            "failed to open database: invalid database",
            "its database `data/member/snap/db` is damaged",
        ),
    ] {
        facts.push(format!(
            "error: `{name}` exited while starting\nnote: its log says: {why}\nnote: {cause}"
        ));
    }
    fails_until_it_has_said(|| scratch.run(&up), &facts);
    // If one was reported alone, another may still be about to exit.
    let left = look_until(|| processes(&scratch, "rotten"), |left| left.len() == 1);
    assert_eq!(left.into_keys().collect::<Vec<_>>(), ["core-01"]);
    // One cause, one hint.
    assert_eq!(advised_by_verify(&scratch, "rotten", "quorum"), [advice]);
    let none: [&str; 0] = [];
    assert_eq!(advised_by_verify(&scratch, "rotten", "reachable"), none);
    for command in advice.split('`').skip(1).step_by(2) {
        typed(&scratch, command).expect(0);
    }
}

#[test]
fn no_restart_is_advised_for_a_damaged_single_member() {
    let scratch = Scratch::with("torn", &one(148));
    up(&scratch, "torn").expect(0);
    scratch.run(&["down", "torn"]).expect(0);
    let database = member(&scratch, "torn", "core-01").join("data/member/snap/db");
    let whole = fs::read(&database).unwrap();
    let torn = [&[0; 8192], &whole[8192..]].concat();
    fs::write(&database, torn).unwrap();
    let failed = up(&scratch, "torn").expect(6);
    let advice = "its database is damaged, and there is no backup to restore; its data stays in its folder until \
        you destroy the cluster: `cargo xtask logs core-01 --cluster torn`";
    let hints = failed
        .stderr
        .lines()
        .filter(|line| line.starts_with("hint: "));
    assert_eq!(
        hints.collect::<Vec<_>>(),
        [format!("hint: {advice}")],
        "{failed:#?}"
    );
    assert_eq!(advised_by_verify(&scratch, "torn", "reachable"), [advice]);

    let status = scratch.run(&["status", "torn"]).expect(0);
    assert!(
        !status.stderr.contains("cargo xtask up"),
        "{}",
        status.stderr
    );

    // Log lines about other data or earlier starts do not count.
    let unknown = "read in its log why it stopped, then start it again: `cargo xtask logs core-01 --cluster torn`, \
        then `cargo xtask up torn`";
    fs::write(&database, whole).unwrap();
    assert_eq!(advised_by_verify(&scratch, "torn", "reachable"), [unknown]);
    up(&scratch, "torn").expect(0);
    scratch.run(&["down", "torn"]).expect(0);
    assert_eq!(advised_by_verify(&scratch, "torn", "reachable"), [unknown]);
}

#[test]
fn destroy_is_advised_only_if_no_data_is_left() {
    let scratch = Scratch::with("spare", &three(149));
    up(&scratch, "spare").expect(0);
    scratch.run(&["down", "spare"]).expect(0);
    let lose = |one| fs::remove_dir_all(member(&scratch, "spare", one)).unwrap();

    lose("core-01");
    let failed = up(&scratch, "spare").expect(6);
    let hint = "hint: its data is lost; replace it, while the others serve: \
        `cargo xtask replace core-01 --cluster spare`\n";
    assert!(failed.stderr.contains(hint), "{}", failed.stderr);
    assert!(!failed.stderr.contains("destroy"), "{}", failed.stderr);

    scratch.run(&["down", "spare"]).expect(0);
    lose("core-02");
    let refused = up(&scratch, "spare").expect(7);
    let rebuild = "the data of core-01 and core-02 is lost; rebuild the cluster from the data of core-03: \
        `cargo xtask restore spare --from-member core-03`";
    let hint = format!("hint: {rebuild}\n");
    assert!(refused.stderr.ends_with(&hint), "{}", refused.stderr);
    assert_eq!(refused.stderr.matches("hint: ").count(), 1);
    // All tasks advise the same.
    for task in [&["status", "spare"][..], &["down", "spare"]] {
        let ran = scratch.run(task).expect(0);
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    }
    let list = scratch.run(&["list"]).expect(0).stderr;
    assert_eq!(list, format!("hint: `spare`: {rebuild}\n"));
    assert_eq!(advised_by_verify(&scratch, "spare", "quorum"), [rebuild]);
    let none: [&str; 0] = [];
    assert_eq!(advised_by_verify(&scratch, "spare", "reachable"), none);

    lose("core-03");
    let refused = up(&scratch, "spare").expect(7);
    let advice = "its data is lost, and no other member has any; start over: \
        `cargo xtask destroy spare`, then `cargo xtask up spare`";
    assert!(refused.stderr.contains(advice), "{}", refused.stderr);
    assert_eq!(advised_by_verify(&scratch, "spare", "reachable"), [advice]);
}

#[test]
fn no_hint_advises_an_up_that_would_refuse() {
    let scratch = Scratch::with("changed", &one(150));
    up(&scratch, "changed").expect(0);
    scratch.define("changed", &(one(150) + "[etcd]\ngeneration = 2\n"));
    let hint = "hint: its definition now describes another cluster; undo the change to start this \
        one, or see what differs: `cargo xtask plan changed`\n";
    for task in ["down", "status"] {
        let ran = scratch.run(&[task, "changed"]).expect(0);
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
        assert!(!ran.stderr.contains("cargo xtask up"), "{}", ran.stderr);
    }
    up(&scratch, "changed").expect(7);
    let plan = scratch.run(&["plan", "changed"]).expect(7).stderr;
    let differs = "note: the token was `changed-1` and is now `changed-2`\n";
    assert!(plan.contains(differs), "{plan}");
    scratch.define("changed", &one(150));
    let status = scratch.run(&["status", "changed"]).expect(0).stderr;
    assert_eq!(status, "hint: start it: `cargo xtask up changed`\n");
}

/// The hints of this check of `verify`, without duplicates.
fn advised_by_verify(scratch: &Scratch, name: &str, check: &str) -> Vec<String> {
    let ran = scratch.run(&["verify", name, "--format", "json"]);
    let seen: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let checks = seen["checks"].as_array().unwrap();
    let check = checks.iter().find(|one| one["name"] == check).unwrap();
    let findings = check["findings"].as_array().unwrap().iter();
    let hints = findings.filter_map(|finding| finding["hint"].as_str());
    let mut hints: Vec<String> = hints.map(str::to_owned).collect();
    hints.dedup();
    hints
}

#[test]
fn member_that_exits_during_up_is_reported_at_once() {
    let scratch = Scratch::with("brief", &three(145));
    let folder = etcd_that_first(&scratch, "");
    // The first look that writes through it kills it: all members serve by then.
    let etcdctl = folder.join("etcdctl");
    let real = fs::read_to_string(&etcdctl).unwrap();
    let pid = member(&scratch, "brief", "core-03").join("pid");
    let killed = scratch.root().join("killed");
    let kill = format!(
        "#!/bin/sh\ncase \" $* \" in *' put '*) mkdir '{killed}' 2>/dev/null && kill -KILL \"$(cat '{pid}')\" ;; esac\n"
    );
    fs::write(&etcdctl, real.replace("#!/bin/sh\n", &kill)).unwrap();
    let up = ["up", "brief", "--etcd-dir", folder.as_str()];
    let up = scratch.run(&up).expect(6);
    let fact = "error: `core-03` exited after serving\n\
        note: its log does not say why\n";
    assert!(up.stderr.contains(fact), "{}", up.stderr);
    assert!(!up.stderr.contains("still missing"), "{}", up.stderr);
}

#[test]
fn removed_member_is_reported() {
    let scratch = Scratch::with("out", &three(146));
    up(&scratch, "out").expect(0);
    let list = etcdctl(&scratch, "out", &["member", "list"])
        .expect(0)
        .stdout;
    let line = list.lines().find(|line| line.contains("core-03")).unwrap();
    let (id, _) = line.split_once(',').unwrap();
    // etcd does not remove members in its first seconds, and a slow removal may have worked despite
    // its error.
    let left = || {
        etcdctl(&scratch, "out", &["member", "remove", id]);
        processes(&scratch, "out")
    };
    let left = look_until(left, |left| !left.contains_key("core-03"));
    assert_eq!(left.len(), 2);

    let up = up(&scratch, "out").expect(6);
    let fact = "note: its log says: server error: the member has been permanently removed from the cluster\n\
        note: it was removed from the cluster;";
    assert!(up.stderr.contains(fact), "{}", up.stderr);
    let circle = "start the members that do not run";
    assert!(!up.stderr.contains(circle), "{}", up.stderr);
}

#[test]
fn member_on_a_full_disk_is_reported_in_namespaces() {
    let scratch = Scratch::with("tight", &one(147));
    let xtask = format!("'{}'", env!("CARGO_BIN_EXE_xtask"));
    let up = format!("{xtask} up tight --etcd-dir '{}' --timeout", packaged());
    let script = format!(
        "disk=.state/tight/members/core-01; mkdir -p $disk
        mount -t tmpfs -o size=140m none $disk || exit 99
        for size in 1M 4k; do dd if=/dev/zero of=$disk/$size bs=$size 2>/dev/null; done
        {up} 1h; echo full $?
        rm $disk/1M; {up} 5m >/dev/null 2>&1; echo room $?
        {xtask} down tight 2>/dev/null"
    );
    let mut command = in_own_namespaces(&mut scratch.command(&[]), &script);
    let ran = Ran::from(command.current_dir(scratch.root()).output().unwrap());
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    for result in ["full 6", "room 0"] {
        assert!(ran.stdout.lines().any(|line| line == result), "{said}");
    }
    for fact in [
        "error: `core-01` exited ",
        "note: the disk that holds its data is full\n",
        "members/core-01`\nhint: read its log:",
    ] {
        assert!(ran.stderr.contains(fact), "{fact}: {said}");
    }
}

#[test]
fn definition_can_change_after_a_blocked_first_up() {
    let scratch = Scratch::with("free", &one(37));
    let taken = std::net::TcpListener::bind("127.79.37.101:2380").unwrap();
    up(&scratch, "free").expect(5);
    // A foreign process answers at its addresses and must not be taken for it.
    scratch.run(&["status", "free"]).expect(4);
    scratch.define("free", &one(38));
    up(&scratch, "free").expect(0);
    drop(taken);
    scratch.run(&["destroy", "free", "--yes"]).expect(0);
}

#[test]
fn full_disk_loses_no_data_in_namespaces() {
    let scratch = Scratch::with("full", &one(39));
    fs::create_dir(scratch.root().join(".state")).unwrap();
    let xtask = format!("'{}'", env!("CARGO_BIN_EXE_xtask"));
    let up = format!("{xtask} up full --etcd-dir '{}'", packaged());
    let script = format!(
        "mount -t tmpfs -o size=8k none .state || exit 99
        head -c 8192 /dev/zero >.state/fill; {up}; echo record $?; rm .state/fill
        mount -o remount,size=300k .state; {up}; echo data $?
        mount -o remount,size=1g .state; {up}; echo room $?
        mount --bind .state .state && mount -o remount,bind,ro .state; {up}; echo ro $?
        umount .state
        dd if=/dev/zero of=.state/fill bs=1M 2>/dev/null
        {xtask} destroy full --yes; echo destroy $?"
    );
    let mut command = scratch.command(&[]);
    let mut command = in_own_namespaces(&mut command, &script);
    let ran = Ran::from(command.current_dir(scratch.root()).output().unwrap()).expect(0);
    let said = format!("{}\n{}", ran.stdout, ran.stderr);
    for result in ["record 5", "data 6", "room 0", "ro 5", "destroy 0"] {
        assert!(
            ran.stdout.lines().any(|line| line == result),
            "{result}: {said}"
        );
    }
    for fact in [
        "cluster.json`: No space left on device",
        "no space left on device\n",
        "hint: check the free space of its disk",
        "cannot be locked: Read-only file system",
    ] {
        assert!(ran.stderr.contains(fact), "{fact}: {said}");
    }
}

#[test]
fn destroy_removes_serial_logs() {
    for (name, folder) in [("default", "vagrant"), ("five", "vagrant/five")] {
        let scratch = Scratch::with(name, "members = 3\n");
        let log = scratch.root().join(folder).join("log");
        fs::create_dir_all(&log).unwrap();
        fs::write(log.join("core-01-serial.txt"), "booting\n").unwrap();
        // As if it had been interrupted.
        let doomed = scratch.root().join(format!(".state/.destroyed-{name}"));
        fs::create_dir_all(&doomed).unwrap();
        fs::write(log.join("mine.txt"), "mine\n").unwrap();
        scratch.run(&["destroy", name, "--yes"]).expect(0);
        let left: Vec<String> = log
            .read_dir_utf8()
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_owned())
            .collect();
        assert_eq!(left, ["mine.txt"]);
        fs::remove_file(log.join("mine.txt")).unwrap();
        fs::create_dir_all(&doomed).unwrap();
        scratch.run(&["destroy", name, "--yes"]).expect(0);
        assert!(!log.exists());
    }
}
