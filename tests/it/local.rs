//! Real etcd clusters on this host's loopback addresses: start, kill, restart, destroy.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::local_support::{
    endpoint, etcd_that_first, get, halt, is_healthy, one, predicted_cluster_id, processes, put,
    running_cluster_id, runs, three, up,
};
use crate::scratch::{Ran, Scratch};
use crate::support::look_until;

#[test]
fn cluster_runs_from_up_to_destroy() {
    let scratch = Scratch::with("life", &three(1));

    let first = up(&scratch, "life").expect(0);
    let endpoints = [1, 2, 3].map(|member| endpoint(1, member)).join(",");
    assert_eq!(
        first.stdout.lines().last(),
        Some(format!("life serves at {endpoints}").as_str())
    );
    assert!(
        first.stderr.contains("stands in for the pinned"),
        "{}",
        first.stderr
    );
    let processes_at_first = processes(&scratch, "life");
    assert_eq!(
        processes_at_first.keys().collect::<Vec<_>>(),
        ["core-01", "core-02", "core-03"]
    );
    assert_eq!(
        running_cluster_id(&scratch, "life"),
        predicted_cluster_id(&scratch, "life")
    );
    put(&scratch, "life", "survivor", "yes");

    let again = up(&scratch, "life").expect(0);
    assert_eq!(
        again.stderr.matches("already runs").count(),
        3,
        "{}",
        again.stderr
    );
    assert_eq!(processes(&scratch, "life"), processes_at_first);

    let down = scratch.run(&["down", "life"]).expect(0);
    assert!(!down.stderr.contains("SIGKILL"), "{}", down.stderr);
    assert!(processes(&scratch, "life").is_empty());
    scratch.run(&["verify", "life"]).expect(1);

    up(&scratch, "life").expect(0);
    assert_eq!(get(&scratch, "life", "survivor"), "yes\n");
    assert_eq!(
        running_cluster_id(&scratch, "life"),
        predicted_cluster_id(&scratch, "life")
    );

    let alive = processes(&scratch, "life");
    scratch.run(&["destroy", "life", "--yes"]).expect(0);
    for id in alive.values() {
        assert!(!runs(*id), "process {id} is still there");
    }
    assert_eq!(scratch.left_in_state(), Vec::<String>::new());

    up(&scratch, "life").expect(0);
    assert_eq!(
        get(&scratch, "life", "survivor"),
        "",
        "a destroyed cluster has no data"
    );
}

#[test]
fn up_restarts_only_the_killed_member() {
    let scratch = Scratch::with("killed", &three(2));
    up(&scratch, "killed").expect(0);
    let before = processes(&scratch, "killed");
    kill(Pid::from_raw(before["core-02"]), Signal::SIGKILL).unwrap();
    up(&scratch, "killed").expect(0);
    let after = processes(&scratch, "killed");
    assert_ne!(after["core-02"], before["core-02"]);
    assert_eq!(
        (after["core-01"], after["core-03"]),
        (before["core-01"], before["core-03"])
    );
}

#[test]
fn cluster_keeps_data_and_identity_after_a_reboot() {
    let scratch = Scratch::with("reboot", &one(3));
    up(&scratch, "reboot").expect(0);
    put(&scratch, "reboot", "survivor", "yes");
    for id in processes(&scratch, "reboot").values() {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap();
    }
    up(&scratch, "reboot").expect(0);
    assert_eq!(get(&scratch, "reboot", "survivor"), "yes\n");
    assert_eq!(
        running_cluster_id(&scratch, "reboot"),
        predicted_cluster_id(&scratch, "reboot")
    );
}

#[test]
fn two_clusters_run_side_by_side() {
    let scratch = Scratch::with("left", &one(4));
    scratch.define("right", &one(5));
    up(&scratch, "left").expect(0);
    up(&scratch, "right").expect(0);
    put(&scratch, "left", "side", "left");
    put(&scratch, "right", "side", "right");
    assert_eq!(get(&scratch, "left", "side"), "left\n");
    assert_eq!(get(&scratch, "right", "side"), "right\n");
    assert_ne!(
        running_cluster_id(&scratch, "left"),
        running_cluster_id(&scratch, "right")
    );
    scratch.run(&["destroy", "left", "--yes"]).expect(0);
    is_healthy(&scratch, "right");
}

#[test]
fn changed_definition_is_not_applied_silently() {
    let scratch = Scratch::with("changed", &one(10));
    up(&scratch, "changed").expect(0);

    scratch.define(
        "changed",
        &(one(10) + "[etcd]\nheartbeat_interval = 150\nelection_timeout = 1500\n"),
    );
    let flags = up(&scratch, "changed").expect(1);
    let finding = "error: flags: core-01 runs without `--election-timeout=1500` and without `--heartbeat-interval=150`";
    assert!(!flags.stderr.contains("other flags"), "{}", flags.stderr);
    assert_eq!(flags.stdout.matches(finding).count(), 1, "{}", flags.stdout);
    for (format, told) in [("json", "\"name\": \"flags\""), ("junit", "name=\"flags: ")] {
        let verify = ["verify", "changed", "--format", format];
        let verify = scratch.run(&verify).expect(1);
        assert!(verify.stdout.contains(told), "{}", verify.stdout);
        assert!(
            verify.stdout.contains("heartbeat-interval"),
            "{}",
            verify.stdout
        );
    }
    let status = scratch.run(&["status", "changed"]).expect(0).stderr;
    let said = "warning: `cluster/changed.toml` differs from the cluster that was started\n\
        note: `core-01` runs without `--election-timeout=1500` and without `--heartbeat-interval=150`\n\
        hint: see the steps that apply the change: `cargo xtask plan changed`\n";
    assert!(status.contains(said), "{status}");
    let list = scratch.run(&["list"]).expect(0).stderr;
    let said = "hint: `changed` does not run as defined; see the steps that apply the change: `cargo xtask plan changed`\n";
    assert!(list.contains(said), "{list}");
    // As the hint advises.
    scratch.run(&["down", "changed"]).expect(0);
    up(&scratch, "changed").expect(0);

    // Whatever runs goes on as it was started, and all tasks say the same.
    let flags = "[etcd]\nheartbeat_interval = 150\nelection_timeout = 1500\n";
    scratch.define("changed", &(one(11) + flags));
    let before = processes(&scratch, "changed");
    let said = "warning: `cluster/changed.toml` differs from the cluster that was started\n\
        note: `core-01` was at 127.79.10.101 and is now at 127.79.11.101\n\
        hint: see the steps that apply the change: `cargo xtask plan changed`\n";
    for (ran, status) in [
        (up(&scratch, "changed"), 1),
        (scratch.run(&["status", "changed"]), 0),
        (scratch.run(&["render"]), 0),
    ] {
        let stderr = ran.expect(status).stderr;
        assert!(stderr.contains(said), "{stderr}");
    }
    let verify = scratch.run(&["verify", "changed"]).expect(1).stdout;
    let hint = "  hint: see the steps that apply the change: `cargo xtask plan changed`\n";
    assert_eq!(verify.matches(hint).count(), 1, "{verify}");
    assert!(!verify.contains("cargo xtask restart"), "{verify}");
    assert_eq!(processes(&scratch, "changed"), before);

    let another = one(10) + "[etcd]\ngeneration = 2\n";
    scratch.define("changed", &another);
    let refused = up(&scratch, "changed").expect(7);
    let error = "error: `cluster/changed.toml` no longer describes the cluster that was started\n";
    assert!(refused.stderr.contains(error), "{}", refused.stderr);
    assert_eq!(processes(&scratch, "changed"), before);
}

#[test]
fn member_started_by_hand_is_judged_by_its_flags() {
    let scratch = Scratch::with("by-hand", &three(14));
    up(&scratch, "by-hand").expect(0);
    let id = processes(&scratch, "by-hand")["core-02"];
    let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap();
    let words: Vec<&str> = line.split_terminator('\0').collect();
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    look_until(|| runs(id), |runs| !runs);
    let mut etcd = Command::new(words[0])
        .args(&words[1..])
        .arg("--quota-backend-bytes=8388608")
        .env("ETCD_HEARTBEAT_INTERVAL", "200")
        .env("ETCD_OTHER_PROGRAM", "of no concern")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let verify = ["verify", "by-hand", "--format", "json"];
    let check = |verified: &Ran, name: &str| {
        let verified: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
        let checks = verified["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap().to_string()
    };
    let verified = look_until(
        || scratch.run(&verify),
        |verified| {
            check(verified, "flags").contains("fail")
                && check(verified, "database").contains(" of 8 MiB")
        },
    );
    let verified = verified.expect(1);
    let flags = check(&verified, "flags");
    let database = check(&verified, "database");
    scratch.run(&["down", "by-hand"]).expect(0);
    etcd.wait().unwrap();
    assert!(database.contains(" of 8 MiB"), "{database}");
    for difference in ["--quota-backend-bytes=8388608", "--heartbeat-interval=200"] {
        let told = format!("with `{difference}`, which is not defined");
        assert!(flags.contains(&told), "{flags}");
    }
    assert!(
        !flags.contains("other-program") && !flags.contains("core-01"),
        "{flags}"
    );
}

#[test]
fn halted_member_is_resumed_and_stops_cleanly() {
    let scratch = Scratch::with("halted", &one(12));
    up(&scratch, "halted").expect(0);
    let halted = processes(&scratch, "halted")["core-01"];
    halt(halted);
    let down = scratch.run(&["down", "halted"]).expect(0);
    assert!(!down.stderr.contains("SIGKILL"), "{}", down.stderr);
    assert!(processes(&scratch, "halted").is_empty());
}

/// The commands that resume these members' processes.
fn continued(ran: &Ran, ids: &[i32]) {
    for id in ids {
        let command = format!("kill -CONT {id}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(&format!("`{command}`")), "{said}");
        let sh = Command::new("sh").args(["-c", &command]).status();
        assert!(sh.unwrap().success());
    }
}

#[test]
fn halted_members_are_reported_and_resumed() {
    let scratch = Scratch::with("halt", &three(142));
    up(&scratch, "halt").expect(0);
    let running = processes(&scratch, "halt");
    let ids = [running["core-01"], running["core-02"]];
    ids.into_iter().for_each(halt);
    let status = scratch.run(&["status", "halt"]).expect(0);
    for id in ids {
        let what = format!(" process {id}, halted ");
        assert!(status.stdout.contains(&what), "{}", status.stdout);
    }
    let verify = scratch.run(&["verify", "halt"]).expect(1);
    assert!(!verify.stdout.contains("it stopped"), "{}", verify.stdout);
    continued(&verify, &ids);
    is_healthy(&scratch, "halt");

    ids.into_iter().for_each(halt);
    let up = up(&scratch, "halt").expect(0);
    for (id, name) in ids.iter().zip(["core-01", "core-02"]) {
        let said = format!("{name}: process {id} was halted; continuing it\n");
        assert!(up.stderr.contains(&said), "{}", up.stderr);
    }
    assert_eq!(processes(&scratch, "halt"), running);
}

#[test]
fn member_halted_while_starting_is_reported() {
    let scratch = Scratch::with("midway", &one(143));
    let folder = etcd_that_first(&scratch, "kill -STOP $$");
    let up = ["up", "midway", "--etcd-dir", folder.as_str()];
    let late = scratch
        .run(&[&up[..], &["--timeout", "3s"]].concat())
        .expect(6);
    let pid = scratch.root().join(".state/midway/members/core-01/pid");
    let id: i32 = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let fact = format!("error: `core-01` is halted: process {id}\n");
    assert!(late.stderr.contains(&fact), "{}", late.stderr);
    assert!(!late.stderr.contains("wait longer"), "{}", late.stderr);
    continued(&late, &[id]);
}

#[test]
fn up_reports_that_running_members_keep_their_etcd() {
    let scratch = Scratch::with("named", &one(144));
    up(&scratch, "named").expect(0);
    let folder = etcd_that_first(&scratch, "");
    let again = [
        "up",
        "named",
        "--etcd-dir",
        folder.as_str(),
        "--timeout",
        "5m",
    ];
    let again = scratch.run(&again).expect(0);
    let fact = "(running members keep their etcd;";
    assert!(again.stderr.contains(fact), "{}", again.stderr);
}

#[test]
fn history_is_compacted_by_revision() {
    let definition = format!("{}[etcd]\nauto_compaction = 1000\n", one(95));
    let scratch = Scratch::with("revisions", &definition);
    up(&scratch, "revisions").expect(0);
    let verified = is_healthy(&scratch, "revisions");
    assert!(
        verified.stdout.contains("flags       as defined on 1 of 1"),
        "{}",
        verified.stdout
    );
    let log = scratch.run(&["logs", "--cluster", "revisions", "core-01", "-n", "1000"]);
    let mode = "\"auto-compaction-mode\":\"revision\"";
    assert!(log.stdout.contains(mode), "{}", log.stdout);
}
