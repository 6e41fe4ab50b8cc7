//! Real clusters of real etcd on this host's loopback: start, kill, restart, destroy.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::etcd_binaries::packaged;
use crate::scratch::{Ran, Scratch};

/// A definition of three members on a network that no other test uses.
fn three(network: u8) -> String {
    format!("members = 3\n[network]\nsubnet = \"10.77.{network}.0/24\"\n")
}

/// The endpoints of [`three`] under the local driver.
fn endpoints(network: u8) -> String {
    let url = |host: u8| format!("http://127.77.{network}.{host}:2379");
    [101, 102, 103].map(url).join(",")
}

/// `up` with the distribution's etcd, which all these tests share.
fn up(scratch: &Scratch, name: &str) -> Ran {
    scratch.run(&["up", name, "--etcd-dir", packaged().as_str()])
}

/// The processes of a cluster's members, by the members' names.
fn processes(scratch: &Scratch, name: &str) -> BTreeMap<String, i32> {
    let members = scratch.root().join(format!(".state/{name}/members"));
    let folders = fs::read_dir(members).into_iter().flatten().flatten();
    folders
        .filter_map(|folder| {
            let id = fs::read_to_string(folder.path().join("pid"))
                .ok()?
                .trim()
                .parse()
                .ok()?;
            runs(id).then(|| (folder.file_name().to_string_lossy().into_owned(), id))
        })
        .collect()
}

/// Whether a process is there and has not ended; one that merely was not waited for has no command
/// line any more.
fn runs(id: i32) -> bool {
    fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn put(scratch: &Scratch, name: &str, key: &str, value: &str) {
    scratch
        .run(&["etcdctl", "--cluster", name, "--", "put", key, value])
        .expect(0);
}

fn get(scratch: &Scratch, name: &str, key: &str) -> String {
    scratch
        .run(&[
            "etcdctl",
            "--cluster",
            name,
            "--",
            "get",
            key,
            "--print-value-only",
        ])
        .expect(0)
        .stdout
}

/// The cluster ID that the running members report, as decimal text.
fn running_cluster_id(scratch: &Scratch, name: &str) -> String {
    let status = scratch
        .run(&[
            "etcdctl",
            "--cluster",
            name,
            "--",
            "endpoint",
            "status",
            "-w",
            "json",
        ])
        .expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let ids: Vec<String> = status
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Status"]["header"]["cluster_id"].to_string())
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    ids[0].clone()
}

fn predicted_cluster_id(scratch: &Scratch, name: &str) -> String {
    let identity = scratch
        .run(&["identity", name, "--driver", "local", "--format", "json"])
        .expect(0);
    let identity: serde_json::Value = serde_json::from_str(&identity.stdout).unwrap();
    identity["cluster_id_decimal"].as_str().unwrap().to_owned()
}

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
    let left: Vec<String> = fs::read_dir(scratch.root().join(".state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".cache")
        .collect();
    assert_eq!(left, Vec::<String>::new());

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
    scratch.run(&["verify", "right"]).expect(0);
}

#[test]
fn two_ups_at_once_make_one_cluster() {
    let scratch = Scratch::with("both", &three(6));
    let arguments = ["up", "both", "--etcd-dir", packaged().as_str()];
    let one = scratch
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let other = scratch
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let one = Ran::from(one.wait_with_output().unwrap()).expect(0);
    let other = Ran::from(other.wait_with_output().unwrap()).expect(0);
    let waited = |ran: &Ran| {
        ran.stderr
            .contains("waiting: `cargo xtask up both` (process")
    };
    assert!(
        waited(&one) != waited(&other),
        "{}\n{}",
        one.stderr,
        other.stderr
    );
    assert_eq!(processes(&scratch, "both").len(), 3);
}

#[test]
fn an_up_that_dies_or_is_interrupted_is_continued_by_the_next() {
    let scratch = Scratch::with("cut", &three(7));
    for (signal, status) in [(Signal::SIGKILL, None), (Signal::SIGINT, Some(130))] {
        let arguments = ["up", "cut", "--etcd-dir", packaged().as_str()];
        let mut up = scratch
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while processes(&scratch, "cut").is_empty() {
            assert!(
                up.try_wait().unwrap().is_none(),
                "up ended before a member had started"
            );
            std::thread::park_timeout(std::time::Duration::from_millis(2));
        }
        kill(Pid::from_raw(up.id().cast_signed()), signal).unwrap();
        assert_eq!(up.wait().unwrap().code(), status);
        self::up(&scratch, "cut").expect(0);
        assert_eq!(processes(&scratch, "cut").len(), 3);
        scratch.run(&["destroy", "cut", "--yes"]).expect(0);
    }
}

#[test]
fn a_taken_port_is_reported_with_its_holder() {
    let scratch = Scratch::with("port", &three(8));
    let _listener = TcpListener::bind("127.77.8.102:2380").unwrap();
    let up = up(&scratch, "port").expect(5);
    let holder = format!(
        "error: `core-02` cannot have 127.77.8.102:2380: process {} (`",
        std::process::id()
    );
    assert!(up.stderr.contains(&holder), "{}", up.stderr);
    assert!(processes(&scratch, "port").is_empty());
}

#[test]
fn a_member_without_its_data_does_not_rejoin_silently() {
    let scratch = Scratch::with("lost", &three(9));
    up(&scratch, "lost").expect(0);
    scratch.run(&["down", "lost"]).expect(0);
    fs::remove_dir_all(scratch.root().join(".state/lost/members/core-03/data")).unwrap();
    let up = up(&scratch, "lost").expect(6);
    assert!(
        up.stderr
            .contains("error: `core-03` has lost its data, so it was not started"),
        "{}",
        up.stderr
    );
    assert_eq!(
        processes(&scratch, "lost").keys().collect::<Vec<_>>(),
        ["core-01", "core-02"]
    );
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
        "eval \"$({} env shell)\" && etcdctl put from shell && echo \"$ETCDCTL_ENDPOINTS\"",
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
