//! `replace` on machines.

use std::fs;

use serde_json::Value;
use test_attribute::test;

use crate::cluster_on_machines::{Cluster, MEMBERS};
use crate::containers::wait_for;

#[test]
fn lost_disk_is_replaced_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    lose_the_disk(&cluster, "core-03");
    wait_for("the unit to give up", || {
        (cluster.machine("core-03").unit("ActiveState") == "failed").then_some(())
    });
    let verify = cluster.run(&["verify"]).expect(1);
    let said = "cargo xtask replace core-03";
    assert!(verify.stdout.contains(said), "{}", verify.stdout);

    let before = ids(&mut cluster);
    let replaced = cluster.run(&["replace", "core-03"]).expect(0);
    assert!(
        replaced.stdout.contains("default is healthy: 3 of 3"),
        "{}",
        replaced.stdout
    );
    assert!(
        !replaced.stderr.contains("data-replaced"),
        "{}",
        replaced.stderr
    );
    serves_as_replaced(&mut cluster, &before);

    // It comes back after a reboot.
    cluster.turn_off("core-03");
    cluster.boot("core-03");
    cluster.run(&["verify", "--wait", "1m"]).expect(0);
    serves_as_replaced(&mut cluster, &before);
}

/// It is killed after each step that changes the machine.
#[test]
fn killed_replacement_is_completed_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let before = ids(&mut cluster);
    let replace = ["replace", "core-03", "--yes"];
    for step in [
        "systemctl stop",
        "data-replaced-",
        "etcd-join",
        "rm -f $held",
    ] {
        cluster.run_killed(&replace, step);
    }
    let replaced = cluster.run(&replace).expect(0);
    assert!(
        replaced.stdout.contains("default is healthy: 3 of 3"),
        "{}",
        replaced.stdout
    );
    serves_as_replaced(&mut cluster, &before);
    let aside = cluster.folder("core-03");
    let aside = aside
        .iter()
        .filter(|name| name.starts_with("data-replaced-"));
    assert!(aside.count() > 0);
}

fn lose_the_disk(cluster: &Cluster, member: &str) {
    let lose = "systemctl kill --signal=KILL etcd.service && rm -rf /var/lib/etcd/*";
    cluster.machine(member).run(&["sh", "-c", lose]).expect(0);
}

/// The IDs of all members, in the order of their names.
fn ids(cluster: &mut Cluster) -> Vec<u64> {
    let list = cluster.etcdctl(&["member", "list", "--write-out=json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    let members = list["members"].as_array().unwrap();
    let id = |name: &str| {
        let mut members = members.iter();
        let member = members.find(|member| member["name"] == name);
        member.unwrap()["ID"].as_u64().unwrap()
    };
    MEMBERS.map(id).to_vec()
}

fn serves_as_replaced(cluster: &mut Cluster, before: &[u64]) {
    let now = ids(cluster);
    assert_eq!(now[..2], before[..2]);
    assert_ne!(now[2], before[2]);
    cluster.run(&["verify"]).expect(0);
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
    let identity = cluster.run(&["identity"]).expect(0).stdout;
    assert!(identity.contains(&format!("{:x}", now[2])), "{identity}");
}

/// There is nothing of it left but its hand-over.
#[test]
fn destroyed_machine_is_created_and_joins_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.has_a_box();
    let before = ids(&mut cluster);
    cluster.destroy("core-03");
    let replaced = cluster.run(&["replace", "core-03"]).expect(0);
    assert!(
        !replaced.stderr.contains("data-replaced"),
        "{}",
        replaced.stderr
    );
    serves_as_replaced(&mut cluster, &before);
}

/// As after `adopt` on another host: nothing is noted of the machines that serve.
#[test]
fn machines_without_notes_are_replaced_one_at_a_time_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let before = ids(&mut cluster);
    fs::remove_dir_all(cluster.path(".state/default/machines")).unwrap();
    fs::remove_file(cluster.path(".state/default/ssh_config")).unwrap();
    // What nobody has noted is not known to ssh, and `up` notes it.
    cluster.has_a_box();
    cluster.run(&["replace", "core-03", "--yes"]).expect(4);
    cluster.run(&["up"]).expect(0);
    serves_as_replaced(&mut cluster, &before);
}
