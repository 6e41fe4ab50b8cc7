//! Real clusters that are brought to an edited definition.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};

use nix::sys::signal::Signal;
use serde_json::Value;
use test_attribute::test;
use xtask::values::DriverName;

use crate::apply_support::{Writer, apply, count, edits, killed, members};
use crate::cli_cluster::{Follower, kill_member};
use crate::cli_completions::was_started_by;
use crate::drilled_cluster::tell;
use crate::etcd_binaries::packaged;
use crate::local_support::{
    begin, end, etcdctl, get, is_healthy, processes, put, running_cluster_id, that_stops_after, up,
};
use crate::scratch::Scratch;
use crate::support::{look_until, program};
use crate::terminal::on_terminal;

fn started(name: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

/// The steps as `plan` lists them.
fn steps(scratch: &Scratch, name: &str, status: i32) -> Vec<String> {
    let plan = ["plan", name, "--format", "json"];
    let plan: Value = serde_json::from_str(&scratch.run(&plan).expect(status).stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap().iter();
    let what = steps.map(|step| step["what"].as_str().unwrap().to_owned());
    what.collect()
}

/// There are four members then, which no definition may have.
#[test]
fn record_lost_in_the_middle_is_rebuilt_from_what_runs() {
    let scratch = started("lost", &count(61, 3, ""));
    scratch.define("lost", &count(61, 5, ""));
    let mut run = Follower::errors(&mut scratch.command(&["apply", "lost", "--yes"]));
    run.wait_for("core-04: has all data, and votes");
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    fs::remove_file(scratch.root().join(".state/lost/cluster.json")).unwrap();
    let adopted = scratch.run(&["adopt", "lost"]).expect(0);
    let said = "`core-05` at 127.87.61.105 is new";
    assert!(adopted.stderr.contains(said), "{}", adopted.stderr);
    apply(&scratch, "lost");
    is_healthy(&scratch, "lost");
    assert_eq!(get(&scratch, "lost", "greeting"), "hello\n");
}

/// The member itself runs where it should.
#[test]
fn peer_url_entered_by_hand_is_corrected_without_a_restart() {
    let scratch = started("odd", &count(60, 3, ""));
    let before = processes(&scratch, "odd");
    let identity = ["identity", "odd", "--format", "json"];
    let identity: Value = serde_json::from_str(&scratch.run(&identity).expect(0).stdout).unwrap();
    let id = identity["members"][2]["id"].as_str().unwrap().to_owned();
    let url = "--peer-urls=http://10.0.0.5:2380";
    etcdctl(&scratch, "odd", &["member", "update", &id, url]).expect(0);
    assert_eq!(steps(&scratch, "odd", 1).len(), 1);
    apply(&scratch, "odd");
    is_healthy(&scratch, "odd");
    assert_eq!(processes(&scratch, "odd"), before);
}

/// 1 to 3, 3 to 5, 5 to 3, while a client writes.
#[test]
fn cluster_grows_and_shrinks_under_load() {
    let scratch = started("load", &count(1, 1, ""));
    let before = running_cluster_id(&scratch, "load");
    let writer = Writer::start(1, &[101, 102, 103]);
    for (size, etcd) in [(3, ""), (5, ""), (3, "election_timeout = 1500\n")] {
        scratch.define("load", &count(1, size, etcd));
        assert!(!steps(&scratch, "load", 1).is_empty());
        apply(&scratch, "load");
        is_healthy(&scratch, "load");
        assert_eq!(steps(&scratch, "load", 0), [""; 0]);
        assert_eq!(processes(&scratch, "load").len(), usize::from(size));
    }
    let (count, longest) = writer.lost_nothing(&scratch, "load");
    assert!(count > 100, "{count}");
    tell(&format!(
        "1 to 3 to 5 to 3 members: {count} writes, none lost, at most {longest:?} apart"
    ));
    assert_eq!(running_cluster_id(&scratch, "load"), before);
    assert_eq!(get(&scratch, "load", "greeting"), "hello\n");
    // The data of the removed members is kept, and a backup was taken.
    for member in ["core-04", "core-05"] {
        let folder = scratch.root().join(format!(".state/load/members/{member}"));
        let mut entries = folder.read_dir_utf8().unwrap().flatten();
        assert!(entries.any(|entry| entry.file_name().starts_with("data-replaced-")));
        assert!(!folder.join("data").exists());
    }
    let list = scratch.run(&["backup", "load", "--list"]).expect(0).stdout;
    assert_eq!(list.lines().count(), 2, "{list}");
    // The next start is one of what runs.
    scratch.run(&["down", "load"]).expect(0);
    up(&scratch, "load").expect(0);
    assert_eq!(get(&scratch, "load", "greeting"), "hello\n");
}

#[test]
fn apply_asks_before_it_changes_anything() {
    let scratch = started("asked", &count(2, 3, ""));
    assert_eq!(scratch.run(&["plan", "asked"]).expect(0).stdout, "");
    let nothing = "asked is as defined: nothing to do\n";
    assert_eq!(scratch.run(&["apply", "asked"]).expect(0).stderr, nothing);
    scratch.define(
        "asked",
        &count(2, 3, "[etcd.flags]\nsnapshot-count = \"5000\"\n"),
    );
    let plan = scratch.run(&["plan", "asked"]).expect(1);
    let first = plan.stdout.lines().next().unwrap();
    assert!(first.starts_with(" 1. restart core-0"), "{}", plan.stdout);
    let votes = "    votes  3 of 3 before, 2 of 3 during, 3 of 3 after; 0 may fail meanwhile\n";
    assert_eq!(plan.stdout.matches(votes).count(), 3, "{}", plan.stdout);
    let hint = "hint: perform them: `cargo xtask apply asked`\n";
    assert_eq!(plan.stderr, hint);
    let refused = scratch.run(&["apply", "asked"]).expect(2);
    let hint = "hint: if you are sure: `cargo xtask apply asked --yes`\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    let before = processes(&scratch, "asked");
    on_terminal(&scratch.command(&["apply", "asked"]), 80, "n\n").expect(1);
    assert_eq!(processes(&scratch, "asked"), before);
    apply(&scratch, "asked");
    let after = processes(&scratch, "asked");
    assert!(before.iter().all(|(member, id)| after[member] != *id));
    is_healthy(&scratch, "asked");

    // All that is said of a stopped cluster works.
    scratch.run(&["down", "asked"]).expect(0);
    scratch.define("asked", &count(2, 5, ""));
    let status = scratch.run(&["status", "asked"]).expect(0).stderr;
    let hint = "`core-05` at 127.87.2.105 is new\nhint: start it: `cargo xtask up asked`\n";
    assert!(status.ends_with(hint), "{status}");
    let plan = scratch.run(&["plan", "asked"]).expect(4).stderr;
    let hint = "hint: start it as it was: `cargo xtask up asked`\n";
    assert!(plan.ends_with(hint), "{plan}");
}

#[test]
fn members_exchange_addresses_and_get_other_ports() {
    let three = [("core-01", 101), ("core-02", 102), ("core-03", 103)];
    let scratch = started("moved", &members(3, &three, ""));
    let exchanged = [("core-01", 102), ("core-02", 101), ("core-03", 103)];
    scratch.define("moved", &members(3, &exchanged, ""));
    assert_eq!(steps(&scratch, "moved", 1).len(), 3);
    apply(&scratch, "moved");
    is_healthy(&scratch, "moved");
    let ports = "client_port = 2390\npeer_port = 2379\n";
    scratch.define("moved", &members(3, &exchanged, ports));
    apply(&scratch, "moved");
    let seen = is_healthy(&scratch, "moved").stdout;
    assert!(seen.contains("http://127.87.3.102:2390"), "{seen}");
    // Only the port of clients.
    let ports = ports.replace("2390", "2391");
    scratch.define("moved", &members(3, &exchanged, &ports));
    apply(&scratch, "moved");
    is_healthy(&scratch, "moved");
    scratch.run(&["down", "moved"]).expect(0);
    up(&scratch, "moved").expect(0);
    assert_eq!(get(&scratch, "moved", "greeting"), "hello\n");
    // A member in the place of another one.
    let named = [("core-01", 102), ("core-02", 101), ("db-03", 103)];
    scratch.define("moved", &members(3, &named, &ports));
    let removes = ["remove core-03", "add db-03 at http://127.87.3.103:2379"];
    assert_eq!(steps(&scratch, "moved", 1), removes);
    apply(&scratch, "moved");
    assert_eq!(get(&scratch, "moved", "greeting"), "hello\n");
}

#[test]
fn apply_refuses_what_no_step_does() {
    let scratch = started("never", &count(4, 3, ""));
    let before = processes(&scratch, "never");
    for (etcd, said) in [
        (
            "generation = 2\n",
            "note: the token was `never-1` and is now `never-2`\n",
        ),
        (
            "version = \"3.7.1\"\n",
            "error: etcd 3.4.23 cannot be upgraded to 3.7.1 in one step\n",
        ),
    ] {
        scratch.define("never", &count(4, 5, etcd));
        for task in [&["plan", "never"][..], &["apply", "never", "--yes"]] {
            let refused = scratch.run(task).expect(7);
            assert!(refused.stderr.contains(said), "{}", refused.stderr);
        }
    }
    let other = format!("driver = \"vagrant\"\n{}", count(4, 3, ""));
    scratch.define("never", &other);
    let refused = scratch.run(&["apply", "never", "--yes"]).expect(7);
    let said = "error: the driver is local, and is now defined as vagrant\n";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("nothing was changed"),
        "{}",
        refused.stderr
    );
    assert_eq!(processes(&scratch, "never"), before);

    let old = Scratch::with("old", &count(5, 1, ""));
    was_started_by(&old, "old", &count(5, 1, ""), DriverName::Local, "2.3.8");
    let refused = old.run(&["plan", "old"]).expect(7);
    let said = "error: members of etcd 2.3.8 are changed by hand\n";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
}

#[test]
fn apply_to_one_member_needs_consent_to_an_interruption() {
    let scratch = started("alone", &count(6, 1, ""));
    scratch.define("alone", &count(6, 1, "election_timeout = 1500\n"));
    let refused = scratch.run(&["apply", "alone", "--yes"]).expect(7);
    let error = "error: the quorum would be lost: restart core-01\n";
    assert!(refused.stderr.contains(error), "{}", refused.stderr);
    let hint = "hint: if clients can wait: `cargo xtask apply alone --allow-interruption`\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    let apply = ["apply", "alone", "--yes", "--allow-interruption"];
    scratch.run(&apply).expect(0);
    assert_eq!(get(&scratch, "alone", "greeting"), "hello\n");
}

#[test]
fn apply_starts_stopped_members_and_removes_dead_ones() {
    let scratch = started("dead", &count(7, 5, ""));
    // One that stays has its data; one that goes has none.
    kill_member(&scratch, "dead", "core-02");
    kill_member(&scratch, "dead", "core-05");
    fs::remove_dir_all(scratch.root().join(".state/dead/members/core-05/data")).unwrap();
    scratch.define("dead", &count(7, 3, ""));
    let what = steps(&scratch, "dead", 1);
    assert_eq!(what, ["start core-02", "remove core-05", "remove core-04"]);
    apply(&scratch, "dead");
    is_healthy(&scratch, "dead");

    kill_member(&scratch, "dead", "core-03");
    fs::remove_dir_all(scratch.root().join(".state/dead/members/core-03/data")).unwrap();
    scratch.define("dead", &count(7, 5, ""));
    let refused = scratch.run(&["apply", "dead", "--yes"]).expect(7);
    let hint = "hint: replace it first: `cargo xtask replace core-03 --cluster dead`\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    let replace = ["replace", "core-03", "--cluster", "dead"];
    // It is replaced; the definition is not applied yet.
    scratch.run(&replace).expect(1);
    apply(&scratch, "dead");
    is_healthy(&scratch, "dead");
}

/// Runs `apply` up to this command.
fn applied_until(scratch: &Scratch) -> Follower {
    let apply = ["apply", "cut", "--yes"];
    let run = Follower::errors(&mut scratch.command(&apply));
    let waits = scratch.root().join("waits");
    assert!(look_until(|| waits.exists(), |waits| *waits));
    run
}

/// The moments are those at which the cluster has changed and nothing was noted of it yet.
#[test]
fn killed_apply_is_continued() {
    let five = |network| count(network, 5, "");
    let moved = |network| {
        let moved = [("core-01", 101), ("core-02", 102), ("core-03", 109)];
        members(network, &moved, "")
    };
    let one = |network| count(network, 1, "");
    type Edited<'a> = &'a dyn Fn(u8) -> String;
    let moments: [(&str, Edited<'_>); 4] = [
        ("member add", &five),
        ("member promote", &five),
        ("member update", &moved),
        ("member remove", &one),
    ];
    for (network, (command, edited)) in (10..).zip(moments) {
        let scratch = that_stops_after(command, &count(network, 3, ""));
        scratch.define("cut", &edited(network));
        let mut run = applied_until(&scratch);
        run.signal(Signal::SIGKILL);
        run.child.wait().unwrap();
        fs::write(scratch.root().join("go"), "").unwrap();
        assert!(!steps(&scratch, "cut", 1).is_empty());
        // Whatever runs is healed meanwhile, too.
        let healed = up(&scratch, "cut").expect(1);
        assert!(healed.stderr.contains("cargo xtask plan cut"), "{command}");
        apply(&scratch, "cut");
        is_healthy(&scratch, "cut");
        assert_eq!(get(&scratch, "cut", "greeting"), "hello\n", "{command}");
        let list = etcdctl(&scratch, "cut", &["member", "list"])
            .expect(0)
            .stdout;
        assert_eq!(list.lines().count(), processes(&scratch, "cut").len());
    }
}

#[test]
fn apply_stops_at_the_first_member_that_refuses_a_flag() {
    let scratch = started("flag", &count(8, 3, ""));
    let before = processes(&scratch, "flag");
    let bad = "[etcd.flags]\nsnapshot-count = \"many\"\n";
    scratch.define("flag", &count(8, 3, bad));
    let failed = scratch.run(&["apply", "flag", "--yes"]).expect(6);
    let error = "` could not be started: it exited";
    assert!(failed.stderr.contains(error), "{}", failed.stderr);
    let hint = "hint: fix the cause, then continue: `cargo xtask apply flag`\n";
    assert!(failed.stderr.ends_with(hint), "{}", failed.stderr);
    let after = processes(&scratch, "flag");
    let same = after.iter().filter(|(name, id)| before[*name] == **id);
    assert_eq!((after.len(), same.count()), (2, 2));
    assert_eq!(get(&scratch, "flag", "greeting"), "hello\n");
    scratch.define("flag", &count(8, 3, &bad.replace("many", "5000")));
    apply(&scratch, "flag");
    is_healthy(&scratch, "flag");
}

/// A member that is being removed may still have a vote, so the cluster needs it after `down`.
#[test]
fn up_starts_what_a_killed_apply_was_removing() {
    let scratch = Scratch::with("half", &count(22, 3, ""));
    let (root, packaged) = (scratch.root(), packaged());
    let bin = root.join("bin");
    program(&bin.join("etcd"), &format!("exec '{packaged}/etcd' \"$@\""));
    let script = format!(
        "case \"$*\" in *'member remove'*)\n\
         if [ -e '{root}/first' ]; then touch '{root}/waits'\n\
         while [ -d '{root}' ] && [ ! -e '{root}/go' ]; do sleep 0.05; done; fi\n\
         touch '{root}/first' ;; esac\nexec '{packaged}/etcdctl' \"$@\""
    );
    program(&bin.join("etcdctl"), &script);
    let up = ["up", "half", "--etcd-dir", bin.as_str(), "--timeout", "5m"];
    scratch.run(&up).expect(0);
    put(&scratch, "half", "greeting", "hello");
    scratch.define("half", &count(22, 1, ""));
    let apply = ["apply", "half", "--yes"];
    let mut run = Follower::errors(&mut scratch.command(&apply));
    let waits = root.join("waits");
    assert!(look_until(|| waits.exists(), |waits| *waits));
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    // The request that waits is never sent.
    scratch.run(&["down", "half"]).expect(0);
    let ran = scratch.run(&up).expect(1);
    let starts = ": starting, because `apply` was interrupted\n";
    assert!(ran.stderr.contains(starts), "{}", ran.stderr);
    assert_eq!(get(&scratch, "half", "greeting"), "hello\n");
    fs::write(root.join("go"), "").unwrap();
    scratch.run(&apply).expect(0);
    assert_eq!(get(&scratch, "half", "greeting"), "hello\n");
    assert_eq!(processes(&scratch, "half").len(), 1);
}

/// A random number below this one.
fn random(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}

#[test]
fn apply_killed_at_any_moment_is_continued() {
    let scratch = started("kill", &count(30, 3, ""));
    for (what, edited, longest) in edits(30) {
        scratch.define("kill", &edited);
        for is_healed in [true, false] {
            let moment = random(longest);
            eprintln!("{what}: killed after {moment} ms");
            killed(&scratch, "kill", moment, is_healed);
        }
        apply(&scratch, "kill");
        is_healthy(&scratch, "kill");
        assert_eq!(get(&scratch, "kill", "greeting"), "hello\n", "{what}");
    }
}

#[test]
fn apply_notices_an_edited_definition() {
    let scratch = that_stops_after("member promote", &count(20, 3, ""));
    scratch.define("cut", &count(20, 5, ""));
    let mut run = applied_until(&scratch);
    scratch.define("cut", &count(20, 3, ""));
    fs::write(scratch.root().join("go"), "").unwrap();
    run.wait_for("error: `cluster/cut.toml` was edited meanwhile");
    run.wait_for("hint: see the steps that apply the change: `cargo xtask plan cut`");
    assert_eq!(run.child.wait().unwrap().code(), Some(6));
    assert_eq!(steps(&scratch, "cut", 1), ["remove core-04"]);
    apply(&scratch, "cut");
    is_healthy(&scratch, "cut");
}

#[test]
fn second_apply_waits_and_ctrl_c_completes_a_step() {
    let scratch = that_stops_after("member promote", &count(21, 3, ""));
    scratch.define("cut", &count(21, 5, ""));
    let mut run = applied_until(&scratch);
    let mut second = Follower::errors(&mut scratch.command(&["apply", "cut", "--yes"]));
    second.wait_for("is changing this cluster");
    run.signal(Signal::SIGINT);
    run.wait_for("interrupted: completing this step first");
    fs::write(scratch.root().join("go"), "").unwrap();
    run.wait_for("note: the last step is complete: give core-04 its vote");
    run.wait_for("hint: continue: `cargo xtask apply cut`");
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    assert_eq!(second.child.wait().unwrap().code(), Some(0));
    is_healthy(&scratch, "cut");
    assert_eq!(processes(&scratch, "cut").len(), 5);
    drop(end(begin(&scratch, &["plan", "cut"])).expect(0));
}
