//! `verify` against real clusters of real etcd, healthy and broken ones.

use std::fs;
use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use test_attribute::test;
use xtask::check;
use xtask::etcd::observe::{PATIENCE, observe};

use crate::etcd_binaries::{packaged, tools};
use crate::harness::not_run;
use crate::local_support;
use crate::scratch::{Ran, Scratch};
use crate::support::{copy_programs, look_for, look_until, pipe};
use crate::verify_support::plan;
use xtask::judgement::Verdict;

/// A started cluster on a network that no other test uses.
struct Cluster {
    scratch: Scratch,
    name: &'static str,
    definition: String,
}

impl Cluster {
    fn start(name: &'static str, network: u8, more: &str) -> Self {
        Self::of(3, name, network, more)
    }

    /// A cluster of a single member, for tests that more members would only repeat.
    fn start_one(name: &'static str, network: u8, more: &str) -> Self {
        Self::of(1, name, network, more)
    }

    fn of(members: u8, name: &'static str, network: u8, more: &str) -> Self {
        let network = format!("[network]\nsubnet = \"10.77.{network}.0/24\"\n");
        let definition = format!("members = {members}\n{network}[etcd]\n{more}");
        let scratch = Scratch::with(name, &definition);
        let cluster = Self {
            scratch,
            name,
            definition,
        };
        cluster.up().expect(0);
        cluster
    }

    fn up(&self) -> Ran {
        local_support::up(&self.scratch, self.name)
    }

    /// The JSON of `verify` once it exits with this status. A busy host may need more than one look.
    fn verify(&self, status: i32) -> Verified {
        self.verify_until(status, |_| true)
    }

    /// The same once it also contains this text.
    fn verify_until(&self, status: i32, is_so: impl Fn(&Verified) -> bool) -> Verified {
        let verify = ["verify", self.name, "--format", "json"];
        let ran = look_until(
            || self.scratch.run(&verify),
            |ran| ran.status == Some(status) && Verified::of(ran).is_some_and(|seen| is_so(&seen)),
        );
        Verified::of(&ran.expect(status)).unwrap()
    }

    fn status(&self) -> Value {
        let status = ["status", self.name, "--format", "json"];
        let status = self.scratch.run(&status).expect(0).stdout;
        serde_json::from_str(&status).unwrap()
    }

    fn etcdctl(&self, arguments: &[&str]) -> Ran {
        local_support::etcdctl(&self.scratch, self.name, arguments)
    }

    /// Writes until etcd raises the alarm. Which write is the last accepted one is a matter of timing,
    /// because the size that is compared with the quota follows the writes a little later.
    fn fill(&self) {
        let value = "x".repeat(400 << 10);
        for _ in 0..50 {
            let mut put = self
                .scratch
                .command(&["etcdctl", "--cluster", self.name, "--", "put", "large"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // It may be refused before everything is read.
            let _ = put.stdin.take().unwrap().write_all(value.as_bytes());
            put.wait().unwrap();
            if self.etcdctl(&["alarm", "list"]).stdout.contains("NOSPACE") {
                return;
            }
        }
        panic!("no alarm was raised");
    }

    fn signal(&self, member: &str, signal: Signal) {
        let path = format!(".state/{}/members/{member}/pid", self.name);
        let id = fs::read_to_string(self.scratch.root().join(path)).unwrap();
        kill(Pid::from_raw(id.trim().parse().unwrap()), signal).unwrap();
    }
}

/// The output of `verify --format json`.
struct Verified(Value);

impl Verified {
    fn of(ran: &Ran) -> Option<Self> {
        serde_json::from_str(&ran.stdout).ok().map(Self)
    }

    /// The verdict of a check, and its whole text.
    fn check(&self, name: &str) -> (String, String) {
        let checks = self.0["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        let verdict = check["verdict"].as_str().unwrap().to_owned();
        (verdict, check.to_string())
    }

    #[track_caller]
    fn expect(&self, name: &str, verdict: &str, says: &str) {
        let (actual, all) = self.check(name);
        assert_eq!(actual, verdict, "{all}");
        assert!(all.contains(says), "{all}");
    }
}

#[test]
fn healthy_cluster_passes_and_is_left_unchanged() {
    let cluster = Cluster::start("proven", 200, "");
    cluster.etcdctl(&["put", "greeting", "hello"]).expect(0);
    let expected = |check: &Value| match check["name"].as_str().unwrap() {
        "version" => "warn",
        _ => "pass",
    };
    let verified = cluster.verify_until(0, |verified| {
        let checks = verified.0["checks"].as_array().unwrap();
        checks
            .iter()
            .all(|check| check["verdict"] == expected(check))
    });
    assert_eq!(verified.0["health"], "healthy");
    assert_eq!(verified.0["quorum"]["may_fail"], 1);
    for check in verified.0["checks"].as_array().unwrap() {
        assert_eq!(check["verdict"], expected(check), "{check}");
    }
    verified.expect("version", "warn", "stands in for the pinned");

    // What one look could not remove expires with its lease, and the next one leaves nothing.
    let left = look_for(
        Duration::from_secs(180),
        || {
            cluster.verify(0);
            let keys = cluster.etcdctl(&["get", "", "--prefix", "--keys-only"]);
            let leases = cluster.etcdctl(&["lease", "list"]);
            (keys.expect(0).stdout, leases.expect(0).stdout)
        },
        |(keys, leases)| keys.trim() == "greeting" && leases.contains("found 0 leases"),
    );
    assert_eq!(left.0.trim(), "greeting");
    assert!(left.1.contains("found 0 leases"), "{}", left.1);

    // The user's own settings are for the user's clusters.
    let mut table = cluster
        .scratch
        .command(&["verify", "proven", "--wait", "60s"]);
    table
        .env("ETCDCTL_ENDPOINTS", "http://127.0.0.1:1")
        .env("ETCDCTL_COMMAND_TIMEOUT", "1ns")
        .env("HTTPS_PROXY", "http://127.0.0.1:1");
    let table = look_until(
        || Ran::from(table.output().unwrap()),
        // Otherwise it had to wait, and says for what.
        |table| table.status == Some(0) && table.stderr.is_empty(),
    );
    let table = table.expect(0);
    let first = table.stdout.lines().next().unwrap().to_owned();
    assert!(
        first.starts_with("proven is healthy: 3 of 3 members, leader core-0"),
        "{first}"
    );
    assert!(first.ends_with(", 1 more may fail"), "{first}");
    assert_eq!(table.stderr, "");
    assert!(!table.stdout.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn killed_members_are_named_until_they_are_back() {
    let cluster = Cluster::start("killed", 201, "");
    cluster.signal("core-03", Signal::SIGKILL);
    let verified = cluster.verify_until(1, |verified| {
        let (_, reachable) = verified.check("reachable");
        let others = reachable.contains("core-01") || reachable.contains("core-02");
        !others && reachable.contains("connection refused")
    });
    verified.expect("reachable", "fail", "core-03");
    verified.expect("reachable", "fail", "connection refused");
    let (_, reachable) = verified.check("reachable");
    assert!(
        !reachable.contains("core-01") && !reachable.contains("core-02"),
        "{reachable}"
    );

    // If the leader was killed, the quorum needs an election first.
    cluster.verify_until(1, |verified| verified.check("quorum").0 == "warn");
    let waited = cluster
        .scratch
        .run(&["verify", "killed", "--format", "json", "--wait", "1s"])
        .expect(1);
    assert!(
        waited.stderr.contains("after 1s, still missing: reachable"),
        "{}",
        waited.stderr
    );
    let verified = Verified(serde_json::from_str(&waited.stdout).unwrap());
    verified.expect("quorum", "warn", "no more may fail");
    verified.expect(
        "identity",
        "skipped",
        "not checked: core-03 does not answer",
    );
    assert_eq!(verified.0["quorum"]["holds"], true);
    assert_eq!(verified.0["quorum"]["may_fail"], 0);

    cluster.signal("core-02", Signal::SIGKILL);
    // The remaining members follow the leader until they miss its heartbeats.
    let verified = cluster.verify_until(1, |verified| verified.0["quorum"]["holds"] == false);
    assert_eq!(verified.0["quorum"]["holds"], false);
    verified.expect("quorum", "fail", "no quorum");

    cluster.signal("core-01", Signal::SIGKILL);
    let verified = cluster.verify_until(1, |verified| {
        verified.0["summary"] == "killed is unhealthy: no member answered"
    });
    assert_eq!(
        verified.0["summary"],
        "killed is unhealthy: no member answered"
    );

    cluster.up().expect(0);
}

#[test]
fn waiting_ends_when_a_member_is_back() {
    let cluster = Cluster::start_one("waiting", 202, "");
    cluster.signal("core-01", Signal::SIGKILL);
    let waiting = cluster
        .scratch
        .command(&["verify", "waiting", "--wait", "5m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cluster.up().expect(0);
    let waited = Ran::from(waiting.wait_with_output().unwrap()).expect(0);
    assert!(
        waited.stdout.starts_with("waiting is healthy"),
        "{}",
        waited.stdout
    );
}

#[test]
fn hanging_member_does_not_delay_the_others() {
    let cluster = Cluster::start("hanging", 203, "");
    cluster.signal("core-02", Signal::SIGSTOP);
    let answering = |verified: &Verified| -> Vec<bool> {
        let members = verified.0["members"].as_array().unwrap().iter();
        members.map(|member| member["answers"] == true).collect()
    };
    let verified = cluster.verify_until(1, |verified| answering(verified) == [true, false, true]);
    cluster.signal("core-02", Signal::SIGCONT);
    verified.expect("reachable", "fail", "connected, then no answer in time");
    assert_eq!(answering(&verified), [true, false, true]);
}

#[test]
fn first_look_finds_members_of_different_snapshots() {
    let cluster = Cluster::start("restored", 233, "");
    let root = cluster.scratch.root();
    let snapshot = |name: &str| root.join(name);
    let save = |name: &str| {
        let saved = Command::new(&tools().etcdctl)
            .arg("--endpoints=http://127.77.233.101:2379")
            .args(["snapshot", "save", snapshot(name).as_str()])
            .output()
            .unwrap();
        Ran::from(saved).expect(0);
    };
    save("older");
    for number in 0..20 {
        cluster
            .etcdctl(&["put", &format!("lost-{number}"), "x"])
            .expect(0);
    }
    save("newer");
    cluster.scratch.run(&["down", "restored"]).expect(0);
    let plan = plan("restored", &cluster.definition).on_loopback();
    for member in &plan.members {
        let name = &member.name;
        let data = root.join(format!(".state/restored/members/{name}/data"));
        fs::remove_dir_all(&data).unwrap();
        let which = if name.as_str() == "core-02" {
            "older"
        } else {
            "newer"
        };
        let restored = Command::new(&tools().etcdctl)
            .args(["snapshot", "restore", snapshot(which).as_str()])
            .arg(format!("--name={name}"))
            .arg(format!("--initial-cluster={}", plan.initial_cluster()))
            .arg(format!("--initial-cluster-token={}", plan.etcd.token))
            .arg(format!(
                "--initial-advertise-peer-urls={}",
                member.peer_url()
            ))
            .arg(format!("--data-dir={data}"))
            .output()
            .unwrap();
        Ran::from(restored).expect(0);
    }
    fs::remove_file(root.join(".state/restored/seen.json")).unwrap();
    let up = cluster.up().expect(1);
    assert!(
        up.stdout
            .contains("hash: core-02 holds different data from core-01 and core-03"),
        "{}",
        up.stdout
    );
    // It never looked healthy.
    assert!(!up.stdout.contains("is healthy"), "{}", up.stdout);
}

/// Replaces a program with this script. Another process writes it (see [`write_program`]).
fn replace(program: &camino::Utf8Path, script: &str) {
    let replace =
        format!("({script}) > \"$0.new\" && chmod 755 \"$0.new\" && mv \"$0.new\" \"$0\"");
    pipe(
        Command::new("sh").args(["-c", &replace, program.as_str()]),
        "",
    );
}

/// Forwards connections from one address to another, as long as the test runs. A member that was killed there
/// may hold the address for a moment.
fn pass_on(from: &str, to: &'static str) {
    let listener = look_until(|| TcpListener::bind(from), Result::is_ok).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
            let copies = [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ];
            for (mut from, mut to) in copies {
                thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
}

#[test]
fn member_behind_two_addresses_counts_once() {
    let cluster = Cluster::start("forwarded", 230, "");
    cluster.signal("core-01", Signal::SIGKILL);
    pass_on("127.77.230.101:2379", "127.77.230.102:2379");
    // If the leader was killed, the others need an election before they agree on anything.
    let verified = cluster.verify_until(1, |verified| {
        verified.0["quorum"]["able"] == 2 && verified.check("quorum").0 == "warn"
    });
    assert_eq!(verified.0["quorum"]["able"], 2);
    assert_eq!(verified.0["quorum"]["may_fail"], 0);
    assert_eq!(verified.0["members"][0]["answers"], false);
    verified.expect("quorum", "warn", "no more may fail");
    verified.expect("reachable", "fail", "core-02 answers at two addresses");
    assert_eq!(cluster.status()["members"][0]["answers"], false);
    // The hint names what listens there.
    let up = cluster.up().expect(5);
    let listener = format!("process {}", std::process::id());
    assert!(up.stderr.contains(&listener), "{}", up.stderr);
}

#[test]
fn broken_etcdctl_is_replaced_and_no_failure_of_members() {
    let scratch = Scratch::with(
        "broken",
        "members = 3\n[network]\nsubnet = \"10.77.232.0/24\"\n",
    );
    let folder = scratch.root().join("etcd");
    fs::create_dir(&folder).unwrap();
    copy_programs(packaged(), &folder, &["etcd", "etcdctl"]);
    let up = [
        "up",
        "broken",
        "--etcd-dir",
        folder.as_str(),
        "--timeout",
        "5m",
    ];
    scratch.run(&up).expect(0);
    let etcdctl = folder.join("etcdctl");
    let truncated = format!("head -c 100000 {}/etcdctl", packaged());
    let printing_nothing = "echo '#!/bin/sh'";
    for broken in [
        printing_nothing,
        "echo '#!/bin/sh'; echo 'echo {}'",
        "echo '#!/bin/sh'; echo 'kill -9 $$'",
        &truncated,
    ] {
        replace(&etcdctl, broken);
        let verify = scratch.run(&["verify", "broken"]).expect(4);
        let first = verify.stdout.lines().next().unwrap();
        assert_eq!(first, "broken: health unknown: no member could be queried");
        assert!(
            verify.stdout.contains(etcdctl.as_str()),
            "{}",
            verify.stdout
        );
        let status = scratch.run(&["status", "broken"]).expect(4);
        assert!(status.stdout.contains("not asked"), "{}", status.stdout);
        assert!(
            status.stderr.contains(etcdctl.as_str()),
            "{}",
            status.stderr
        );
    }
    let drill = scratch.run(&["drill", "broken", "member-killed"]).expect(4);
    assert!(drill.stderr.contains("health unknown"), "{}", drill.stderr);
    // As the hint says: it finds another etcdctl, here on PATH, and keeps it.
    let path = format!("{}:/usr/bin:/bin", packaged());
    let mut up = scratch.command(&["up", "broken", "--timeout", "5m"]);
    let healed = Ran::from(up.env("PATH", path).output().unwrap()).expect(0);
    assert!(
        healed.stderr.contains("looking for another"),
        "{}",
        healed.stderr
    );
    scratch
        .run(&["verify", "broken", "--wait", "60s"])
        .expect(0);
    // Even if none is found, members are stopped.
    replace(&etcdctl, printing_nothing);
    scratch.run(&["down", "broken"]).expect(0);
}

#[test]
fn swapped_data_folders_differ_from_swapped_addresses() {
    let cluster = Cluster::start("swapped", 231, "");
    cluster.scratch.run(&["down", "swapped"]).expect(0);
    let members = cluster.scratch.root().join(".state/swapped/members");
    let exchange = || {
        let data = |member: &str| members.join(member).join("data");
        fs::rename(data("core-01"), members.join("aside")).unwrap();
        fs::rename(data("core-02"), data("core-01")).unwrap();
        fs::rename(members.join("aside"), data("core-02")).unwrap();
    };
    exchange();
    let up = ["up", "swapped", "--timeout", "20s"];
    let ended = cluster.scratch.run(&up);
    assert_ne!(ended.status, Some(0), "{}", ended.stderr);
    // One of the two may have exited by then.
    let is_told = |verified: &Verified| {
        let (_, identity) = verified.check("identity");
        identity.contains("run on each other's data") || identity.contains("runs on the data of")
    };
    let verified = cluster.verify_until(1, is_told);
    let all = verified.0.to_string();
    assert!(is_told(&verified), "{all}");
    assert!(!all.contains("member update"), "{all}");
    assert!(!all.contains("forwards"), "{all}");
    // The exact words of the hint.
    cluster.scratch.run(&["down", "swapped"]).expect(0);
    exchange();
    cluster.up().expect(0);
}

#[test]
fn cluster_of_another_generation_is_not_written_to() {
    let cluster = Cluster::start_one("other", 204, "generation = 1\n");
    let changed = cluster
        .definition
        .replace("generation = 1", "generation = 2");
    cluster.scratch.define("other", &changed);
    let before = cluster
        .etcdctl(&["get", "x", "-w", "fields"])
        .expect(0)
        .stdout;
    let ran = cluster
        .scratch
        .run(&["verify", "other", "--format", "json"])
        .expect(1);
    let verified = Verified(serde_json::from_str(&ran.stdout).unwrap());
    verified.expect(
        "definition",
        "fail",
        "the token was `other-1` and is now `other-2`",
    );
    verified.expect(
        "identity",
        "fail",
        "started with the token `other-1`, not `other-2`",
    );
    verified.expect("write", "skipped", "core-01 belongs to another cluster");
    let after = cluster
        .etcdctl(&["get", "x", "-w", "fields"])
        .expect(0)
        .stdout;
    let revision = |fields: &str| {
        fields
            .lines()
            .find(|line| line.contains("Revision"))
            .map(str::to_owned)
    };
    assert!(revision(&before).is_some());
    assert_eq!(revision(&before), revision(&after));
}

#[test]
fn undefined_members_are_found() {
    let cluster = Cluster::start("extra", 205, "");
    let url = "--peer-urls=http://127.77.205.109:2380";
    // etcd accepts no new member until the others have been connected for five seconds.
    let (_open, never) = mpsc::channel::<()>();
    let added = (0..60).any(|_| {
        let add = cluster.etcdctl(&["member", "add", "core-09", "--learner", url]);
        add.status == Some(0) || {
            let _ = never.recv_timeout(Duration::from_millis(250));
            false
        }
    });
    assert!(added);
    let verified = cluster.verify(1);
    verified.expect("members", "fail", "is not defined");
    verified.expect("members", "fail", "http://127.77.205.109:2380");
    // It is a learner, so it does not affect the quorum.
    assert_eq!(verified.0["quorum"]["voters"], 3);
    verified.expect("quorum", "pass", "1 more may fail");
}

/// They are members until the change is applied.
#[test]
fn members_that_left_the_definition_are_checked() {
    let cluster = Cluster::start("shrunk", 233, "");
    let one = "members = 1\n[network]\nsubnet = \"10.77.233.0/24\"\n";
    cluster.scratch.define("shrunk", one);
    let verified = cluster.verify(1);
    verified.expect("definition", "fail", "");
    verified.expect("quorum", "pass", "1 more may fail");
    assert_eq!(verified.0["quorum"]["holds"], true);
}

#[test]
fn full_database_raises_an_alarm_and_fails_writes() {
    let cluster = Cluster::start_one("full", 206, "quota = \"1MiB\"\n");
    cluster.fill();
    let verified = cluster.verify(1);
    verified.expect("alarms", "fail", "NOSPACE");
    // Whether the last accepted write exceeds the quota is a matter of timing.
    let (_, database) = verified.check("database");
    assert!(database.contains("of the quota"), "{database}");
    verified.expect("write", "fail", "database space exceeded");
    verified.expect("quorum", "pass", "");
    // `up` does not wait for it to end, and says what it is.
    let up = cluster.up().expect(1).stdout;
    assert!(up.contains("error: alarms: core-01"), "{up}");
}

/// The part of etcd 3.4 and 3.5 that serves clients of 2.x stands in for an etcd 2.x: the queries and answers
/// over HTTP are the same, only the version differs.
#[test]
fn v2_api_is_queried_over_http() {
    let cluster = Cluster::start(
        "older",
        207,
        "version = \"3.5.33\"\n[etcd.flags]\nenable-v2 = true\n",
    );
    if !tools().version.has_v2_api() {
        not_run(format!("etcd {} has no v2 API", tools().version));
    }
    let plan = plan("older", &cluster.definition)
        .on_loopback()
        .run_by("2.3.8".parse().unwrap());
    let seen = observe(&plan, tools(), PATIENCE);
    let report = check::judge(&plan, &seen);
    for checked in &report.checks {
        let expected = match checked.name {
            "version" => Verdict::Fail,
            // The processes were not inspected.
            "flags" | "data" => Verdict::Skipped,
            "peers" | "pace" | "alarms" | "database" | "hash" | "history" => Verdict::NotApplicable,
            _ => Verdict::Pass,
        };
        assert_eq!(checked.judgement.verdict, expected, "{checked:#?}");
    }
    let url = format!("{}/v2/keys/?quorum=true", plan.members[0].client_url());
    let keys = minreq::get(url).send().unwrap();
    assert!(
        !keys.as_str().unwrap().contains("xtask-verify"),
        "{:?}",
        keys.as_str()
    );
}

#[test]
fn cluster_that_was_never_started_cannot_be_verified() {
    let scratch = Scratch::with("never", "members = 3\n");
    let ran = scratch.run(&["verify", "never"]).expect(4);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.contains("cargo xtask up never"),
        "{}",
        ran.stderr
    );
}

#[test]
fn invalid_definition_and_usage_have_their_own_status() {
    let scratch = Scratch::with("wrong", "members = 2\n");
    scratch.run(&["verify", "wrong"]).expect(3);
    scratch.run(&["verify", "absent"]).expect(3);
    scratch
        .run(&["verify", "wrong", "--format", "xml"])
        .expect(2);
    scratch
        .run(&["verify", "wrong", "--wait", "soon"])
        .expect(2);
}

#[test]
fn checks_that_need_authentication_are_skipped() {
    let cluster = Cluster::start_one("guarded", 208, "");
    for arguments in [
        &["user", "add", "root:secret"][..],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        cluster.etcdctl(arguments).expect(0);
    }
    let verified = cluster.verify(4);
    assert_eq!(verified.0["health"], "not-proven");
    verified.expect("identity", "pass", "as predicted");
    for check in ["hash", "write"] {
        verified.expect(check, "skipped", "has authentication enabled");
    }
}

#[test]
fn recreated_cluster_is_reported_until_its_note_is_removed() {
    let cluster = Cluster::start_one("anew", 208, "");
    for number in ["1", "2", "3", "4", "5"] {
        cluster.etcdctl(&["put", "key", number]).expect(0);
    }
    cluster.verify(0);
    // `up` re-creates it only if nothing tells it about the old data.
    let seen = cluster.scratch.root().join(".state/anew/seen.json");
    let before = fs::read_to_string(&seen).unwrap();
    let destroy = ["destroy", "anew", "--yes"];
    cluster.scratch.run(&destroy).expect(0);
    cluster.up().expect(0);
    fs::write(&seen, before).unwrap();

    let up = cluster.up().expect(1);
    assert!(
        up.stderr.contains("lost data does not come back"),
        "{}",
        up.stderr
    );
    // By now, the looks themselves have written more than there was.
    for _ in 0..8 {
        cluster.verify(1).expect("history", "fail", "data is lost");
    }
    fs::remove_file(seen).unwrap();
    cluster.verify(0);
    cluster
        .verify(0)
        .expect("history", "pass", "all members reached");
}
