//! Every fault that processes can have, brought about in a real cluster: `verify` finds each, names the
//! right member and reports nothing else; nothing healthy is ever called broken; and whoever brings
//! faults about leaves nothing behind. Faults that take machines are brought about in `tests/vm`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use xtask::clients::Clients;
use xtask::fault::FAULTS;
use xtask::plan::Plan;
use xtask::values::DriverName;

use crate::cli_cluster::signal_member;
use crate::etcd_binaries::{of_debian_13, tools};
use crate::local_support::{self, get, processes, put, runs};
use crate::scratch::{Ran, Scratch};
use crate::support::{look_for, look_until, write_program};
use crate::verify_support::plan;

/// Three members that run this very version, with databases that can be filled in a moment. How machines
/// would get it does not matter to processes.
fn definition(network: u8, version: &str) -> String {
    format!(
        "members = 3\n[network]\nsubnet = \"10.92.{network}.0/24\"\n\
         [etcd]\nversion = \"{version}\"\nruntime = \"container\"\nquota = \"38MiB\"\n"
    )
}

/// How `verify` ends, and what it reports.
type Reported = (Option<i32>, BTreeSet<String>);

/// That a cluster is healthy, and nothing is reported of it.
fn nothing() -> Reported {
    (Some(0), BTreeSet::new())
}

/// A cluster whose databases can be filled in a moment.
struct Cluster {
    scratch: Scratch,
    name: &'static str,
    network: u8,
    definition: String,
}

impl Cluster {
    fn start(name: &'static str, network: u8) -> Self {
        let definition = definition(network, &tools().version.to_string());
        let cluster = Self {
            scratch: Scratch::with(name, &definition),
            name,
            network,
            definition,
        };
        cluster.up().expect(0);
        cluster
    }

    fn up(&self) -> Ran {
        local_support::up(&self.scratch, self.name)
    }

    fn drill(&self, words: &[&str]) -> Ran {
        self.scratch.run(&[&["drill", self.name], words].concat())
    }

    /// Brings this about. Returns how that ended, each drill that was made and what was said. Whatever
    /// else a host keeps from being as it should, nothing may be lost.
    #[track_caller]
    fn rehearse(&self, what: &str) -> (Option<i32>, Vec<Value>, String) {
        let other = of_debian_13().as_str();
        let ran = self.drill(&[
            what,
            "--yes",
            "--hold",
            "1s",
            "--other-etcd",
            other,
            "--format",
            "json",
            "--report",
            "drilled.html",
        ]);
        if ran.stdout.is_empty() {
            return (ran.status, Vec::new(), ran.stderr);
        }
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        let drills = told["drills"].as_array().unwrap().clone();
        assert_eq!(told["lost_writes"], 0, "{}\n{told:#}", ran.stderr);
        for drill in &drills {
            assert_eq!(drill["registers"]["linearizable"], true, "{drill:#}");
        }
        tell(told["summary"].as_str().unwrap());
        (ran.status, drills, ran.stderr)
    }

    /// What `verify` reports, and how it ends.
    fn verify(&self) -> Reported {
        let verify = ["verify", self.name, "--format", "json"];
        let ran = self.scratch.run(&verify);
        let found = match serde_json::from_str::<Value>(&ran.stdout) {
            Ok(found) => reported(&found),
            Err(_) => {
                let mut lines = ran.stderr.lines();
                let error = lines.find(|line| line.starts_with("error:"));
                [error.unwrap_or_default().to_owned()].into()
            }
        };
        (ran.status, found)
    }

    /// Insists that `verify` comes to report this and nothing else.
    #[track_caller]
    fn comes_to_report(&self, wanted: &Reported, what: &str) {
        let found = look_until(|| self.verify(), |found| found == wanted);
        assert_eq!(found, *wanted, "{what}");
    }

    /// Insists that `verify` finds it healthy within a minute.
    #[track_caller]
    fn comes_to_be_healthy(&self) {
        let verify = ["verify", self.name, "--wait", "60s"];
        self.scratch.run(&verify).expect(0);
    }

    /// The plan as it runs.
    fn plan(&self) -> Plan {
        plan(self.name, &self.definition).on_loopback()
    }

    fn state(&self, file: &str) -> camino::Utf8PathBuf {
        let folder = self.scratch.root().join(".state").join(self.name);
        folder.join(file)
    }

    fn status(&self) -> Value {
        let status = ["status", self.name, "--format", "json"];
        let status = self.scratch.run(&status).expect(0).stdout;
        serde_json::from_str(&status).unwrap()
    }

    /// The raft term, which is another after every election.
    fn term(&self) -> Value {
        look_until(
            || self.status()["members"][0]["raft_term"].clone(),
            Value::is_number,
        )
    }

    /// Has another member lead, by the real etcdctl.
    fn elect_another(&self) {
        let moved = look_until(
            || self.try_to_elect_another(),
            |moved| moved.as_ref().is_some_and(|moved| moved.status == Some(0)),
        );
        let moved = moved.expect("no leader and follower answered").expect(0);
        assert!(
            moved.stdout.contains("Leadership transferred"),
            "{}",
            moved.stdout
        );
    }

    /// Does so where a leader and a follower answer in time.
    fn try_to_elect_another(&self) -> Option<Ran> {
        let status = self.status();
        let members = status["members"].as_array().unwrap();
        let who = |role: &str| members.iter().find(|one| one["role"] == role);
        let moved = Command::new(&tools().etcdctl)
            .arg(format!(
                "--endpoints={}",
                who("leader")?["endpoint"].as_str()?
            ))
            .args(["move-leader", who("follower")?["id"].as_str()?])
            .output();
        Some(Ran::from(moved.unwrap()))
    }
}

/// Each check that warns or fails, with the members that it names.
fn reported(verified: &Value) -> BTreeSet<String> {
    let mut reported = BTreeSet::new();
    for check in verified["checks"].as_array().unwrap() {
        let name = check["name"].as_str().unwrap();
        if !["warn", "not-yet", "fail"].contains(&check["verdict"].as_str().unwrap()) {
            continue;
        }
        let findings = check["findings"].as_array().unwrap().iter();
        let named = findings.flat_map(|one| one["members"].as_array().unwrap());
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
    let possible: Vec<&str> = FAULTS
        .iter()
        .filter(|fault| fault.drivers.contains(&DriverName::Local))
        .map(|fault| fault.name)
        .collect();
    let (ended, all, said) = cluster.rehearse("all");
    let brought_about: Vec<&str> = all
        .iter()
        .map(|drill| drill["fault"].as_str().unwrap())
        .collect();
    // It goes no further where it meets an election, and says so.
    let is_whole = [Some(0), Some(1)].contains(&ended);
    let as_far = if is_whole { possible.len() } else { all.len() };
    assert_eq!(brought_about, possible[..as_far], "{said}");
    let all_passed = all.iter().all(|drill| drill["passed"] == true);
    assert_eq!(ended == Some(0), is_whole && all_passed, "{said}");
    for fault in possible {
        let drill = all.iter().find(|drill| drill["fault"] == fault);
        let mut drill = drill.cloned().unwrap_or_default();
        // A host that is too busy may hide one fault behind another of its own, and not each time.
        for _ in 0..2 {
            if drill["passed"] == true {
                break;
            }
            let why = &drill["reasons"];
            tell(&format!("{fault} is brought about once more: {why}"));
            cluster.comes_to_be_healthy();
            let (_, again, said) = cluster.rehearse(fault);
            assert!(again.len() < 2, "{said}");
            drill = again.into_iter().next().unwrap_or_default();
        }
        assert_eq!(drill["passed"], true, "{fault}: {said}\n{drill:#}");
        assert_eq!(drill["reported"], drill["expected"], "{drill:#}");
        assert_ne!(drill["expected"].as_array().unwrap().len(), 0, "{drill:#}");
    }
    let report = fs::read_to_string(cluster.scratch.root().join("drilled.html")).unwrap();
    assert!(report.ends_with("</html>\n"), "the report is not whole");

    // The cluster is the one that it was, with what was in it and nothing else.
    cluster.comes_to_report(&nothing(), "afterwards");
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
    // What one look could not remove is gone with its lease, and the next one leaves nothing.
    let keys = look_for(
        Duration::from_secs(180),
        || {
            cluster.comes_to_be_healthy();
            cluster.scratch.run(&keys)
        },
        |keys| keys.stdout == "survivor\n\n",
    );
    assert_eq!(keys.expect(0).stdout.trim(), "survivor");
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
        |cluster| {
            let definition = definition(cluster.network, "3.5.16");
            cluster.scratch.define(cluster.name, &definition);
        },
        Some(0),
        &["version"],
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
    let path = cluster.scratch.root().join("etcdctl");
    write_program(&path, &format!("#!/bin/sh\n{line}\n"));
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
        cluster.comes_to_report(&(*status, expected), what);
        fs::write(cluster.state("cluster.json"), &record).unwrap();
        cluster.scratch.define("looking", &cluster.definition);
        cluster.comes_to_report(&nothing(), &format!("after: {what}"));
    }
    tell(&format!("{0} of {0} blindnesses told", BLINDNESSES.len()));
}

/// Looks at a cluster that is healthy all the time.
struct Calm<'a> {
    cluster: &'a Cluster,
    looks: usize,
    /// Looks that reported something, and were repeated.
    repeated: usize,
    /// Looks beside an election, which were repeated, too.
    elections: usize,
}

impl Calm<'_> {
    fn look(&mut self) {
        self.looks += 1;
        self.look_by(|| self.cluster.verify());
    }

    /// Looks until nothing is reported. What a host that is too busy keeps from answering once is answered
    /// when it is asked again: a false alarm is what three looks in a row of one term report.
    fn look_by(&mut self, mut look: impl FnMut() -> Reported) {
        let mut in_a_row = Vec::new();
        for _ in 0..20 {
            let term = self.cluster.term();
            let found = look();
            if found == nothing() {
                return;
            }
            if self.cluster.term() != term {
                self.elections += 1;
                in_a_row.clear();
                continue;
            }
            self.repeated += 1;
            in_a_row.retain(|before| *before == (term.clone(), found.clone()));
            in_a_row.push((term, found));
            assert!(in_a_row.len() < 3, "a false alarm: {in_a_row:?}");
            // More of them would be no matter of chance.
            assert!(self.repeated <= 10, "the last of too many: {in_a_row:?}");
        }
        panic!("one election after the other");
    }
}

#[test]
fn nothing_healthy_is_called_broken() {
    let cluster = Cluster::start("calm", 3);
    let mut calm = Calm {
        cluster: &cluster,
        looks: 0,
        repeated: 0,
        elections: 0,
    };
    for _ in 0..100 {
        calm.look();
    }
    let clients = Clients::begin(&cluster.plan(), Duration::ZERO).unwrap();
    for _ in 0..100 {
        calm.look();
    }
    let (history, _) = clients.end();
    assert!(
        history.operations.len() > 1000,
        "{}",
        history.operations.len()
    );
    // After an election, whoever waits is told that all is well.
    for _ in 0..10 {
        let term = cluster.term();
        cluster.elect_another();
        let waited = ["verify", "calm", "--wait", "60s", "--format", "json"];
        calm.looks += 1;
        calm.look_by(|| {
            let waited = cluster.scratch.run(&waited);
            let found = serde_json::from_str(&waited.stdout).unwrap();
            (waited.status, reported(&found))
        });
        assert_ne!(cluster.term(), term, "nobody was elected");
    }
    let Calm {
        looks,
        repeated,
        elections,
        ..
    } = calm;
    tell(&format!(
        "0 false alarms in {looks} looks, {repeated} of them repeated for what one reported, {elections} \
         for an election"
    ));
}

/// A drill that is under way. It does not outlive its test, whose end would wait for it.
struct UnderWay(Child);

impl UnderWay {
    fn start(drill: &mut Command) -> Self {
        let drill = drill.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(drill.spawn().unwrap())
    }

    /// Interrupts it, and waits for its end.
    fn interrupt(self) -> Ran {
        kill(
            Pid::from_raw(self.0.id().try_into().unwrap()),
            Signal::SIGINT,
        )
        .unwrap();
        self.end()
    }

    /// The same, as soon as it has said this.
    fn interrupt_once_it_says(mut self, words: &str) -> Ran {
        let (mut said, mut byte) = (String::new(), [0]);
        while !said.contains(words) {
            let length = self.0.stderr.as_mut().unwrap().read(&mut byte).unwrap();
            assert_ne!(length, 0, "{said}");
            said.push(char::from(byte[0]));
        }
        let ended = self.interrupt();
        Ran {
            stderr: said + &ended.stderr,
            ..ended
        }
    }

    /// Waits for its end.
    fn end(mut self) -> Ran {
        let read = |pipe: &mut dyn Read| {
            let mut text = String::new();
            pipe.read_to_string(&mut text).unwrap();
            text
        };
        Ran {
            stdout: read(self.0.stdout.as_mut().unwrap()),
            stderr: read(self.0.stderr.as_mut().unwrap()),
            status: self.0.wait().unwrap().code(),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a drill, and waits until it has noted this of what it does to the cluster.
fn begin(cluster: &Cluster, fault: &str, noted: &str) -> UnderWay {
    let drill = ["drill", cluster.name, fault, "--yes", "--hold", "10m"];
    begun(&mut cluster.scratch.command(&drill), cluster, noted)
}

/// The same for any drill. One that did nothing is started again: its first look may have met an election.
fn begun(drill: &mut Command, cluster: &Cluster, noted: &str) -> UnderWay {
    let mut running = UnderWay::start(drill);
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let journal = fs::read_to_string(cluster.state("drill.json"));
        if journal.is_ok_and(|journal| journal.contains(noted)) {
            return running;
        }
        if running.0.try_wait().unwrap().is_some() {
            let ended = running.end().expect(4);
            let why = "a drill begins with a healthy cluster";
            assert!(ended.stderr.contains(why), "{}", ended.stderr);
            running = UnderWay::start(drill);
        }
        assert!(Instant::now() < deadline, "`{noted}` was not brought about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_drill_heals_and_a_killed_one_is_healed_by_up() {
    let cluster = Cluster::start("interrupted", 4);
    put(&cluster.scratch, "interrupted", "survivor", "yes");

    let drill = begin(&cluster, "member-paused", "member-paused");
    let under_way = format!(
        "warning: a drill is under way, and brings about `member-paused`\nnote: `cargo xtask drill interrupted` (process {}) heals it at its end\n",
        drill.0.id()
    );
    for look in [&["verify", "interrupted"][..], &["status", "interrupted"]] {
        let looked = cluster.scratch.run(look);
        assert!(looked.stderr.contains(&under_way), "{}", looked.stderr);
    }
    let ended = drill.interrupt().expect(130);
    assert!(ended.stderr.contains("undone first"), "{}", ended.stderr);
    assert!(!cluster.state("drill.json").exists());
    cluster.comes_to_be_healthy();

    // One that waits for a healthy cluster waits no longer, and has nothing to heal.
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

    // What was found out before is told, and the interruption is healed.
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
        ("member-paused", "member-paused"),
        // What comes after the learner was added: etcdctl may outlive the drill, and add it once all is
        // healed.
        ("learner-left", "\"remove\""),
        ("data-wiped", "data-wiped"),
    ] {
        // It is killed.
        drop(begin(&cluster, fault, noted));
        let again = cluster.drill(&["member-killed"]).expect(4);
        let left = format!("an interrupted drill has left `{fault}` in the cluster");
        assert!(again.stderr.contains(&left), "{}", again.stderr);
        let hint = "hint: heal it: `cargo xtask up interrupted`\n";
        let left = format!("warning: {left}\n{hint}");
        for look in [&["verify", "interrupted"][..], &["status", "interrupted"]] {
            let looked = cluster.scratch.run(look);
            assert!(looked.stderr.contains(&left), "{}", looked.stderr);
        }
        if fault == "learner-left" {
            // What it takes to heal may be gone, too.
            set_etcdctl(&cluster, "/nowhere/etcdctl");
        }
        let up = cluster.up().expect(0);
        let said = format!("what a drill did for `{fault}` is undone");
        assert!(up.stderr.contains(&said), "{}", up.stderr);
        cluster.comes_to_report(&nothing(), fault);
    }
    assert_eq!(get(&cluster.scratch, "interrupted", "survivor"), "yes\n");

    // `destroy` leaves nothing of one either.
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
fn what_a_killed_drill_did_to_the_data_is_not_taken_for_the_clusters() {
    let cluster = Cluster::start("forgotten", 6);
    let survivor = "what was there before";
    put(&cluster.scratch, "forgotten", "survivor", survivor);
    for (fault, check) in [("data-diverged", "hash"), ("cluster-reformed", "history")] {
        let drill = begin(&cluster, fault, fault);
        let deadline = Instant::now() + Duration::from_secs(60);
        let reports_it = || {
            let (_, found) = cluster.verify();
            found.iter().any(|one| one.starts_with(check))
        };
        while !reports_it() {
            assert!(Instant::now() < deadline, "`{fault}` was not found");
        }
        drop(drill);
        // Looks write, and so these keys get further than those that are put back.
        for _ in 0..20 {
            cluster.verify();
        }
        let up = cluster.up().expect(0);
        let said = format!("what a drill did for `{fault}` is undone");
        assert!(up.stderr.contains(&said), "{}", up.stderr);
        cluster.comes_to_report(&nothing(), fault);
        let found = get(&cluster.scratch, "forgotten", "survivor");
        assert_eq!(found, format!("{survivor}\n"), "{fault}");
    }
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
