//! The reports of machines, and the checks that judge them.

use std::process::{Command, Stdio};

use expect_test::expect;
use test_attribute::test;
use xtask::check;
use xtask::commands::Exit;
use xtask::observation::machine::{self, MachineStatus};
use xtask::observation::{Condition, Look, Observation};
use xtask::plan::Plan;
use xtask::render::LOST_DATA;

use crate::scratch::{Ran, Scratch};
use crate::support::program;
use crate::verify_support::{exit, healthy, plan, says, three, without};

/// The healthy cluster, with one of its machines changed.
fn with_one(plan: &Plan, change: impl FnOnce(&mut MachineStatus)) -> Observation {
    let mut observation = healthy(plan);
    match &mut observation.machines[1] {
        Look::Seen(machine) => change(machine),
        other => panic!("{other:?}"),
    }
    observation
}

/// etcd 2.0.0 and 2.0.1 keep their log in `wal`, all later versions in `member/wal`.
#[test]
fn data_on_machines_is_found_in_every_layout() {
    let scratch = Scratch::new();
    let root = scratch.root();
    program(&root.join("programs/sudo"), r#"exec "$@""#);
    for log in ["new/member/wal", "old/wal", "none/snap", "none/member/snap"] {
        std::fs::create_dir_all(root.join(log)).unwrap();
    }
    let is_found = |folders: &[&str]| {
        let path = format!(
            "{}:{}",
            root.join("programs"),
            std::env::var("PATH").unwrap()
        );
        let mut sh = Command::new("sh");
        sh.args(["-c", &machine::data_script(folders)])
            .current_dir(root)
            .env("PATH", path)
            .stdin(Stdio::null());
        machine::has_data(&Ran::from(sh.output().unwrap()).expect(0).stdout)
    };
    assert_eq!(is_found(&["none", "new"]), Some(true));
    assert_eq!(is_found(&["old", "none"]), Some(true));
    assert_eq!(is_found(&["none", "absent"]), Some(false));
    assert_eq!(machine::has_data("Connection refused"), None);
}

#[test]
fn activating_unit_is_not_yet_and_failed_unit_fails() {
    let plan = three();
    let seen = with_one(&plan, |machine| machine.unit = "activating".to_owned());
    says(
        &plan,
        &seen,
        "unit",
        expect![[r#"
            NotYet: active on 2 of 3
            - core-02 has its unit etcd.service in the state `activating`
              informs: it may still be fetching etcd; read its log: `cargo xtask logs core-02`
        "#]],
    );
    let seen = with_one(&plan, |machine| machine.unit = "failed".to_owned());
    says(
        &plan,
        &seen,
        "unit",
        expect![[r#"
            Fail: active on 2 of 3
            - core-02 has its unit etcd.service in the state `failed`
              informs: read its log: `cargo xtask logs core-02`
        "#]],
    );
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::Unhealthy);
}

/// Its start script found no data.
#[test]
fn machine_without_data_waits_or_is_replaced() {
    let plan = three();
    let without_data = |unit: &str| {
        let mut seen = with_one(&plan, |machine| {
            machine.unit = unit.to_owned();
            machine.has_data = Some(false);
            machine.exit = (unit == "failed").then_some(LOST_DATA);
        });
        let first = plan.members[0].name.clone();
        let second = plan.members[1].name.clone();
        seen.recorded.had_data = vec![first, second];
        seen.conditions = vec![Condition::Running("lab machine".to_owned()); 3];
        seen.members[1].status = Look::Failed("connection refused".to_owned());
        seen
    };
    says(
        &plan,
        &without_data("failed"),
        "reachable",
        expect![[r#"
        Fail: 2 of 3 answer
        - core-02 does not answer at http://192.168.56.102:2379: connection refused
          heals: its data is lost; replace it, while the others serve: `cargo xtask replace core-02`
    "#]],
    );
    says(
        &plan,
        &without_data("failed"),
        "unit",
        expect![[r#"
        Fail: active on 2 of 3
        - core-02 has its unit etcd.service in the state `failed`
    "#]],
    );
    says(
        &plan,
        &without_data("active"),
        "reachable",
        expect![[r#"
            Fail: 2 of 3 answer
            - core-02 does not answer at http://192.168.56.102:2379: connection refused
              informs: its start script waits, because it has no data; its log says for what: `cargo xtask logs core-02`
        "#]],
    );
}

#[test]
fn different_user_data_is_named_by_a_short_digest() {
    let defined = three();
    let seen = with_one(&defined, |machine| machine.user_data = Some("0".repeat(64)));
    let other = with_one(&defined, |machine| machine.user_data = None);
    says(
        &defined,
        &seen,
        "user-data",
        expect![[r#"
            Fail: 3e60bc69b328 on 2 of 3
            - core-02 was set up with the user-data 000000000000, not 3e60bc69b328
              heals: undo the change to the definition; or apply it, one machine after another: `cargo xtask apply`
        "#]],
    );
    says(
        &defined,
        &other,
        "user-data",
        expect![[r#"
            Fail: 3e60bc69b328 on 2 of 3
            - core-02 has read no user-data since its last change
              heals: undo the change to the definition; or apply it, one machine after another: `cargo xtask apply`
        "#]],
    );
    // The definition has changed since: no machine was set up with what it renders to now.
    let changed = plan("default", "members = 3\netcd.quota = \"4GiB\"\n");
    says(
        &changed,
        &healthy(&defined),
        "user-data",
        expect![[r#"
            Fail: 9bfb52afe5bc on 0 of 3
            - core-01, core-02 and core-03 were set up with the user-data 3e60bc69b328, not 9bfb52afe5bc
              heals: undo the change to the definition; or apply it, one machine after another: `cargo xtask apply`
        "#]],
    );
}

#[test]
fn clock_is_wrong_only_beyond_the_query_time() {
    let plan = three();
    for clock_ahead in [
        // Known exactly, and a little off.
        |machine: &mut MachineStatus| machine.clock_ahead = (0.9, 1.0),
        // The query took five seconds.
        |machine: &mut MachineStatus| machine.clock_ahead = (-4.5, 0.5),
    ] {
        let seen = with_one(&plan, clock_ahead);
        assert_eq!(exit(&check::judge(&plan, &seen)), Exit::Success);
    }
    let ahead = with_one(&plan, |machine| machine.clock_ahead = (61.0, 62.0));
    says(
        &plan,
        &ahead,
        "clock",
        expect![[r#"
            Warn: within 62.0 s of this host's clock
            - core-02 has a clock at least 61.0 s ahead of this host's
              informs: leases expire by the leader's clock, certificates by each member's: synchronize the machine's clock with `systemd-timesyncd` or `chrony`
        "#]],
    );
    let behind = with_one(&plan, |machine| machine.clock_ahead = (-62.0, -61.0));
    says(
        &plan,
        &behind,
        "clock",
        expect![[r#"
            Warn: within 62.0 s of this host's clock
            - core-02 has a clock at least 61.0 s behind this host's
              informs: leases expire by the leader's clock, certificates by each member's: synchronize the machine's clock with `systemd-timesyncd` or `chrony`
        "#]],
    );
}

#[test]
fn discovery_service_is_reported() {
    let plan = three();
    let seen = with_one(&plan, |machine| {
        machine.discovery = Some(vec![
            "--discovery=https://discovery.etcd.io/0123".to_owned(),
        ]);
    });
    says(
        &plan,
        &seen,
        "discovery",
        expect![[r#"
            Fail: in use
            - core-02 runs with `--discovery=https://discovery.etcd.io/0123`
              informs: etcd reads it only while it has no data, so the running cluster is safe; no definition renders it, so a rebuilt cluster does not have it
        "#]],
    );
}

#[test]
fn discovery_is_unknown_if_etcd_cannot_be_inspected() {
    let plan = three();
    let mut seen = with_one(&plan, |machine| machine.discovery = None);
    says(
        &plan,
        &seen,
        "discovery",
        expect![[r#"
        Skipped: none; not checked: core-02 runs no etcd that could be inspected
    "#]],
    );
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::CouldNotLook);
    for machine in &mut seen.machines {
        if let Look::Seen(machine) = machine {
            machine.discovery = None;
        }
    }
    says(
        &plan,
        &seen,
        "discovery",
        expect![[r#"
            Skipped: not checked: core-01, core-02 and core-03 run no etcd that could be inspected
        "#]],
    );
}

#[test]
fn machine_that_cannot_be_inspected_proves_nothing() {
    let plan = three();
    let mut seen = healthy(&plan);
    seen.machines[2] = Look::Failed("`ssh` exited with status 255: Permission denied".to_owned());
    says(
        &plan,
        &seen,
        "unit",
        expect![[r#"
            Skipped: active on 2 of 3; not checked: core-03 could not be inspected
            - core-03 could not be inspected: `ssh` exited with status 255: Permission denied
              informs: check whether ssh reaches it: `cargo xtask ssh core-03`
        "#]],
    );
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::CouldNotLook);
    // A machine that is down altogether is one failure, not two.
    says(
        &plan,
        &without(healthy(&plan), 2),
        "unit",
        expect![[r#"
        Skipped: active on 2 of 3; not checked: core-03 does not answer
    "#]],
    );
    // Nor does it if it was not inspected.
    let mut seen = healthy(&plan);
    seen.machines.clear();
    says(
        &plan,
        &seen,
        "user-data",
        expect![[r#"
            Skipped: 3e60bc69b328 on 0 of 0; not checked: core-01, core-02 and core-03 were not inspected
        "#]],
    );
}

#[test]
fn local_processes_have_no_machine_checks() {
    let plan = three().on_loopback();
    let report = check::judge(&plan, &healthy(&plan));
    let names: Vec<&str> = report.checks.iter().map(|one| one.name).collect();
    assert!(!names.contains(&"unit"), "{names:?}");
    assert_eq!(exit(&report), Exit::Success);
}

#[test]
fn incomplete_machine_reports_are_refused() {
    let said = "\
clock=1795533840.250000000
unit=active
user_data=7b83b676b5135c7dd6bc1f1c3a9c8a1f0b2c3d4e5f60718293a4b5c6d7e8f901
argument=/usr/bin/etcd
argument=--quota-backend-bytes=8388608
environment=ETCD_HEARTBEAT_INTERVAL=200
discovery=ETCD_DISCOVERY=https://discovery.etcd.io/0123
etcd=read
end=
";
    let read = machine::read(said, 1_795_533_840.0, 1_795_533_841.0).unwrap();
    assert_eq!(read.clock_ahead, (-0.75, 0.25));
    assert_eq!(read.unit, "active");
    let started = read.started.unwrap();
    assert_eq!(started.flag("quota-backend-bytes"), Some("8388608"));
    assert_eq!(started.flag("heartbeat-interval"), Some("200"));
    let word = "ETCD_DISCOVERY=https://discovery.etcd.io/0123";
    assert_eq!(read.discovery, Some(vec![word.to_owned()]));

    // The first failures may pass.
    let failing = |times: u32| {
        let failed = format!("failed={times}\nsaid=curl: (22) 404\nend=\n");
        let said = said.replace("end=\n", &failed);
        machine::read(&said, 0.0, 0.0).unwrap().failing
    };
    assert_eq!(failing(2), None);
    let words = failing(3).unwrap().in_words();
    let expected = "has failed 3 times before etcd was started: curl: (22) 404";
    assert_eq!(words, expected);

    // A connection that broke in between reports less, but not that there is no discovery.
    let half = said.split_once("discovery").unwrap().0;
    let broken = machine::read(half, 0.0, 0.0);
    assert_eq!(broken, Err("it does not report its end".into()));
    let broken = machine::read(&said.replace("1795533840.25", "x"), 0.0, 0.0);
    assert_eq!(broken, Err("its clock is not a number".into()));

    // No word about discovery proves nothing if nothing could be read.
    let discovery = |etcd: &str| {
        let said = format!("clock=1\nunit=active\n{etcd}end=\n");
        machine::read(&said, 0.0, 0.0).unwrap().discovery
    };
    assert_eq!(discovery("etcd=read\n"), Some(Vec::new()));
    assert_eq!(discovery(""), None);
    assert_eq!(discovery("etcd=unread\n"), None);
    assert_eq!(discovery("etcd=read\netcd=unread\n"), None);
    let found = discovery("discovery=--discovery=x\netcd=read\netcd=unread\n");
    assert_eq!(found, Some(vec!["--discovery=x".to_owned()]));
}

/// The report of a machine whose programs are this host's, except for `sudo`, which is this script.
fn told_by(scratch: &Scratch, sudo: &str) -> MachineStatus {
    let folder = scratch.root().join("bin");
    for (name, text) in [("sudo", sudo), ("systemctl", "echo active")] {
        program(&folder.join(name), text);
    }
    let path = format!("{folder}:/usr/bin:/bin");
    let mut shell = Command::new("sh");
    let script = machine::script("/nowhere/user-data");
    let shell = shell.args(["-c", &script]).env("PATH", path);
    let told = Ran::from(shell.output().unwrap()).expect(0);
    machine::read(&told.stdout, 0.0, 0.0).unwrap()
}

/// Other processes on this host do not matter: no other etcd here uses discovery.
#[test]
fn machine_reports_its_etcd_flags_or_that_it_cannot() {
    let scratch = Scratch::new();
    let etcd = scratch.root().join("etcd");
    program(&etcd, "read line");
    let mut runs = Command::new(&etcd)
        .arg("--discovery=https://discovery.etcd.io/0123")
        .env("ETCD_DISCOVERY_PROXY", "none")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let told = told_by(&scratch, "exec \"$@\"");
    assert_eq!(told.unit, "active");
    let words = told.discovery.unwrap();
    for word in [
        "--discovery=https://discovery.etcd.io/0123",
        "ETCD_DISCOVERY_PROXY=none",
    ] {
        assert!(words.iter().any(|one| one == word), "{words:?}");
    }
    // It lacks the permission.
    assert_eq!(told_by(&scratch, "exit 1").discovery, None);
    drop(runs.stdin.take());
    runs.wait().unwrap();
}
