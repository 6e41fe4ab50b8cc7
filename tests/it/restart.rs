//! Rolling restarts and defragmentation of real clusters.

use std::fs;

use test_attribute::test;

use crate::cli_cluster::{kill_member, status};
use crate::local_support::{get, processes, put, up};
use crate::scratch::Scratch;
use crate::support::look_until;

fn definition(count: usize, network: u8) -> String {
    format!("members = {count}\n[network]\nsubnet = \"10.86.{network}.0/24\"\n")
}

fn started(name: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

#[test]
fn members_are_restarted_one_at_a_time_the_leader_last() {
    let scratch = started("all", &definition(3, 1));
    let before = processes(&scratch, "all");
    let leader = status(&scratch, "all")["leader"].clone();
    let leader = leader.as_str().unwrap();
    let ran = scratch.run(&["restart", "--cluster", "all"]).expect(0);
    let restarted: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.strip_suffix(": restarted"))
        .collect();
    assert_eq!(restarted.len(), 3, "{}", ran.stderr);
    let handed = format!("{leader}: handed the leadership to ");
    // Somebody else may have been elected in between.
    assert!(
        restarted[2] == leader || !ran.stderr.contains(&handed),
        "{}",
        ran.stderr
    );
    let after = processes(&scratch, "all");
    assert!(before.iter().all(|(member, id)| after[member] != *id));
    assert_eq!(get(&scratch, "all", "greeting"), "hello\n");

    scratch
        .run(&["restart", "core-02", "--cluster", "all"])
        .expect(0);
    let last = processes(&scratch, "all");
    let changed: Vec<&String> = last
        .iter()
        .filter(|(member, id)| after[*member] != **id)
        .map(|(member, _)| member)
        .collect();
    assert_eq!(changed, ["core-02"]);
}

#[test]
fn restart_is_refused_while_a_member_is_missing() {
    let scratch = started("few", &definition(3, 2));
    kill_member(&scratch, "few", "core-03");
    // It may still be ending.
    let before = look_until(|| processes(&scratch, "few"), |left| left.len() == 2);
    let refused = scratch.run(&["restart", "--cluster", "few"]).expect(7);
    assert!(
        refused
            .stderr
            .contains("note: members are restarted only while all others serve"),
        "{}",
        refused.stderr
    );
    assert_eq!(processes(&scratch, "few"), before);
}

#[test]
fn restart_brings_changed_flags_to_the_members() {
    let text = definition(3, 3);
    let scratch = started("flags", &text);
    scratch.define(
        "flags",
        &(text + "[etcd.flags]\nsnapshot-count = \"5000\"\n"),
    );
    scratch.run(&["verify", "flags"]).expect(1);
    scratch.run(&["restart", "--cluster", "flags"]).expect(0);
    scratch.run(&["verify", "flags"]).expect(0);
}

#[test]
fn single_member_is_restarted() {
    let scratch = started("alone", &definition(1, 4));
    scratch.run(&["restart", "--cluster", "alone"]).expect(0);
    assert_eq!(get(&scratch, "alone", "greeting"), "hello\n");
}

#[test]
fn full_databases_are_emptied_and_the_alarm_is_disarmed() {
    let text = definition(3, 5) + "[etcd]\nquota = \"16MiB\"\n";
    let scratch = started("full", &text);
    let value = "x".repeat(1_000_000);
    let mut is_full = false;
    for _ in 0..40 {
        let put = ["etcdctl", "--cluster", "full", "--", "put", "big"];
        is_full = put_from_input(&scratch, &put, &value);
        if is_full {
            break;
        }
    }
    assert!(is_full);
    let ran = scratch.run(&["defrag", "full", "--compact"]).expect(0);
    assert!(
        ran.stderr.ends_with("the alarm NOSPACE is disarmed\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout.lines().count(), 4, "{}", ran.stdout);
    scratch.run(&["verify", "full", "--wait", "60s"]).expect(0);
    put(&scratch, "full", "greeting", "hullo");
}

/// The alarm is disarmed through the gateway, because etcdctl disarms every other one as well.
#[test]
fn alarm_stays_if_the_gateway_is_off() {
    let text = definition(1, 9) + "[etcd]\nquota = \"16MiB\"\n";
    let scratch = started("off", &(text + "flags = { enable-grpc-gateway = false }\n"));
    let value = "x".repeat(1_000_000);
    let put = ["etcdctl", "--cluster", "off", "--", "put", "big"];
    assert!((0..40).any(|_| put_from_input(&scratch, &put, &value)));
    let refused = scratch
        .run(&["defrag", "off", "--compact"])
        .expect(6)
        .stderr;
    let fact = "error: the alarm NOSPACE could not be disarmed: etcd's gRPC gateway is off (`enable-grpc-gateway`)\n";
    assert!(refused.contains(fact), "{refused}");
    let hint = "`cargo xtask etcdctl --cluster off -- alarm disarm`\n";
    assert!(refused.contains(hint), "{refused}");
    let disarm = ["etcdctl", "--cluster", "off", "--", "alarm", "disarm"];
    scratch.run(&disarm).expect(0);
    scratch.run(&["verify", "off"]).expect(0);

    let drill = scratch
        .run(&["drill", "off", "leader-killed"])
        .expect(2)
        .stderr;
    let fact = "error: etcd's gRPC gateway is off, which a drill's clients use\n";
    assert!(drill.contains(fact), "{drill}");
}

/// The first member that starts with such a quota would stop the writes of the whole cluster.
#[test]
fn quota_below_the_database_is_refused() {
    let text = definition(1, 7);
    let scratch = started("small", &text);
    let value = "x".repeat(1_000_000);
    for _ in 0..3 {
        let put = ["etcdctl", "--cluster", "small", "--", "put", "big"];
        assert!(!put_from_input(&scratch, &put, &value));
    }
    scratch.define("small", &(text + "[etcd]\nquota = \"2MiB\"\n"));
    let before = processes(&scratch, "small");
    // etcd counts what it has written, a tenth of a second later.
    let fact = "error: the defined quota of 2 MiB is below the size of the database, ";
    look_until(
        || scratch.run(&["plan", "small"]).stderr,
        |plan| plan.contains(fact),
    );
    for task in [
        &["apply", "small", "--yes", "--allow-interruption"][..],
        &["restart", "--cluster", "small"],
    ] {
        let refused = scratch.run(task).expect(7).stderr;
        assert!(refused.contains(fact), "{refused}");
    }
    assert_eq!(processes(&scratch, "small"), before);
    // As the hint says. A large value left over would be copied with each key written beside it, up to twice
    // before the pages of its first copy are free: too much for this quota.
    put(&scratch, "small", "big", "no more");
    scratch.run(&["defrag", "small", "--compact"]).expect(0);
    let apply = ["apply", "small", "--yes", "--allow-interruption"];
    scratch.run(&apply).expect(0);
    put(&scratch, "small", "greeting", "hullo");
}

/// Whether etcd refuses this value because its database is full.
fn put_from_input(scratch: &Scratch, words: &[&str], value: &str) -> bool {
    let file = scratch.root().join("value");
    fs::write(&file, value).unwrap();
    let mut command = scratch.command(words);
    command.stdin(fs::File::open(&file).unwrap());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    said.contains("database space exceeded")
}
