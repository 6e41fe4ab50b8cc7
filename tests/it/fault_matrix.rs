//! Every fault that processes can have, brought about in a real cluster: `verify` finds each, names the
//! right member and reports nothing else; nothing healthy is ever called broken; and whoever brings
//! faults about leaves nothing behind. Faults that take machines are brought about in `tests/vm`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use xtask::clients::Clients;
use xtask::fault::FAULTS;
use xtask::plan::Plan;
use xtask::values::DriverName;

use crate::etcd_binaries::{of_debian_13, packaged, tools};
use crate::local_support::{get, processes, put, runs};
use crate::scratch::{Ran, Scratch};
use crate::verify_support::plan;

/// A cluster whose databases can be filled in a moment.
struct Cluster {
    scratch: Scratch,
    name: &'static str,
    definition: String,
}

impl Cluster {
    fn start(name: &'static str, network: u8) -> Self {
        let definition = format!(
            "members = 3\n[network]\nsubnet = \"10.92.{network}.0/24\"\n[etcd]\nquota = \"38MiB\"\n"
        );
        let cluster = Self {
            scratch: Scratch::with(name, &definition),
            name,
            definition,
        };
        cluster.up().expect(0);
        cluster
    }

    fn up(&self) -> Ran {
        let folder = packaged().as_str();
        self.scratch.run(&["up", self.name, "--etcd-dir", folder])
    }

    fn drill(&self, words: &[&str]) -> Ran {
        self.scratch.run(&[&["drill", self.name], words].concat())
    }

    /// What `verify` reports beyond that another version stands in, and how it ends.
    fn verify(&self) -> (Option<i32>, BTreeSet<String>) {
        let verify = ["verify", self.name, "--format", "json"];
        let ran = self.scratch.run(&verify);
        let found = match serde_json::from_str::<Value>(&ran.stdout) {
            Ok(found) => reported(&found),
            Err(_) => [ran.stderr.lines().next().unwrap_or_default().to_owned()].into(),
        };
        (ran.status, found)
    }

    /// The plan as it runs.
    fn plan(&self) -> Plan {
        let plan = plan(self.name, &self.definition);
        plan.on_loopback().run_by(tools().version)
    }

    fn state(&self, file: &str) -> camino::Utf8PathBuf {
        let folder = self.scratch.root().join(".state").join(self.name);
        folder.join(file)
    }

    /// The raft term, which is another after every election.
    fn term(&self) -> Value {
        let status = ["status", self.name, "--format", "json"];
        let status = self.scratch.run(&status).expect(0).stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        status["members"][0]["raft_term"].clone()
    }
}

/// Each check that warns or fails, with the members that it names; that another version stands in is
/// so by intention.
fn reported(verified: &Value) -> BTreeSet<String> {
    let mut reported = BTreeSet::new();
    for check in verified["checks"].as_array().unwrap() {
        let name = check["name"].as_str().unwrap();
        let verdict = check["verdict"].as_str().unwrap();
        if !["warn", "not-yet", "fail"].contains(&verdict) {
            continue;
        }
        let findings = check["findings"].as_array().unwrap();
        let stand_in = |finding: &&Value| finding["text"].as_str().unwrap().contains("stands in");
        let findings: Vec<&Value> = findings.iter().filter(|one| !stand_in(one)).collect();
        if name == "version" && findings.is_empty() {
            continue;
        }
        let named = findings
            .iter()
            .flat_map(|one| one["members"].as_array().unwrap());
        let mut named: Vec<String> = named
            .map(|member| format!("{name}: {}", member.as_str().unwrap()))
            .collect();
        if named.is_empty() {
            named.push(name.to_owned());
        }
        reported.extend(named);
    }
    reported
}

/// Past the test's captured output, where the README's figure comes from.
fn tell(figure: &str) {
    let _ = writeln!(std::io::stderr(), "{figure}");
}

#[test]
fn every_fault_of_processes_is_found_named_and_healed_and_nothing_is_lost() {
    let cluster = Cluster::start("matrix", 1);
    put(&cluster.scratch, "matrix", "survivor", "yes");
    let other = of_debian_13().as_str();
    let all = [
        "all",
        "--yes",
        "--hold",
        "1s",
        "--other-etcd",
        other,
        "--format",
        "json",
    ];
    let drilled = cluster.drill(&all);
    let drills: Value = serde_json::from_str(&drilled.stdout).unwrap_or_else(|_| {
        panic!("{}", drilled.stderr);
    });
    let brought_about: Vec<&str> = drills["drills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|drill| drill["fault"].as_str().unwrap())
        .collect();
    let possible: Vec<&str> = FAULTS
        .iter()
        .filter(|fault| fault.drivers.contains(&DriverName::Local))
        .map(|fault| fault.name)
        .collect();
    assert_eq!(brought_about, possible, "{}", drilled.stderr);
    for drill in drills["drills"].as_array().unwrap() {
        assert_eq!(drill["passed"], true, "{}\n{drill:#}", drilled.stderr);
        assert_eq!(drill["reported"], drill["expected"], "{drill:#}");
        assert_ne!(drill["expected"].as_array().unwrap().len(), 0, "{drill:#}");
        assert_eq!(drill["registers"]["linearizable"], true, "{drill:#}");
    }
    assert_eq!(drills["found"], drills["faults"]);
    assert_eq!(drills["lost_writes"], 0);
    drilled.expect(0);
    tell(drills["summary"].as_str().unwrap());

    // The cluster is the one that it was, with what was in it and nothing else.
    assert_eq!(cluster.verify(), (Some(0), BTreeSet::new()));
    assert_eq!(get(&cluster.scratch, "matrix", "survivor"), "yes\n");
    let keys = [
        "etcdctl",
        "--cluster",
        "matrix",
        "--",
        "get",
        "",
        "--prefix",
        "--keys-only",
    ];
    assert_eq!(
        cluster.scratch.run(&keys).expect(0).stdout.trim(),
        "survivor"
    );
    assert!(!cluster.state("drill.json").exists());
    assert_eq!(
        processes(&cluster.scratch, "matrix")
            .into_keys()
            .collect::<Vec<_>>(),
        ["core-01", "core-02", "core-03"]
    );
    for member in ["core-01", "core-02", "core-03"] {
        let folder = cluster.state(&format!("members/{member}"));
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["data", "etcd.log", "lock", "pid"]);
    }
}

/// What can be wrong with whoever looks, rather than with the cluster: what is done, and what `verify`
/// then says.
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
        Some(1),
        &[
            "quorum",
            "reachable: core-01",
            "reachable: core-02",
            "reachable: core-03",
        ],
    ),
    (
        "the definition pins another version",
        |cluster| define(cluster, "version = \"3.5.16\""),
        Some(0),
        &[],
    ),
    (
        "the definition has another token",
        |cluster| define(cluster, "generation = 2"),
        Some(1),
        &[
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
    use std::os::unix::fs::PermissionsExt;
    let path = cluster.scratch.root().join("etcdctl");
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.into()
}

fn define(cluster: &Cluster, line: &str) {
    let definition = format!("{}{line}\n", cluster.definition);
    cluster.scratch.define(cluster.name, &definition);
}

#[test]
fn whatever_is_wrong_with_the_one_who_looks_is_told_apart_from_the_cluster() {
    let cluster = Cluster::start("looking", 2);
    let record = fs::read_to_string(cluster.state("cluster.json")).unwrap();
    for (what, bring_about, status, expected) in BLINDNESSES {
        bring_about(&cluster);
        let expected: BTreeSet<String> = expected.iter().map(|&one| one.to_owned()).collect();
        assert_eq!(cluster.verify(), (*status, expected), "{what}");
        fs::write(cluster.state("cluster.json"), &record).unwrap();
        cluster.scratch.define("looking", &cluster.definition);
        assert_eq!(
            cluster.verify(),
            (Some(0), BTreeSet::new()),
            "after: {what}"
        );
    }
    tell(&format!("{0} of {0} blindnesses told", BLINDNESSES.len()));
}

#[test]
fn nothing_healthy_is_called_broken() {
    let cluster = Cluster::start("calm", 3);
    let mut alarms = Vec::new();
    let mut looks = 0;
    let mut look = |alarms: &mut Vec<String>| {
        let term = cluster.term();
        let found = cluster.verify();
        looks += 1;
        // That the members elected a leader meanwhile, on a host that is too busy, is no false alarm.
        if found != (Some(0), BTreeSet::new()) && term == cluster.term() {
            alarms.push(format!("{found:?}"));
        }
    };
    for _ in 0..100 {
        look(&mut alarms);
    }
    let clients = Clients::begin(&cluster.plan()).unwrap();
    for _ in 0..100 {
        look(&mut alarms);
    }
    let (history, _) = clients.end();
    assert!(
        history.operations.len() > 1000,
        "{}",
        history.operations.len()
    );
    // After an election, whoever waits is told that all is well.
    for _ in 0..10 {
        let endpoints = cluster.plan().endpoints();
        let status = [
            "etcdctl",
            "--cluster",
            "calm",
            "--",
            "endpoint",
            "status",
            "--write-out=json",
        ];
        let status: Value =
            serde_json::from_str(&cluster.scratch.run(&status).expect(0).stdout).unwrap();
        let members = status.as_array().unwrap();
        let leader = &members[0]["Status"]["leader"];
        let other = members
            .iter()
            .find(|one| one["Status"]["header"]["member_id"] != *leader)
            .unwrap();
        let other = format!(
            "{:x}",
            other["Status"]["header"]["member_id"].as_u64().unwrap()
        );
        let of_leader = members
            .iter()
            .find(|one| one["Status"]["header"]["member_id"] == *leader)
            .unwrap();
        let of_leader = format!("--endpoints={}", of_leader["Endpoint"].as_str().unwrap());
        let moved = [
            "etcdctl",
            "--cluster",
            "calm",
            "--",
            &of_leader,
            "move-leader",
            &other,
        ];
        cluster.scratch.run(&moved);
        assert!(endpoints.contains("2379"));
        let waited = ["verify", "calm", "--wait", "60s", "--format", "json"];
        let waited = cluster.scratch.run(&waited);
        looks += 1;
        if waited.status != Some(0) {
            alarms.push(waited.stdout);
        }
    }
    assert_eq!(alarms, Vec::<String>::new());
    tell(&format!("0 false alarms in {looks} looks"));
}

/// Starts a drill, and waits until it has done to the cluster what it is about.
fn begin(cluster: &Cluster, fault: &str) -> std::process::Child {
    let drill = cluster
        .scratch
        .command(&["drill", cluster.name, fault, "--hold", "10m"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !cluster.state("drill.json").exists() {
        assert!(Instant::now() < deadline, "nothing was brought about");
        std::thread::sleep(Duration::from_millis(20));
    }
    drill
}

#[test]
fn an_interrupted_drill_heals_and_a_killed_one_is_healed_by_up() {
    let cluster = Cluster::start("interrupted", 4);
    put(&cluster.scratch, "interrupted", "survivor", "yes");

    let drill = begin(&cluster, "member-paused");
    kill(
        Pid::from_raw(drill.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let ended = Ran::from(drill.wait_with_output().unwrap()).expect(130);
    assert!(ended.stderr.contains("undone first"), "{}", ended.stderr);
    assert!(!cluster.state("drill.json").exists());
    cluster
        .scratch
        .run(&["verify", "interrupted", "--wait", "30s"])
        .expect(0);

    // What was found out before is told, and the interruption is healed.
    let drill = [
        "drill",
        "interrupted",
        "extra-member",
        "member-paused",
        "--hold",
        "4s",
    ];
    let drill = cluster.scratch.command(&drill);
    let told = interrupted_at(drill, &cluster, "member-paused").expect(130);
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
    cluster
        .scratch
        .run(&["verify", "interrupted", "--wait", "30s"])
        .expect(0);

    for fault in ["member-paused", "learner-left", "data-wiped"] {
        let mut drill = begin(&cluster, fault);
        drill.kill().unwrap();
        drill.wait().unwrap();
        let again = cluster.drill(&["member-killed"]).expect(4);
        let left = format!("an interrupted drill has left `{fault}` in the cluster");
        assert!(again.stderr.contains(&left), "{}", again.stderr);
        let up = cluster.up().expect(0);
        let said = format!("what it did for `{fault}` is undone");
        assert!(up.stderr.contains(&said), "{}", up.stderr);
        assert_eq!(cluster.verify(), (Some(0), BTreeSet::new()), "{fault}");
    }
    assert_eq!(get(&cluster.scratch, "interrupted", "survivor"), "yes\n");

    // `destroy` leaves nothing of one either.
    let mut drill = begin(&cluster, "member-paused");
    drill.kill().unwrap();
    drill.wait().unwrap();
    let left: Vec<i32> = processes(&cluster.scratch, "interrupted")
        .into_values()
        .collect();
    cluster
        .scratch
        .run(&["destroy", "interrupted", "--yes"])
        .expect(0);
    assert!(!left.into_iter().any(runs));
}

/// Runs a drill, and interrupts it once it has done to the cluster what this fault is about.
fn interrupted_at(mut drill: std::process::Command, cluster: &Cluster, fault: &str) -> Ran {
    let drill = drill
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let is_noted = || {
        let journal = fs::read_to_string(cluster.state("drill.json"));
        journal.is_ok_and(|journal| journal.contains(fault))
    };
    while !is_noted() {
        assert!(Instant::now() < deadline, "`{fault}` was not brought about");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(
        Pid::from_raw(drill.id().try_into().unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    Ran::from(drill.wait_with_output().unwrap())
}

#[test]
fn a_drill_does_nothing_to_a_cluster_that_is_not_healthy_or_not_the_definitions() {
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
        "`network-cut` is not possible here: it takes the vagrant driver",
    );
    refused(
        &["foreign-cluster"],
        2,
        "hint: where nobody else writes: add `--yes`",
    );
    define(&cluster, "generation = 2");
    refused(
        &["member-killed"],
        4,
        "reported: identity: core-01, identity: core-02, identity: core-03",
    );
    cluster.scratch.define("refused", &cluster.definition);
    let first = processes(&cluster.scratch, "refused")["core-01"];
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    refused(
        &["leader-killed"],
        4,
        "a drill begins with a healthy cluster",
    );
}
