//! `apply` on machines.

use std::fs;

use camino::Utf8PathBuf;
use test_attribute::test;

use crate::cluster_on_machines::Cluster;

#[test]
fn edited_definition_is_applied_to_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.has_a_box();

    // Flags: each machine gets its user-data, one after another.
    let file = cluster.scratch.root().join("cluster/default.toml");
    let three = fs::read_to_string(&file).unwrap();
    let slower = three.replace("[etcd]\n", "[etcd]\nelection_timeout = 1500\n");
    fs::write(&file, &slower).unwrap();
    is_applied(
        &mut cluster,
        &["restart core-01", "restart core-02", "restart core-03"],
    );
    let user_data = fs::read_to_string(cluster.path("vagrant/user-data")).unwrap();
    assert!(user_data.contains("--election-timeout=1500"), "{user_data}");

    // Ports: one machine after another, while the others know both.
    let moved = slower.replace("[etcd]\n", "[etcd]\nclient_port = 2390\npeer_port = 2381\n");
    fs::write(&file, &moved).unwrap();
    is_applied(
        &mut cluster,
        &["move core-01", "move core-02", "move core-03"],
    );

    // Another member, on a new machine. The machine of the one that leaves goes, and its data is kept.
    let other = |last: &str| {
        let member = |name: &str, host: &str| {
            format!("{{ name = \"{name}\", address = \"192.168.56.{host}\" }}")
        };
        let members = [
            member("core-01", "101"),
            member("core-02", "102"),
            last.to_owned(),
        ];
        format!("members = [{}]\n{slower}", members.join(", "))
    };
    let fourth = "{ name = \"core-04\", address = \"192.168.56.104\" }";
    fs::write(&file, other(fourth)).unwrap();
    // In between, the task is killed and all machines lose their power. There are four members then, and two kinds of
    // ports.
    cluster.run_killed(&["apply", "--yes"], "systemctl stop etcd.service");
    for member in ["core-01", "core-02", "core-03", "core-04"] {
        cluster.turn_off(member);
    }
    let up = cluster.run(&["up"]).expect(1);
    assert!(up.stderr.contains("`cargo xtask plan`"), "{}", up.stderr);
    let said = is_applied(&mut cluster, &["move core-0", "remove core-03"]);
    let what = "core-03: its machine is destroyed";
    assert!(said.contains(what), "{said}");
    assert!(cluster.path(".state/default/join/core-04").exists());
    let kept = cluster.path(".state/default/removed");
    let kept = kept.read_dir_utf8().unwrap();
    let kept = kept.map(|entry| entry.unwrap().into_path());
    let kept: Vec<Utf8PathBuf> = kept.collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].join("member/snap/db").exists(), "{kept:?}");

    // A machine keeps its address.
    fs::write(&file, other(&fourth.replace("104", "105"))).unwrap();
    let plan = cluster.run(&["plan"]).expect(7);
    let error = "error: `core-04` cannot move to 192.168.56.105\n";
    assert!(
        plan.stderr.contains(error),
        "{}{}",
        plan.stdout,
        plan.stderr
    );
}

/// Performs these steps, and asserts that the cluster is as defined then.
fn is_applied(cluster: &mut Cluster, steps: &[&str]) -> String {
    let plan = cluster.run(&["plan"]).expect(1);
    for step in steps {
        assert!(
            plan.stdout.contains(step),
            "{step}: {}{}",
            plan.stdout,
            plan.stderr
        );
    }
    let applied = cluster.run(&["apply", "--yes"]).expect(0);
    let verify = cluster.run(&["verify"]).expect(0);
    assert!(
        verify.stdout.contains("ok       user-data"),
        "{}",
        verify.stdout
    );
    cluster.run(&["plan"]).expect(0);
    let get = ["get", "greeting", "--print-value-only"];
    assert_eq!(cluster.etcdctl(&get), "hello\n");
    applied.stderr
}
