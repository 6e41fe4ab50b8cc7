//! Real clusters of real etcd on this host's loopback: start, kill, restart, destroy.

use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_attribute::test;

use crate::local_support::{
    endpoints, get, is_healthy, predicted_cluster_id, processes, put, running_cluster_id, runs,
    three, up,
};
use crate::scratch::{Ran, Scratch};

#[test]
fn a_cluster_lives_from_up_to_destroy() {
    let scratch = Scratch::with("life", &three(1));

    let first = up(&scratch, "life").expect(0);
    assert_eq!(
        first.stdout.lines().last(),
        Some(format!("life serves at {}", endpoints(1)).as_str())
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
        again.stderr.matches("runs already").count(),
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
fn a_killed_member_is_named_and_brought_back() {
    let scratch = Scratch::with("killed", &three(2));
    up(&scratch, "killed").expect(0);
    let before = processes(&scratch, "killed");
    kill(Pid::from_raw(before["core-02"]), Signal::SIGKILL).unwrap();

    let verify = scratch.run(&["verify", "killed"]).expect(1);
    assert!(verify.stdout.contains("core-02"), "{}", verify.stdout);

    up(&scratch, "killed").expect(0);
    let after = processes(&scratch, "killed");
    assert_ne!(after["core-02"], before["core-02"]);
    assert_eq!(
        (after["core-01"], after["core-03"]),
        (before["core-01"], before["core-03"])
    );
}

#[test]
fn after_a_reboot_the_cluster_goes_on_with_its_data_and_identity() {
    let scratch = Scratch::with("reboot", &three(3));
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
    let scratch = Scratch::with("left", &three(4));
    scratch.define("right", &three(5));
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
fn a_changed_definition_is_not_applied_in_silence() {
    let scratch = Scratch::with("changed", &three(10));
    up(&scratch, "changed").expect(0);

    scratch.define(
        "changed",
        &(three(10) + "[etcd]\nheartbeat_interval = 150\nelection_timeout = 1500\n"),
    );
    let flags = up(&scratch, "changed").expect(0);
    let warning = "warning: `core-01` runs with other flags than its definition has now";
    assert!(!flags.stderr.contains("error"), "{}", flags.stderr);
    assert!(flags.stderr.contains(warning), "{}", flags.stderr);
    let verify = is_healthy(&scratch, "changed");
    assert!(verify.stderr.contains(warning), "{}", verify.stderr);

    scratch.define("changed", &three(11));
    let moved = up(&scratch, "changed").expect(6);
    assert!(
        moved
            .stderr
            .contains("describes another cluster than the one that was started"),
        "{}",
        moved.stderr
    );
    assert_eq!(processes(&scratch, "changed").len(), 3);
}

#[test]
fn a_halted_member_is_woken_to_end_cleanly() {
    let scratch = Scratch::with("halted", &three(12));
    up(&scratch, "halted").expect(0);
    let halted = processes(&scratch, "halted")["core-01"];
    kill(Pid::from_raw(halted), Signal::SIGSTOP).unwrap();
    let down = scratch.run(&["down", "halted"]).expect(0);
    assert!(!down.stderr.contains("SIGKILL"), "{}", down.stderr);
    assert!(processes(&scratch, "halted").is_empty());
}

#[test]
fn env_points_a_shell_at_the_cluster() {
    let scratch = Scratch::with("shell", &three(13));
    up(&scratch, "shell").expect(0);
    let script = format!(
        "eval \"$({} env shell)\" && etcdctl --command-timeout=60s put from shell && echo \"$ETCDCTL_ENDPOINTS\"",
        env!("CARGO_BIN_EXE_xtask")
    );
    let output = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(scratch.root())
        .output()
        .unwrap();
    let ran = Ran::from(output).expect(0);
    assert_eq!(ran.stdout, format!("OK\n{}\n", endpoints(13)));
    assert_eq!(get(&scratch, "shell", "from"), "shell\n");
    let failing = scratch.run(&["etcdctl", "--cluster", "shell", "--", "no-such-command"]);
    assert_ne!(failing.status, Some(0));
}
