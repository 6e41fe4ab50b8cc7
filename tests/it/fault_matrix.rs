//! Some faults of each kind in a real cluster of processes: `verify` finds each, names the right
//! member and reports nothing else; it never reports a healthy cluster; and drills leave nothing
//! behind. `hints` covers finding every fault, `tests/soak` healing every fault repeatedly, and
//! `tests/vm` the faults of machines.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use test_attribute::test;

use crate::cli_cluster::signal_member;
use crate::drilled_cluster::{
    self, Cluster, Reported, UnderWay, begin, begun, definition, held, nothing, tell,
};
use crate::etcd_binaries::of_debian_13;
use crate::local_support::{get, processes, put, runs};
use crate::support::{look_for, look_until, write_program};

/// The fault that needs an idle host.
const SLOW: &str = "slow-member";

/// Injects these faults, and lets the drill heal them. `hints` injects every fault of processes,
/// and `tests/soak` heals each of them three times.
#[track_caller]
fn are_found_and_healed(name: &'static str, faults: &[&str]) {
    let cluster = Cluster::start(name, 10);
    put(&cluster.scratch, name, "survivor", "yes");
    cluster.bears(faults);
    cluster.is_as_it_was();
}

#[test]
fn faults_of_processes_and_members_are_healed() {
    are_found_and_healed(
        "first",
        &[
            "leader-killed",
            "not-etcd",
            "learner-left",
            "another-version",
        ],
    );
}

#[test]
fn faults_of_data_and_limits_are_healed() {
    are_found_and_healed(
        "second",
        &[
            "data-wiped",
            "alarm-no-space",
            "data-diverged",
            "cluster-reformed",
        ],
    );
}

#[test]
fn faults_of_certificates_are_healed() {
    let cluster = Cluster::start_with_tls("tls", 13);
    put(&cluster.scratch, "tls", "survivor", "yes");
    let faults = [
        "certificate-expired",
        "certificate-untrusted",
        "certificate-misnamed",
    ];
    cluster.bears(&faults);
    cluster.is_as_it_was();

    let fault = "certificate-untrusted";
    let mut drill = UnderWay::start(&mut held(&cluster, fault));
    drill.wait_until_it_says("verify reports `certificates: ");
    // It is killed.
    drop(drill);
    let (status, found) = cluster.verify();
    let named = |check: &str| found.iter().any(|one| one.starts_with(check));
    assert!(named("certificates: ") && named("reachable: "), "{found:?}");
    assert_eq!(status, Some(1));
    let up = cluster.up().expect(0);
    let said = format!("`{fault}` is undone");
    assert!(up.stderr.contains(&said), "{}", up.stderr);
    cluster.is_mended();
    assert_eq!(drilled_cluster::left_by_drills(&cluster), [""; 0]);
}

#[test]
fn slow_member_is_found_and_healed_alone() {
    let cluster = Cluster::start("slow", 11);
    put(&cluster.scratch, "slow", "survivor", "yes");
    cluster.bears(&[SLOW]);
    cluster.is_as_it_was();
}

#[test]
fn healthy_cluster_is_never_called_broken_alone() {
    drilled_cluster::nothing_healthy_is_called_broken(2, 2);
}

/// Failures of the look instead of the cluster: what is done, and what `verify` then reports.
type Blindness = (
    &'static str,
    fn(&Cluster),
    Option<i32>,
    &'static [&'static str],
);

const BLINDNESSES: &[Blindness] = &[
    (
        "etcdctl is gone",
        |cluster| set_etcdctl(cluster, "/nowhere/etcdctl"),
        Some(4),
        &["error: `/nowhere/etcdctl` is gone"],
    ),
    (
        "etcdctl is of another version",
        |cluster| set_etcdctl(cluster, of_debian_13().join("etcdctl").as_str()),
        Some(0),
        &[],
    ),
    (
        "etcdctl prints something else",
        |cluster| set_etcdctl(cluster, &script(cluster, "echo '{\"surprise\": []}'")),
        Some(4),
        &[],
    ),
    (
        "the definition pins another version",
        |cluster| {
            let definition = definition(cluster.network, "3.5.16");
            cluster.scratch.define(cluster.name, &definition);
        },
        Some(1),
        &["definition", "version"],
    ),
    (
        "the definition has another token",
        |cluster| define(cluster, "generation = 2"),
        Some(1),
        &[
            "definition",
            "identity: core-01",
            "identity: core-02",
            "identity: core-03",
        ],
    ),
];

fn set_etcdctl(cluster: &Cluster, path: &str) {
    let file = cluster.state("cluster.json");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    record["etcd"]["etcdctl"] = path.into();
    fs::write(file, record.to_string()).unwrap();
}

fn script(cluster: &Cluster, line: &str) -> String {
    let path = cluster.scratch.root().join("etcdctl");
    write_program(&path, &format!("#!/bin/sh\n{line}\n"));
    path.into()
}

fn define(cluster: &Cluster, line: &str) {
    let definition = format!("{}{line}\n", cluster.definition);
    cluster.scratch.define(cluster.name, &definition);
}

#[test]
fn verify_separates_its_own_failures_from_the_clusters() {
    let cluster = Cluster::start("looking", 2);
    let record = fs::read_to_string(cluster.state("cluster.json")).unwrap();
    for (what, bring_about, status, expected) in BLINDNESSES {
        bring_about(&cluster);
        let expected: BTreeSet<String> = expected.iter().map(|&one| one.to_owned()).collect();
        cluster.comes_to_report(&(*status, expected), what);
        fs::write(cluster.state("cluster.json"), &record).unwrap();
        cluster.scratch.define("looking", &cluster.definition);
    }
    cluster.comes_to_report(&nothing(), "afterwards");
    tell(&format!("{0} of {0} blindnesses told", BLINDNESSES.len()));
}

#[test]
fn interrupted_and_killed_drills_are_healed() {
    let cluster = Cluster::start("interrupted", 4);
    put(&cluster.scratch, "interrupted", "survivor", "yes");

    let drill = begin(&cluster, "member-paused", "member-paused");
    let under_way = format!(
        "warning: a drill of `member-paused` is running\nnote: `cargo xtask drill interrupted` (process {}) heals it when it ends\n",
        drill.0.id()
    );
    for look in [&["verify", "interrupted"][..], &["status", "interrupted"]] {
        let looked = cluster.scratch.run(look);
        assert!(looked.stderr.contains(&under_way), "{}", looked.stderr);
    }
    let ended = drill.interrupt().expect(130);
    assert!(
        ended.stderr.contains("healing interrupted first"),
        "{}",
        ended.stderr
    );
    assert!(!cluster.state("drill.json").exists());
    cluster.comes_to_be_healthy();

    // A drill that waits for a healthy cluster stops waiting, and has nothing to heal.
    signal_member(&cluster.scratch, "interrupted", "core-02", Signal::SIGSTOP);
    let mut drill = cluster
        .scratch
        .command(&["drill", "interrupted", "member-killed"]);
    let drill = UnderWay::start(&mut drill);
    let ended = drill.interrupt_once_it_says("waiting for ").expect(130);
    signal_member(&cluster.scratch, "interrupted", "core-02", Signal::SIGCONT);
    let said = "\nerror: interrupted before `member-killed`\n";
    assert!(ended.stderr.ends_with(said), "{}", ended.stderr);
    assert!(!ended.stderr.contains("still missing"), "{}", ended.stderr);
    cluster.comes_to_be_healthy();

    // Earlier results are printed, and the interrupted fault is healed.
    let drill = [
        "drill",
        "interrupted",
        "extra-member",
        "member-paused",
        "--hold",
        "4s",
    ];
    let mut drill = cluster.scratch.command(&drill);
    let drill = begun(&mut drill, &cluster, "member-paused");
    let told = drill.interrupt().expect(130);
    assert!(
        told.stdout.contains("1 fault injected, 1 found"),
        "{}",
        told.stdout
    );
    assert!(
        told.stderr.contains("`member-paused` has been healed"),
        "{}",
        told.stderr
    );
    cluster.comes_to_be_healthy();

    for (fault, noted) in [
        // Only after the learner was added: etcdctl may outlive the drill and add it after healing.
        ("learner-left", "\"remove\""),
        ("data-wiped", "data-wiped"),
    ] {
        // It is killed.
        drop(begin(&cluster, fault, noted));
        let again = cluster.drill(&["member-killed"]).expect(4);
        let left = format!("an interrupted drill left `{fault}` in the cluster");
        assert!(again.stderr.contains(&left), "{}", again.stderr);
        let hint = "hint: heal it: `cargo xtask up interrupted`\n";
        let left = format!("warning: {left}\n{hint}");
        for look in [&["verify", "interrupted"][..], &["status", "interrupted"]] {
            let looked = cluster.scratch.run(look);
            assert!(looked.stderr.contains(&left), "{}", looked.stderr);
        }
        if fault == "learner-left" {
            // The tools for healing may be gone, too.
            set_etcdctl(&cluster, "/nowhere/etcdctl");
        }
        let up = cluster.up().expect(0);
        let said = format!("`{fault}` is undone");
        assert!(up.stderr.contains(&said), "{}", up.stderr);
        cluster.comes_to_report(&nothing(), fault);
    }
    assert_eq!(get(&cluster.scratch, "interrupted", "survivor"), "yes\n");

    // `destroy` removes a drill's leftovers, too.
    drop(begin(&cluster, "member-paused", "member-paused"));
    let left: Vec<i32> = processes(&cluster.scratch, "interrupted")
        .into_values()
        .collect();
    cluster
        .scratch
        .run(&["destroy", "interrupted", "--yes"])
        .expect(0);
    assert!(!left.into_iter().any(runs));
}

#[test]
fn effects_of_a_killed_drill_are_not_recorded_as_losses() {
    let cluster = Cluster::start("forgotten", 6);
    let survivor = "what was there before";
    put(&cluster.scratch, "forgotten", "survivor", survivor);
    cluster.gains_a_history();
    let drill = begin(&cluster, "cluster-reformed", "cluster-reformed");
    let reports_it = |(_, found): &Reported| found.iter().any(|one| one.starts_with("history"));
    let found = look_until(|| cluster.verify(), reports_it);
    assert!(reports_it(&found), "{found:?}");
    drop(drill);
    // Looks write, so the revision rises above that of the restored data.
    for _ in 0..5 {
        cluster.verify();
    }
    let up = cluster.up().expect(0);
    let said = "`cluster-reformed` is undone";
    assert!(up.stderr.contains(said), "{}", up.stderr);
    cluster.comes_to_report(&nothing(), "cluster-reformed");
    let found = get(&cluster.scratch, "forgotten", "survivor");
    assert_eq!(found, format!("{survivor}\n"));
}

#[test]
fn drill_refuses_an_unhealthy_or_changed_cluster() {
    let cluster = Cluster::start("refused", 5);
    let refused = |words: &[&str], status: i32, says: &str| {
        let ran = cluster.drill(words).expect(status);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
        assert!(!cluster.state("drill.json").exists());
    };
    refused(&["leader-kiled"], 2, "hint: did you mean `leader-killed`?");
    refused(
        &["network-cut"],
        2,
        "`network-cut` is not possible here: it needs the vagrant driver",
    );
    refused(
        &["foreign-cluster"],
        2,
        "hint: if no other client writes, add `--yes`",
    );
    define(&cluster, "generation = 2");
    refused(
        &["member-killed"],
        4,
        "reported: `definition`, `identity: core-01`, `identity: core-02` and `identity: core-03`",
    );
    cluster.scratch.define("refused", &cluster.definition);
    let first = processes(&cluster.scratch, "refused")["core-01"];
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    refused(
        &["leader-killed"],
        4,
        "a drill runs only on a healthy cluster",
    );
}

#[test]
fn drill_keeps_its_lock_until_its_report_is_written() {
    let cluster = Cluster::start("reported", 7);
    // Nobody reads its results yet.
    let (mut results, mut full) = std::io::pipe().unwrap();
    full.write_all(&[b' '; 1 << 16]).unwrap();
    let mut drill =
        cluster
            .scratch
            .command(&["drill", "reported", "member-killed", "--hold", "1s"]);
    drill.stdout(Stdio::from(full)).stderr(Stdio::piped());
    let mut running = UnderWay(drill.spawn().unwrap());
    // It holds the other end of the results, too.
    drop(drill);
    running.wait_until_it_says("healed, and the cluster is healthy\n");
    let mut destroy = cluster.scratch.command(&["destroy", "reported", "--yes"]);
    let mut destroy = UnderWay::start(&mut destroy);
    destroy.wait_until_it_says("waiting: ");
    let is_gone = || !cluster.state("").exists();
    assert!(!look_for(Duration::from_secs(3), is_gone, |gone| *gone));

    let mut printed = String::new();
    results.read_to_string(&mut printed).unwrap();
    assert!(printed.contains("member-killed passed"), "{printed}");
    let said = running.wait_until_it_says("kept as ");
    assert!(said.ends_with("/drill.html\nkept as "), "{said}");
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    let destroyed = destroy.end().expect(0).stderr;
    assert!(
        destroyed.ends_with("reported is destroyed, with 1 report of its drills\n"),
        "{destroyed}"
    );
    assert!(is_gone());
}
