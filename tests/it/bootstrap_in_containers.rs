//! The start of members without data, on machines that a real cloud-init sets up, with a real etcd.

use serde_json::Value;
use test_attribute::test;
use xtask::bootstrap::{HANDED_OVER, Identity, handed_over};
use xtask::plan::Member;
use xtask::plan::identity::EtcdId;

use crate::containers::{Lab, Machine, wait_for};
use crate::etcd_release::release;
use crate::machines_in_containers::{Cluster, MIRROR, etcdctl, names};

#[test]
fn new_members_join_and_never_found_a_cluster_in_containers() {
    let mut lab = Lab::new(MIRROR);
    lab.publish(&release().path(), &release().bytes);
    let one = Cluster::of_release(&lab, 1);
    let mut first = one.boot(&mut lab).remove(0);
    one.is_founded(&lab, "/usr/local/bin/etcd", std::slice::from_ref(&first));

    // Of the two that are added, only one is in the list when the first member fails.
    let three = Cluster::of_release(&lab, 3);
    let [core_01, core_02, core_03] = &three.plan.members[..] else {
        panic!("three members")
    };
    let id = add(&lab, core_01, core_02);
    lab.turn_off(&first);
    let cluster = one.plan.cluster_id;
    let mut boot = |member: &Member, id| {
        let name = member.name.as_str();
        let joining = Identity {
            cluster,
            member: id,
        };
        let seed = "var/lib/cloud/seed/nocloud";
        let files = [
            (
                &*format!("{seed}/meta-data"),
                format!("instance-id: {name}\nlocal-hostname: {name}\n"),
            ),
            (&*format!("{seed}/user-data"), three.user_data.clone()),
            (
                HANDED_OVER.trim_start_matches('/'),
                handed_over(joining, &one.plan.members),
            ),
        ];
        lab.boot_with(name, member.address, &files)
    };
    let second = boot(core_02, id);
    let third = boot(core_03, EtcdId(1));
    // These two are a majority of the definition's members.
    for (machine, name) in [(&second, "core-02"), (&third, "core-03")] {
        says(
            machine,
            &format!("{name} waits: it joins a running cluster, of which no member answers"),
        );
        assert_eq!(names(machine, "/var/lib/etcd"), [""; 0]);
    }

    lab.boot_again(&mut first);
    is_started_as(&second, "existing");
    says(&third, "core-03 waits: core-01 does not list it");
    promote(&lab, core_01, id);
    assert_eq!(identity(&lab, core_02), (cluster, id));
    wait_for("the note that it had data", || {
        second.path("/var/lib/etcd/had-data").exists().then_some(())
    });

    // Its new ID would let it vote again.
    second.run(&["systemctl", "stop", "etcd.service"]).expect(0);
    second.run(&["rm", "-r", "/var/lib/etcd/data"]).expect(0);
    second
        .run(&["systemctl", "start", "etcd.service"])
        .expect(0);
    says(
        &second,
        "core-02 was started before, and its data is lost: core-01 lists it as started\n\
         hint: replace it, on the host of this machine: cargo xtask replace core-02",
    );
    wait_for("the unit to give up", || {
        (second.unit("ActiveState") == "failed").then_some(())
    });
    assert_eq!(second.unit("ExecMainStatus"), "66");
    assert_eq!(names(&second, "/var/lib/etcd"), ["had-data"]);
}

#[test]
fn member_that_lost_its_data_asks_and_waits_in_containers() {
    let mut lab = Lab::new(MIRROR);
    lab.publish(&release().path(), &release().bytes);
    let cluster = Cluster::of_release(&lab, 3);
    let machines = cluster.boot(&mut lab);
    cluster.is_founded(&lab, "/usr/local/bin/etcd", &machines);
    let [core_01, _, core_03] = &cluster.plan.members[..] else {
        panic!("three members")
    };
    let [first, second, third] = &machines[..] else {
        panic!("three machines")
    };
    // The whole disk: nothing on it says that it ever had data.
    third.run(&["systemctl", "stop", "etcd.service"]).expect(0);
    third
        .run(&["rm", "-r", "/var/lib/etcd/data", "/var/lib/etcd/had-data"])
        .expect(0);
    third.run(&["systemctl", "start", "etcd.service"]).expect(0);
    says(
        third,
        "core-03 was started before, and its data is lost: core-01 lists it as started",
    );

    // By hand: nothing is handed over.
    let remove = ["member", "remove", &core_03.id.to_string()];
    etcdctl(&lab, &core_01.client_url(), &remove).expect(0);
    third.run(&["systemctl", "start", "etcd.service"]).expect(0);
    says(third, "core-03 waits: core-01 does not list it");
    let id = add(&lab, core_01, core_03);
    is_started_as(third, "existing");
    promote(&lab, core_01, id);
    assert_eq!(identity(&lab, core_03), (cluster.plan.cluster_id, id));

    // The data of a majority: the two would form an empty cluster under the old identity.
    for machine in [first, second] {
        machine
            .run(&["systemctl", "stop", "etcd.service"])
            .expect(0);
        machine.run(&["rm", "-r", "/var/lib/etcd/data"]).expect(0);
    }
    third.run(&["systemctl", "stop", "etcd.service"]).expect(0);
    for (machine, name) in [(first, "core-01"), (second, "core-02")] {
        machine
            .run(&["systemctl", "start", "etcd.service"])
            .expect(0);
        says(
            machine,
            &format!("{name} was started before, and its data is lost: it has noted so itself"),
        );
        assert_eq!(names(machine, "/var/lib/etcd"), ["had-data"]);
    }
}

/// Adds a member as a learner. etcd refuses while connections are young.
fn add(lab: &Lab, through: &Member, member: &Member) -> EtcdId {
    let url = format!("--peer-urls={}", member.peer_url());
    let words = ["member", "add", member.name.as_str(), &url, "--learner"];
    let words = [&words[..], &["--write-out=json"]].concat();
    wait_for("a member to be added", || {
        let added = etcdctl(lab, &through.client_url(), &words);
        let added: Value = serde_json::from_str(&added.stdout).ok()?;
        added["member"]["ID"].as_u64().map(EtcdId)
    })
}

fn promote(lab: &Lab, through: &Member, id: EtcdId) {
    let words = ["member", "promote", &id.to_string()];
    wait_for("a member to be promoted", || {
        let promoted = etcdctl(lab, &through.client_url(), &words);
        (promoted.status == Some(0)).then_some(())
    });
}

/// The IDs of the cluster and of the member, as the member itself says.
fn identity(lab: &Lab, member: &Member) -> (EtcdId, EtcdId) {
    let words = ["endpoint", "status", "--write-out=json"];
    let status = etcdctl(lab, &member.client_url(), &words).expect(0).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let header = &status[0]["Status"]["header"];
    let id = |name: &str| EtcdId(header[name].as_u64().unwrap());
    (id("cluster_id"), id("member_id"))
}

fn says(machine: &Machine, text: &str) {
    wait_for(text, || machine.journal().contains(text).then_some(()));
}

fn is_started_as(machine: &Machine, state: &str) {
    let flag = format!("--initial-cluster-state={state}");
    wait_for("etcd to run", || {
        let process = format!("/proc/{}/cmdline", machine.unit("MainPID"));
        let line = std::fs::read_to_string(machine.path(&process)).ok()?;
        line.split('\0').any(|word| word == flag).then_some(())
    });
}
