//! Local clusters with other ports than etcd's own.

use std::fs;

use expect_test::expect;
use serde_json::Value;
use test_attribute::test;

use crate::local_support::{get, is_healthy, one, processes, put, three, up};
use crate::scratch::Scratch;

/// A definition with these ports.
fn with_ports(definition: &str, client: u16, peer: u16) -> String {
    format!("driver = \"local\"\n{definition}[etcd]\nclient_port = {client}\npeer_port = {peer}\n")
}

#[test]
fn clusters_on_the_same_addresses_run_at_the_same_time() {
    let scratch = Scratch::with("first", &one(96));
    scratch.define("second", &with_ports(&three(96), 4001, 7001));
    up(&scratch, "first").expect(0);
    up(&scratch, "second").expect(0);
    for (name, endpoint) in [
        ("first", "http://127.79.96.101:2379"),
        ("second", "http://127.79.96.101:4001"),
    ] {
        is_healthy(&scratch, name);
        put(&scratch, name, "name", name);
        let env = scratch.run(&["env", name]).expect(0).stdout;
        assert!(env.contains(endpoint), "{env}");
    }
    assert_eq!(get(&scratch, "first", "name"), "first\n");
    assert_eq!(get(&scratch, "second", "name"), "second\n");

    // One of the ports is enough to be in the way.
    scratch.define("third", &with_ports(&one(96), 2380, 7002));
    let refused = up(&scratch, "third").expect(5);
    let fact = format!(
        "error: cluster `first` in `{}` uses the addresses and ports of `core-01`\n",
        scratch.root()
    );
    assert!(refused.stderr.contains(&fact), "{}", refused.stderr);
    assert!(processes(&scratch, "third").is_empty());
    let hint =
        "choose another `network.subnet`, or another `etcd.client_port` and `etcd.peer_port`";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    scratch.define("third", &with_ports(&one(96), 4002, 7002));
    up(&scratch, "third").expect(0);
}

#[test]
fn drills_work_on_other_ports() {
    let scratch = Scratch::with("drilled", &with_ports(&three(97), 4001, 7001));
    up(&scratch, "drilled").expect(0);
    for fault in ["not-etcd", "extra-member"] {
        scratch.run(&["drill", "drilled", fault]).expect(0);
    }
    is_healthy(&scratch, "drilled");
}

#[test]
fn changed_port_waits_to_be_applied() {
    let scratch = Scratch::with("moved", &with_ports(&one(98), 4001, 7001));
    up(&scratch, "moved").expect(0);
    scratch.define("moved", &with_ports(&one(98), 4002, 7001));
    let runs = up(&scratch, "moved").expect(1);
    let fact = "the client port was 4001 and is now 4002";
    assert!(runs.stderr.contains(fact), "{}", runs.stderr);
    // The rest is checked where the members really are.
    let verified = scratch.run(&["verify", "moved"]).expect(1);
    assert!(verified.stdout.contains(fact), "{}", verified.stdout);
    assert_eq!(
        verified.stdout.matches("FAILED").count(),
        1,
        "{}",
        verified.stdout
    );
    assert!(
        verified
            .stdout
            .contains("ok       reachable   1 of 1 answer"),
        "{}",
        verified.stdout
    );
    // Tasks use the cluster that was started.
    put(&scratch, "moved", "still", "there");
    assert_eq!(get(&scratch, "moved", "still"), "there\n");
    scratch.run(&["destroy", "moved", "--yes"]).expect(0);
    up(&scratch, "moved").expect(0);
    is_healthy(&scratch, "moved");
}

#[test]
fn record_without_ports_has_etcds_own() {
    let scratch = Scratch::with("old", &one(99));
    up(&scratch, "old").expect(0);
    let path = scratch.root().join(".state/old/cluster.json");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let ports = record.as_object_mut().unwrap().remove("ports");
    assert_eq!(
        ports.unwrap(),
        serde_json::json!({ "client": 2379, "peer": 2380 })
    );
    fs::write(&path, record.to_string()).unwrap();
    is_healthy(&scratch, "old");
    up(&scratch, "old").expect(0);
}

#[test]
fn stopped_cluster_is_not_taken_for_the_one_at_its_addresses() {
    let scratch = Scratch::with("first", &with_ports(&one(99), 4001, 7001));
    up(&scratch, "first").expect(0);
    scratch.run(&["down", "first"]).expect(0);
    scratch.define("second", &with_ports(&one(99), 4001, 7001));
    up(&scratch, "second").expect(0);

    let seen = scratch
        .run(&["status", "first", "--format", "json"])
        .expect(0);
    let seen: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(seen["leader"], Value::Null);
    assert_eq!(seen["members"][0]["answers"], false);
    let listed = scratch.run(&["list"]).expect(0).stdout;
    assert!(listed.contains("first    0 of 1   -"), "{listed}");
    let put = ["etcdctl", "-c", "first", "put", "who", "first"];
    let ran = scratch.run(&put).expect(4);
    expect![[r"
        error: no member of `first` runs
        hint: start it: `cargo xtask up first`
    "]]
    .assert_eq(&ran.stderr);
}
