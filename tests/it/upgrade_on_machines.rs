//! A new version of etcd on machines: their script, their unit and their binaries follow the definition.

use std::fs;

use test_attribute::test;

use crate::cluster_on_machines::Cluster;
use crate::etcd_binaries::of_debian_13;
use crate::etcd_release::{newer_release, release};

#[test]
fn version_of_machines_is_rolled_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let newer = newer_release();
    cluster.redefine(release(), newer);
    let file = cluster.path("cluster/default.toml");
    let definition = fs::read_to_string(&file).unwrap();
    let new = newer.version.to_string();
    let definition =
        definition.replace("[etcd]\n", "[etcd]\nclient_port = 2390\npeer_port = 2381\n");
    fs::write(&file, definition).unwrap();

    // The ports change as well. Killed once the first machine has its new user-data.
    cluster.run_killed(&["apply", "--yes"], "start --no-block etcd.service");
    let verify = cluster.run(&["verify"]).expect(1);
    let hint = "`cargo xtask apply`\n";
    assert!(verify.stdout.contains(hint), "{}", verify.stdout);
    let applied = cluster.run(&["apply", "--yes"]).expect(0);
    assert!(
        applied.stdout.contains(&format!("etcd {new}")),
        "{}",
        applied.stdout
    );
    cluster.run(&["plan"]).expect(0);
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
}

/// The copy runs as processes of this host.
#[test]
fn upgrade_of_machines_is_rehearsed_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let to = of_debian_13().as_str();
    let drill = ["drill", "rolling-upgrade", "3.5.16", "--other-etcd", to];
    let drill = cluster.run(&drill).expect(0).stdout;
    assert!(drill.contains(" 0 lost, "), "{drill}");
    cluster.run(&["verify"]).expect(0);
}
