//! `restore` on machines.

use std::fs;

use test_attribute::test;

use crate::cluster_on_machines::{Cluster, MEMBERS};
use crate::containers::wait_for;

#[test]
fn backup_is_restored_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let backup = cluster.back_up();
    cluster.etcdctl(&["put", "greeting", "goodbye"]);
    let restore = cluster
        .run(&["restore", "--from", &backup, "--yes"])
        .expect(0);
    for said in [
        "restore cluster `default`\n",
        "core-02: etcd is stopped\n",
        "core-03:/var/lib/etcd/data-replaced-",
    ] {
        assert!(restore.stderr.contains(said), "{}", restore.stderr);
    }
    assert!(restore.stdout.contains("default is healthy: 3 of 3"));
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
    keeps_its_data_through_other_tasks(&mut cluster);
}

/// What else changes a running cluster, on machines that are here already.
fn keeps_its_data_through_other_tasks(cluster: &mut Cluster) {
    let ids = |cluster: &Cluster| {
        MEMBERS.map(|member| {
            let show = ["systemctl", "show", "-p", "MainPID", "etcd"];
            cluster.machine(member).run(&show).expect(0).stdout
        })
    };
    let before = ids(cluster);
    cluster.run(&["restart"]).expect(0);
    let after = ids(cluster);
    assert!(
        (0..3).all(|index| before[index] != after[index]),
        "{after:?}"
    );
    cluster.is_tidy();
    let defrag = cluster.run(&["defrag"]).expect(0);
    assert_eq!(defrag.stdout.lines().count(), 4, "{}", defrag.stdout);

    let record = cluster.path(".state/default/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::remove_file(&record).unwrap();
    cluster.run(&["adopt"]).expect(0);
    assert_eq!(fs::read_to_string(&record).unwrap(), text);
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
}

/// A restoration is killed after it has stopped etcd, and a machine reboots. It is killed again
/// after each later step. No etcd starts before all have the new data.
#[test]
fn killed_restoration_is_completed_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let backup = cluster.back_up();
    cluster.etcdctl(&["put", "greeting", "goodbye"]);
    cluster.run_killed(&["restore", "--from", &backup, "--yes"], "systemctl stop");
    wait_for("all members to be stopped", || {
        let is_down = |member| cluster.machine(member).unit("ActiveState") == "inactive";
        MEMBERS.into_iter().all(is_down).then_some(())
    });
    cluster.turn_off("core-01");
    cluster.boot("core-01");
    let machine = cluster.machine("core-01");
    wait_for("the machine to have booted", || {
        let state = machine.run(&["systemctl", "is-system-running"]).stdout;
        ["running\n", "degraded\n"].contains(&&*state).then_some(())
    });
    assert_eq!(machine.unit("ConditionResult"), "no");
    machine
        .run(&["systemctl", "start", "etcd.service"])
        .expect(0);
    assert_eq!(machine.unit("ActiveState"), "inactive");

    for step in ["tar --extract", "data-replaced-", "is gone", "rm -f $held"] {
        cluster.run_killed(&["up"], step);
    }
    let up = cluster.run(&["up"]).expect(0);
    let said = "continuing an interrupted restoration: ";
    assert!(up.stderr.contains(said), "{}", up.stderr);
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
}

/// One machine is off, and etcd is stopped on the others.
#[test]
fn lost_majority_is_rebuilt_on_machines_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.turn_off("core-01");
    let stop = ["systemctl", "stop", "etcd.service"];
    for member in ["core-02", "core-03"] {
        cluster.machine(member).run(&stop).expect(0);
    }
    let rebuild = ["restore", "--from-member", "core-02", "--yes"];
    let restore = cluster.run(&rebuild).expect(0);
    let said = "copying the data of core-02; its etcd is stopped meanwhile\n";
    assert!(restore.stderr.contains(said), "{}", restore.stderr);
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
}

/// The host reaches the machines with ssh only.
#[test]
fn unreached_machines_are_restored_through_ssh_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    cluster.cut_off();
    let backup = cluster.run(&["backup", "--prove"]).expect(0);
    let said = "this host cannot reach the members' addresses; going through ssh\n";
    assert!(backup.stderr.contains(said), "{}", backup.stderr);
    let backup = cluster.newest_backup();
    cluster.etcdctl_inside(&["put", "greeting", "goodbye"]);
    let restore = ["restore", "--from", &backup, "--yes"];
    let restore = cluster.run(&restore).expect(0);
    // The loss is known.
    let lost = "  lost      at least 1 change in the last ";
    assert!(restore.stderr.contains(lost), "{}", restore.stderr);
    let greeting = cluster.etcdctl_inside(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "hello\n");
    cluster.is_tidy();
    let tunnel = format!("{}/said/[t]unnel.py", cluster.scratch.root());
    let mut pgrep = cluster.lab.command("pgrep".into());
    let tunnels = pgrep.args(["--full", &tunnel]).output();
    assert_eq!(tunnels.unwrap().stdout, b"");
}

/// Nothing is changed if the new data does not fit, or if the old data cannot be moved.
#[test]
fn restoration_without_room_changes_nothing_in_containers() {
    let mut cluster = Cluster::started();
    cluster.etcdctl(&["put", "greeting", "hello"]);
    let backup = cluster.back_up();
    cluster.etcdctl(&["put", "greeting", "goodbye"]);
    let machine = cluster.machine("core-02");
    let id = machine.unit("MainPID");
    let small = "cd /var/lib/etcd && mkdir /var/lib/small &&
        mount -t tmpfs -o size=100k,mode=700 tmpfs /var/lib/small && chown etcd: /var/lib/small &&
        mount --bind /var/lib/small /var/lib/etcd";
    machine.run(&["sh", "-c", small]).expect(0);
    let restore = ["restore", "--from", &backup, "--yes"];
    let full = cluster.run(&restore).expect(6);
    for said in [
        "error: the restored data cannot be copied to `core-02`\n",
        "No space left on device",
        "note: no member was stopped, and no data was changed\n",
    ] {
        assert!(full.stderr.contains(said), "{}", full.stderr);
    }
    let machine = cluster.machine("core-02");
    let left = machine.run(&["ls", "/var/lib/etcd"]).expect(0).stdout;
    assert_eq!(left, "");
    machine.run(&["umount", "/var/lib/etcd"]).expect(0);

    let data = "/var/lib/etcd/data";
    machine.run(&["mount", "--bind", data, data]).expect(0);
    let immovable = cluster.run(&restore).expect(7);
    let said = "the data of `core-02` cannot be moved aside: `/var/lib/etcd/data` is a mount point";
    assert!(immovable.stderr.contains(said), "{}", immovable.stderr);

    assert_eq!(cluster.machine("core-02").unit("MainPID"), id);
    for member in MEMBERS {
        assert_eq!(cluster.folder(member), ["data"]);
    }
    let greeting = cluster.etcdctl(&["get", "greeting", "--print-value-only"]);
    assert_eq!(greeting, "goodbye\n");
}
