//! A new version of etcd on machines: their script, their unit and their binaries follow the definition.

use std::fs;

use serde_json::Value;
use test_attribute::test;

use crate::cluster_on_machines::{Cluster, MEMBERS};
use crate::containers::wait_for;
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

/// A member that is replaced in the middle of a change runs what the others run: as long as its machine has the user-data,
/// and otherwise only if a member of the new version can join.
#[test]
fn member_is_replaced_during_an_upgrade_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.has_a_box();
    let (old, newer) = (release(), newer_release());
    cluster.redefine(old, newer);
    let [old, new] = [old, newer].map(|release| release.version.to_string());

    // Before the change has begun.
    cluster.destroy("core-03");
    let refused = cluster.run(&["replace", "core-03", "--yes"]).expect(7);
    let fact = format!("error: `core-03` cannot get etcd {old}, with which the others run\n");
    assert!(refused.stderr.contains(&fact), "{}", refused.stderr);
    let hint = "is complete: `cargo xtask replace core-03`\n";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    cluster.redefine(newer, release());
    cluster.run(&["replace", "core-03", "--yes"]).expect(0);

    cluster.redefine(release(), newer);
    cluster.run_killed(&["apply", "--yes"], "start --no-block etcd.service");
    wait_for("a member of the new version", || {
        versions(&mut cluster).contains(&new).then_some(())
    });
    let mut left = cluster_members(&mut cluster);
    left.retain(|(_, version)| *version == old);
    let (member, _) = left[0].clone();
    let member = MEMBERS.into_iter().find(|one| *one == member).unwrap();
    let lose = "systemctl kill --signal=KILL etcd.service && rm -rf /var/lib/etcd/*";
    cluster.machine(member).run(&["sh", "-c", lose]).expect(0);
    let blocked = cluster.run(&["apply", "--yes"]).expect(7).stderr;
    let hint = format!("`cargo xtask replace {member}`\n");
    assert!(blocked.contains(&hint), "{blocked}");
    let replaced = cluster.run(&["replace", member, "--yes"]);
    assert!(
        matches!(replaced.status, Some(0 | 1)),
        "{}",
        replaced.stderr
    );
    let members = cluster_members(&mut cluster);
    assert!(members.contains(&(member.to_owned(), old)), "{members:?}");

    // There is no user-data of the old version any more, and 3.5 joins 3.4.
    cluster.destroy(member);
    let replaced = cluster.run(&["replace", member, "--yes"]);
    assert!(
        matches!(replaced.status, Some(0 | 1)),
        "{}",
        replaced.stderr
    );
    let members = cluster_members(&mut cluster);
    let joined = (member.to_owned(), new.clone());
    assert!(members.contains(&joined), "{members:?}");
    cluster.run(&["apply", "--yes"]).expect(0);
    assert!(versions(&mut cluster).iter().all(|one| *one == new));
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
}

/// The machine tries again and again by itself.
#[test]
fn release_that_cannot_be_fetched_stops_apply_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let newer = newer_release();
    cluster.define(release(), newer);
    let failed = cluster.run(&["apply", "--yes"]).expect(6).stderr;
    let note = " times before etcd was started: curl: (22) The requested URL returned error: 404\n";
    assert!(failed.contains(note), "{failed}");
    let verify = cluster.run(&["verify"]).expect(1).stdout;
    assert!(verify.contains("returned error: 404"), "{verify}");

    cluster.define(newer, release());
    cluster.run(&["apply", "--yes"]).expect(0);
    let old = release().version.to_string();
    assert!(versions(&mut cluster).iter().all(|one| *one == old));
    cluster.redefine(release(), newer);
    cluster.run(&["apply", "--yes"]).expect(0);
    let new = newer.version.to_string();
    assert!(versions(&mut cluster).iter().all(|one| *one == new));
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
}

/// The members, with the version that each reports.
fn cluster_members(cluster: &mut Cluster) -> Vec<(String, String)> {
    let status = cluster.run(&["status", "--format", "json"]).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let members = status["members"].as_array().unwrap().iter();
    let members = members.map(|one| (text(&one["name"]), text(&one["version"])));
    members.collect()
}

fn versions(cluster: &mut Cluster) -> Vec<String> {
    let members = cluster_members(cluster).into_iter();
    members.map(|(_, version)| version).collect()
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
