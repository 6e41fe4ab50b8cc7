//! Members of real clusters that are replaced.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use test_attribute::test;

use crate::cli_cluster::{Follower, kill_member};
use crate::local_support::{
    etcdctl, get, halt, is_healthy, processes, put, runs, that_stops_after, up,
};
use crate::scratch::Scratch;
use crate::support::look_until;
use crate::terminal::on_terminal;

/// A definition of so many members on this test's network.
fn members(count: usize, network: u8) -> String {
    format!("members = {count}\n[network]\nsubnet = \"10.84.{network}.0/24\"\n")
}

fn started(name: &str, count: usize, network: u8) -> Scratch {
    let scratch = Scratch::with(name, &members(count, network));
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

/// Kills a member and removes its data.
fn lose(scratch: &Scratch, name: &str, member: &str) {
    let id = processes(scratch, name)[member];
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    assert!(look_until(|| !runs(id), |gone| *gone));
    let data = format!(".state/{name}/members/{member}/data");
    fs::remove_dir_all(scratch.root().join(data)).unwrap();
}

/// The member's ID according to `identity`, and whether it was added later.
fn identity(scratch: &Scratch, name: &str, member: &str) -> (String, bool) {
    let identity = ["identity", name, "--format", "json"];
    let identity: Value = serde_json::from_str(&scratch.run(&identity).expect(0).stdout).unwrap();
    let members = identity["members"].as_array().unwrap();
    let one = members.iter().find(|one| one["name"] == member).unwrap();
    (one["id"].as_str().unwrap().to_owned(), one["added"] == true)
}

/// Nothing but its folder shows that a running member has lost its data.
#[test]
fn running_member_without_data_is_replaced() {
    let scratch = started("gone", 3, 19);
    let before = processes(&scratch, "gone")["core-02"];
    let log = ".state/gone/members/core-02/data/member/wal";
    for file in fs::read_dir(scratch.root().join(log)).unwrap() {
        // Without its folder, etcd would exit after half a minute.
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let verify = scratch.run(&["verify", "gone"]).expect(1).stdout;
    let fact = "core-02 runs, but its data is gone, or a part of it: do not restart it\n";
    assert!(verify.contains(fact), "{verify}");
    let hint = "`cargo xtask replace core-02 --cluster gone --yes`\n";
    assert!(verify.contains(hint), "{verify}");
    let refused = scratch.run(&["restart", "--cluster", "gone"]).expect(7);
    assert!(refused.stderr.contains("verify gone"), "{}", refused.stderr);
    let edited = members(3, 19) + "[etcd]\nelection_timeout = 1500\n";
    scratch.define("gone", &edited);
    let refused = scratch.run(&["apply", "gone", "--yes"]).expect(7).stderr;
    assert!(refused.contains("note: failing: data\n"), "{refused}");
    scratch.define("gone", &members(3, 19));
    assert_eq!(processes(&scratch, "gone")["core-02"], before);
    let replace = ["replace", "core-02", "--cluster", "gone", "--yes"];
    scratch.run(&replace).expect(0);
    assert_eq!(get(&scratch, "gone", "greeting"), "hello\n");
}

#[test]
fn member_without_data_is_replaced_by_a_new_one() {
    let scratch = started("lost", 3, 1);
    let before = identity(&scratch, "lost", "core-02");
    lose(&scratch, "lost", "core-02");
    let replaced = scratch
        .run(&["replace", "core-02", "--cluster", "lost"])
        .expect(0);
    assert!(
        replaced.stdout.starts_with("lost is healthy: 3 of 3"),
        "{}",
        replaced.stdout
    );
    let after = identity(&scratch, "lost", "core-02");
    assert!(
        !before.1 && after.1 && before.0 != after.0,
        "{before:?} {after:?}"
    );
    let own = ["get", "greeting", "--print-value-only"];
    let own = [
        &["etcdctl", "--cluster", "lost", "--member", "core-02", "--"][..],
        &own,
    ]
    .concat();
    assert_eq!(scratch.run(&own).expect(0).stdout, "hello\n");
    assert!(!scratch.root().join(".state/lost/replace.json").exists());
    let list = scratch.run(&["backup", "lost", "--list"]).expect(0).stdout;
    assert_eq!(list.lines().count(), 2, "{list}");

    // The next start keeps the new identity.
    scratch.run(&["down", "lost"]).expect(0);
    up(&scratch, "lost").expect(0);
    assert_eq!(identity(&scratch, "lost", "core-02"), after);
    assert_eq!(get(&scratch, "lost", "greeting"), "hello\n");
}

#[test]
fn two_dead_of_five_leave_before_one_is_added() {
    let scratch = started("five", 5, 2);
    lose(&scratch, "five", "core-04");
    lose(&scratch, "five", "core-05");
    let first = scratch
        .run(&["replace", "core-04", "--cluster", "five"])
        .expect(1);
    let hint = "core-05 left the cluster, too\n\
        hint: replace it as well: `cargo xtask replace core-05 --cluster five`\n";
    assert!(first.stderr.ends_with(hint), "{}", first.stderr);
    scratch
        .run(&["replace", "core-05", "--cluster", "five"])
        .expect(0);
    is_healthy(&scratch, "five");
}

#[test]
fn member_that_was_removed_by_hand_comes_back() {
    let scratch = started("gone", 3, 3);
    let id = identity(&scratch, "gone", "core-03").0;
    // etcd refuses while a connection is younger than five seconds.
    look_until(
        || etcdctl(&scratch, "gone", &["member", "remove", &id]).status,
        |status| *status == Some(0),
    );
    let replaced = scratch
        .run(&["replace", "core-03", "--cluster", "gone"])
        .expect(0);
    let aside = "the old data of core-03 is kept: ";
    let aside = replaced
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix(aside));
    assert!(fs::metadata(aside.unwrap()).unwrap().is_dir());
}

#[test]
fn damaged_database_is_replaced() {
    let scratch = started("torn", 3, 4);
    kill_member(&scratch, "torn", "core-01");
    let db = ".state/torn/members/core-01/data/member/snap/db";
    fs::write(scratch.root().join(db), [0; 8192]).unwrap();
    scratch
        .run(&["replace", "core-01", "--cluster", "torn"])
        .expect(0);
}

#[test]
fn healthy_member_is_replaced_only_on_demand() {
    let scratch = started("well", 3, 5);
    let replace = ["replace", "core-01", "--cluster", "well"];
    let refused = scratch.run(&replace).expect(2);
    let hint = "hint: if you are sure: `cargo xtask replace core-01 --cluster well --yes`\n";
    assert!(refused.stderr.ends_with(hint), "{}", refused.stderr);
    let asked = on_terminal(&scratch.command(&replace), 80, "n\n").expect(1);
    assert!(
        asked
            .stdout
            .starts_with("`core-01` is healthy; replace it nevertheless? [y/N] "),
        "{}",
        asked.stdout
    );
    assert!(!scratch.root().join(".state/well/replace.json").exists());
    scratch.run(&[&replace[..], &["--yes"]].concat()).expect(0);
    assert!(identity(&scratch, "well", "core-01").1);
}

#[test]
fn member_is_not_replaced_without_a_quorum_of_the_others() {
    let scratch = started("few", 3, 6);
    kill_member(&scratch, "few", "core-02");
    kill_member(&scratch, "few", "core-03");
    let replace = ["replace", "core-02", "--cluster", "few"];
    let refused = look_until(
        || scratch.run(&replace).expect(7),
        |ran| ran.stderr.contains("no other member has a leader"),
    );
    assert!(
        refused
            .stderr
            .starts_with("error: without `core-02`, the cluster has no quorum\n"),
        "{}",
        refused.stderr
    );
    assert!(!scratch.root().join(".state/few/replace.json").exists());
    let alone = Scratch::with("alone", &members(1, 7));
    up(&alone, "alone").expect(0);
    let refused = alone
        .run(&["replace", "core-01", "--cluster", "alone"])
        .expect(2);
    assert!(
        refused
            .stderr
            .starts_with("error: `alone` has no other members\n")
    );
}

/// The moments are those at which the cluster has changed and nothing was noted of it yet.
#[test]
fn killed_replacement_is_continued() {
    for (network, after) in [
        (10, "member remove"),
        (11, "member add"),
        (12, "member promote"),
    ] {
        let scratch = replaced_until(after, network);
        let replace = ["replace", "core-03", "--cluster", "cut"];
        let other = scratch
            .run(&["replace", "core-01", "--cluster", "cut", "--yes"])
            .expect(7);
        let error = "error: the replacement of `core-03` is not complete\n";
        assert!(other.stderr.starts_with(error), "{}", other.stderr);
        scratch.run(&replace).expect(0);
        assert_eq!(get(&scratch, "cut", "greeting"), "hello\n", "{after}");
        assert!(identity(&scratch, "cut", "core-03").1);
        let listed = etcdctl(&scratch, "cut", &["member", "list"])
            .expect(0)
            .stdout;
        assert_eq!(listed.lines().count(), 3, "{listed}");
        let list = scratch.run(&["backup", "cut", "--list"]).expect(0).stdout;
        assert_eq!(list.lines().count(), 2, "{after}: {list}");
    }
}

/// Replaces a member of `cut` up to this command, after which the task is killed.
fn replaced_until(command: &str, network: u8) -> Scratch {
    let scratch = that_stops_after(command, &members(3, network));
    lose(&scratch, "cut", "core-03");
    let replace = ["replace", "core-03", "--cluster", "cut"];
    let mut run = Follower::errors(&mut scratch.command(&replace));
    let waits = scratch.root().join("waits");
    assert!(look_until(|| waits.exists(), |waits| *waits));
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    fs::write(scratch.root().join("go"), "").unwrap();
    scratch
}

/// A member that may have acknowledged writes must not come back empty under the same ID.
#[test]
fn data_lost_during_a_replacement_is_not_forgotten() {
    let scratch = replaced_until("member promote", 13);
    let before = identity(&scratch, "cut", "core-03").0;
    lose(&scratch, "cut", "core-03");
    scratch
        .run(&["replace", "core-03", "--cluster", "cut"])
        .expect(0);
    assert_ne!(identity(&scratch, "cut", "core-03").0, before);
    let log = scratch.root().join(".state/cut/members/core-03/etcd.log");
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("tocommit("), "{log}");
    assert_eq!(get(&scratch, "cut", "greeting"), "hello\n");
}

#[test]
fn learner_removed_by_hand_is_added_again() {
    let scratch = replaced_until("member add", 14);
    let id = {
        let list = etcdctl(&scratch, "cut", &["member", "list"])
            .expect(0)
            .stdout;
        let line = list.lines().find(|line| line.contains(".14.103:")).unwrap();
        line.split(',').next().unwrap().to_owned()
    };
    etcdctl(&scratch, "cut", &["member", "remove", &id]).expect(0);
    scratch
        .run(&["replace", "core-03", "--cluster", "cut"])
        .expect(0);
}

#[test]
fn slow_member_stays_in_the_cluster() {
    let scratch = started("slow", 5, 15);
    lose(&scratch, "slow", "core-05");
    let before = identity(&scratch, "slow", "core-04");
    let halted = processes(&scratch, "slow")["core-04"];
    halt(halted);
    let replace = ["replace", "core-05", "--cluster", "slow"];
    let mut run = Follower::errors(&mut scratch.command(&replace));
    run.wait_for("waiting until etcd accepts a new member");
    kill(Pid::from_raw(halted), Signal::SIGCONT).unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(0));
    assert_eq!(identity(&scratch, "slow", "core-04"), before);
    assert_eq!(processes(&scratch, "slow")["core-04"], halted);
}

#[test]
fn member_with_data_is_started_before_another_is_replaced() {
    let scratch = started("both", 5, 16);
    lose(&scratch, "both", "core-05");
    kill_member(&scratch, "both", "core-03");
    let refused = scratch
        .run(&["replace", "core-05", "--cluster", "both"])
        .expect(7);
    assert_eq!(
        refused.stderr.split_once("error: ").unwrap().1,
        "`core-03` does not run\nnote: etcd adds no member meanwhile\n\
         hint: start what has its data, then continue: `cargo xtask up both`, then \
         `cargo xtask replace core-05 --cluster both`\n"
    );
    up(&scratch, "both").expect(6);
    scratch
        .run(&["replace", "core-05", "--cluster", "both"])
        .expect(0);
}

#[test]
fn replacement_is_refused_beside_another_learner() {
    let scratch = started("taught", 3, 17);
    let url = "--peer-urls=http://127.84.17.150:2380";
    let add = ["member", "add", "extra", "--learner", url];
    look_until(
        || etcdctl(&scratch, "taught", &add).status,
        |status| *status == Some(0),
    );
    let replace = ["replace", "core-03", "--cluster", "taught", "--yes"];
    let refused = scratch.run(&replace).expect(7);
    let error = "error: the cluster has a learner already: a member that never started (";
    assert!(refused.stderr.contains(error), "{}", refused.stderr);
    assert_eq!(processes(&scratch, "taught").len(), 3);
}

#[test]
fn replacement_killed_before_it_changes_anything_is_forgotten() {
    let scratch = started("early", 3, 18);
    let replace = ["replace", "core-03", "--cluster", "early", "--yes"];
    let mut run = Follower::errors(&mut scratch.command(&replace));
    run.wait_for("saved as ");
    run.signal(Signal::SIGKILL);
    run.child.wait().unwrap();
    assert!(!scratch.root().join(".state/early/replace.json").exists());
    up(&scratch, "early").expect(0);
}
