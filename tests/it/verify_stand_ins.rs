//! Looks at something that is not a healthy etcd, with stand-ins for what is not available for real: an
//! etcdctl that misbehaves, an etcd 2.x that only repeats what a real one once said, strangers at a member's
//! address.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use camino::Utf8PathBuf;
use expect_test::expect;
use test_attribute::test;
use xtask::change::rehearsals::REHEARSALS;
use xtask::check;
use xtask::commands::Exit;
use xtask::etcd::observe::{observe, statuses};
use xtask::etcd::tools::{Tools, ToolsOrigin};
use xtask::fault::FAULTS;
use xtask::observation::{Look, Observation};
use xtask::plan::identity::EtcdId;
use xtask::plan::{Member, Plan, etcdctl_words};
use xtask::state::Record;
use xtask::values::DriverName;
use xtask::workspace::Workspace;

use crate::network;
use crate::scratch::Scratch;
use crate::support::{program, project};
use crate::verify_support::{as_defined, exit, plan, says};

/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A plan on loopback addresses that no other test uses, on a network that no other checkout uses.
fn on_loopback(network: u8, version: &str) -> Plan {
    network::own();
    let definition = format!("members = 3\n[network]\nsubnet = \"10.77.{network}.0/24\"\n");
    plan("stand-in", &definition)
        .on_loopback()
        .run_by(version.parse().unwrap())
}

/// Answers every connection to these members with the same text, as long as the test runs.
pub(crate) fn serve(plan: &Plan, answer: impl Fn(&str) -> String + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    for member in &plan.members {
        let answer = Arc::clone(&answer);
        serve_at(member, move |request| {
            answer(request.lines().next().unwrap_or_default())
        });
    }
}

/// Answers every connection to this member, depending on the whole request.
fn serve_at(member: &Member, answer: impl Fn(&str) -> String + Send + 'static) {
    let listener = TcpListener::bind((member.address, 2379)).unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let _ = reply(connection.unwrap(), &answer);
        }
    });
}

fn reply(mut connection: TcpStream, answer: &impl Fn(&str) -> String) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let length = connection.read(&mut part)?;
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request);
        if is_whole(&text) {
            return connection.write_all(answer(&text).as_bytes());
        }
        // Some clients connect without a request.
        if length == 0 {
            return Ok(());
        }
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lengths = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse::<usize>().ok()).flatten()
    });
    body.len() >= lengths.next().unwrap_or_default()
}

/// A pair of binaries whose etcdctl is this script.
pub(crate) fn with_etcdctl(scratch: &Scratch, script: &str, version: &str) -> Tools {
    let etcdctl = scratch.root().join("etcdctl");
    program(&etcdctl, script);
    tools(etcdctl, version)
}

pub(crate) fn tools(etcdctl: Utf8PathBuf, version: &str) -> Tools {
    Tools {
        etcd: "/nonexistent/etcd".into(),
        etcdctl,
        version: version.parse().unwrap(),
        origin: ToolsOrigin::Named,
        certificate: None,
        credentials: None,
    }
}

/// The result of querying each member for its status.
fn failures(observation: &Observation) -> String {
    let lines = observation
        .members
        .iter()
        .map(|member| match &member.status {
            Look::Seen(status) => format!("{} seen: {}\n", member.name, status.version),
            Look::Failed(why) => format!("{} failed: {why}\n", member.name),
            Look::NotAsked(why) => format!("{} not asked: {why}\n", member.name),
        });
    lines.collect()
}

/// The result of querying with an etcdctl that is this script, on this network. It appears as "PATH" in the
/// result.
fn asked_with(script: &str, network: u8, patience: Duration) -> String {
    let scratch = Scratch::new();
    let plan = on_loopback(network, "3.6.14");
    serve(&plan, |_| String::new());
    let tools = with_etcdctl(&scratch, script, "3.6.14");
    let seen = observe(&plan, &tools, patience);
    let exit = exit(&check::judge(&plan, &seen));
    let first = failures(&seen).lines().next().unwrap().to_owned();
    let first = first.replace(tools.etcdctl.as_str(), "PATH");
    format!("{first}\n{exit:?}\n")
}

#[test]
fn broken_etcdctl_says_nothing_about_the_cluster() {
    let asked = |script, network| asked_with(script, network, PATIENCE);
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` printed output that this program cannot read (expected value at line 1 column 1): `No help topic for endpoint`
        CouldNotLook
    "#]].assert_eq(&asked("echo 'No help topic for endpoint'", 210));
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` printed nothing
        CouldNotLook
    "#]]
    .assert_eq(&asked("exit 0", 211));
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` exited with status 9
        CouldNotLook
    "#]]
    .assert_eq(&asked("exit 9", 241));
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` exited with status 127: lib.so: not found
        CouldNotLook
    "#]]
    .assert_eq(&asked("echo 'lib.so: not found' >&2; exit 127", 242));
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` exited with status 1: Error: unknown flag: --x
        CouldNotLook
    "#]]
    .assert_eq(&asked("echo 'Error: unknown flag: --x' >&2; exit 1", 243));
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` was killed by SIGSEGV
        CouldNotLook
    "#]]
    .assert_eq(&asked("kill -SEGV $$", 244));
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` exited with status 2: goroutine 1
        CouldNotLook
    "#]]
    .assert_eq(&asked(
        "echo 'panic: no'; echo 'goroutine 1' >&2; exit 2",
        245,
    ));
    // Output with an exit status that reports failure is ignored.
    let believable = r#"[{"Endpoint":"","Status":{"header":{"cluster_id":1,"member_id":2},"version":"3.6.14"}}]"#;
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` exited with status 9: [{"Endpoint":"","Status":{"header":{"cluster_id":1,"member_id":2},"version":"3.6.14"}}]
        CouldNotLook
    "#]].assert_eq(&asked(&format!("echo '{believable}'; exit 9"), 246));
    // It exceeds even its own deadline.
    expect![[r#"
        core-01 not asked: could not be queried: `PATH` did not finish within 4s
        CouldNotLook
    "#]]
    .assert_eq(&asked_with("exec sleep 600", 212, Duration::from_secs(1)));
}

#[test]
fn etcdctl_errors_are_about_the_cluster() {
    let asked = |script, network| asked_with(script, network, PATIENCE);
    expect![[r#"
        core-01 failed: connected, then no answer in time
        Unhealthy
    "#]]
    .assert_eq(&asked(
        "echo 'Error: context deadline exceeded' >&2; exit 1",
        247,
    ));
    let failed = "echo 'Failed to get the status of endpoint x (etcdserver: no)' >&2; exit 1";
    expect![[r#"
        core-01 failed: connected, then etcdserver: no
        Unhealthy
    "#]]
    .assert_eq(&asked(failed, 248));
}

#[test]
fn missing_etcdctl_leaves_everything_unknown() {
    let plan = on_loopback(213, "3.6.14");
    serve(&plan, |_| String::new());
    let tools = tools("/nonexistent/etcdctl".into(), "3.6.14");
    let seen = observe(&plan, &tools, PATIENCE);
    expect![[r#"
        core-01 not asked: could not be queried: `/nonexistent/etcdctl` was not found on this host
        core-02 not asked: could not be queried: `/nonexistent/etcdctl` was not found on this host
        core-03 not asked: could not be queried: `/nonexistent/etcdctl` was not found on this host
    "#]]
    .assert_eq(&failures(&seen));
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::CouldNotLook);
}

/// etcdctl is told which API to use only if it does not know by itself, because 3.6 complains about it. None
/// of the user's own settings reach it.
#[test]
fn stand_in_etcdctl_that_repeats_its_environment() {
    let scratch = Scratch::new();
    let plan = on_loopback(214, "3.6.14");
    serve(&plan, |_| String::new());
    let script = "echo \"Error: API ${ETCDCTL_API-unset}, $*\" >&2; exit 1";
    for version in ["3.3.27", "3.4.23", "3.6.14"] {
        let tools = with_etcdctl(&scratch, script, version);
        let seen = failures(&observe(&plan, &tools, PATIENCE));
        let api = if version == "3.3.27" { "3" } else { "unset" };
        let wanted = format!(
            "core-01 failed: connected, then API {api}, --endpoints=http://127.77.214.101:2379 "
        );
        assert!(seen.starts_with(&wanted), "{seen}");
    }
}

/// Repeats the recorded answers of the member core-01 of a real etcd, in this state of its cluster.
fn recorded(version: &'static str, state: &'static str, request: &str) -> String {
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let call = path.trim_matches('/').replace('/', "_");
    let file = project().join(format!(
        "tests/recorded/{version}/{state}-http-{call}-m1.txt"
    ));
    let Ok(text) = fs::read_to_string(file) else {
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    };
    let (_, answer) = text.split_once("--- stdout\n").unwrap();
    let (answer, _) = answer.split_once("\n--- stderr").unwrap();
    let (head, body) = answer.split_once("\n\n").unwrap();
    let head = head.replace('\n', "\r\n");
    // The recording ends its last line, but the answer did not.
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap();
    let body = &body[..length.parse::<usize>().unwrap().min(body.len())];
    format!(
        "{}\r\nConnection: close\r\n\r\n{body}",
        head.replace(length, &body.len().to_string())
    )
}

#[test]
fn recorded_foreign_etcd_2_is_read_but_not_written_to() {
    for (network, version) in [(215, "2.0.0"), (216, "2.0.13"), (217, "2.3.8")] {
        let plan = on_loopback(network, version);
        serve(&plan, move |request| {
            recorded(version, "10-healthy", request)
        });
        let seen = observe(&plan, &tools("/nonexistent".into(), version), PATIENCE);
        for member in &seen.members {
            let status = member.status.seen().unwrap_or_else(|| panic!("{member:?}"));
            assert_eq!(status.version, version);
            assert_eq!(status.cluster_id, EtcdId(0x9d5_79ad_db6e_9da3));
            assert_eq!(status.member_id, EtcdId(0x6ae2_7f9f_a298_4b1d));
            assert_eq!(status.raft_term, Some(2));
            let list = member.members.seen().unwrap();
            assert_eq!(list.len(), 3);
            // Its addresses differ from the recorded ones, so it is another cluster.
            assert!(
                matches!(&member.write, Look::NotAsked(why) if why == "belongs to another cluster")
            );
        }
    }
}

/// Nothing was ever written to it, so there is no root folder yet.
#[test]
fn recorded_empty_2_0_0_is_foreign_and_not_silent() {
    let plan = on_loopback(230, "2.0.0");
    serve(&plan, |request| {
        recorded("2.0.0", "00-nothing-written", request)
    });
    let tools = tools("/nonexistent".into(), "2.0.0");
    for look in statuses(&plan.members, &tools, PATIENCE) {
        let status = look.seen().unwrap_or_else(|| panic!("{look:?}"));
        assert_eq!(status.cluster_id, EtcdId(0x9d5_79ad_db6e_9da3));
        assert_eq!((status.raft_term, status.raft_index), (None, None));
    }
    let seen = observe(&plan, &tools, PATIENCE);
    // It is one member of that cluster, whatever the number of its addresses.
    let quorum_state = check::judge(&plan, &seen).quorum_state;
    assert_eq!(quorum_state.answering, 1);
    says(
        &plan,
        &seen,
        "identity",
        expect![[r#"
            Fail: expected cluster 1fb893d545e9847c; not checked: core-02 and core-03 do not answer
            - core-01 belongs to cluster 9d579addb6e9da3, which is foreign: neither its token nor its members are known here
              informs: find out who else uses its address, or whose data it runs on
        "#]],
    );
}

/// The first look's write creates the root folder, so what it lacked is there afterwards.
#[test]
fn fake_empty_2_0_0_is_healthy_at_the_first_look() {
    let plan = on_loopback(231, "2.0.0");
    FakeV2::serve(&plan, &[]);
    let mut seen = observe(&plan, &tools("/nonexistent".into(), "2.0.0"), PATIENCE);
    let started = plan.members.iter().map(|member| as_defined(&plan, member));
    seen.started = started.map(Look::Seen).collect();
    seen.data = vec![Look::Seen(true); plan.members.len()];
    let report = check::judge(&plan, &seen);
    assert_eq!(report.health(), check::Health::Healthy, "{report:#?}");
    says(
        &plan,
        &seen,
        "leader",
        expect![[r#"
        Pass: core-01 leads in term 2
    "#]],
    );
    says(
        &plan,
        &seen,
        "lag",
        expect![[r#"
        Pass: at log entry 41
    "#]],
    );
    says(
        &plan,
        &seen,
        "write",
        expect![[r#"
        Pass: written through 3 of 3, read from 3, all removed
    "#]],
    );
}

/// A member that has not applied the first write yet.
#[test]
fn fake_2_0_0_that_stays_empty_has_lost_the_write() {
    let plan = on_loopback(232, "2.0.0");
    FakeV2::serve(&plan, &[2]);
    let seen = observe(&plan, &tools("/nonexistent".into(), "2.0.0"), PATIENCE);
    says(
        &plan,
        &seen,
        "reachable",
        expect![[r#"
        Pass: 3 of 3 answer
    "#]],
    );
    says(
        &plan,
        &seen,
        "leader",
        expect![[r#"
            Skipped: core-01 leads in term 2; not checked: core-03 reported no term
        "#]],
    );
    says(
        &plan,
        &seen,
        "lag",
        expect![[r#"
        Skipped: at log entry 41; not checked: core-03 reported no log position
    "#]],
    );
    says(
        &plan,
        &seen,
        "write",
        expect![[r#"
            Fail: written through 3 of 3, read from 3, all removed
            - core-03 does not have the values written through core-01, core-02 and core-03
              informs: acknowledged writes must be readable everywhere: these members are not one cluster, or their data is damaged; see `identity` and `hash`
        "#]],
    );
}

/// A workspace in which this version of etcd was started, according to its record. Nothing runs.
fn was_started(name: &str, network: u8, version: &str) -> Scratch {
    let definition = format!(
        "members = 3\nfleet = true\n[machine]\nprofile = \"coreos\"\n[etcd]\nversion = \"{version}\"\n\
         [network]\nsubnet = \"10.77.{network}.0/24\"\n"
    );
    let scratch = Scratch::with(name, &definition);
    let etcdctl = scratch.root().join("etcdctl");
    fs::write(&etcdctl, "").unwrap();
    let tools = Tools {
        etcd: etcdctl.clone(),
        ..tools(etcdctl, version)
    };
    Record::new(
        DriverName::Local,
        &plan(name, &definition).on_loopback(),
        &tools,
    )
    .write(&Workspace::at(scratch.root()).home(&name.parse().unwrap()))
    .unwrap();
    scratch
}

/// Versions 2.0.0 and 2.0.1 keep their log in `wal`, all later versions in `member/wal`.
#[test]
fn data_of_every_version_is_found() {
    let scratch = was_started("layouts", 233, "2.0.0");
    let folders = [
        ("core-01", "data/wal"),
        ("core-02", "data/member/wal"),
        ("core-03", "data/snap"),
    ];
    for (member, folder) in folders {
        let members = scratch.root().join(".state/layouts/members");
        let folder = members.join(member).join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("0000000000000000-0000000000000000.wal"), "").unwrap();
    }
    let status = scratch.run(&["status", "layouts"]).expect(0).stdout;
    let runs_as: Vec<&str> = status
        .lines()
        .skip(1)
        .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).nth(2))
        .map(|cell| cell.unwrap().trim())
        .collect();
    assert_eq!(runs_as, ["stopped", "stopped", "no data"], "{status}");
}

#[test]
fn drill_list_says_that_etcd_2_has_no_v3_api() {
    let scratch = was_started("listed", 234, "2.3.8");
    let list = scratch.run(&["drill", "listed"]).expect(0).stdout;
    let parts: Vec<&str> = list.trim_end().split("\n\n").collect();
    let note = "no: etcd 2.3.8 has no v3 API";
    let [faults, of_faults, changes, of_changes] = parts[..] else {
        panic!("{list}")
    };
    assert_eq!([of_faults, of_changes], [note; 2]);
    for (table, all) in [(faults, FAULTS.len()), (changes, REHEARSALS.len())] {
        assert_eq!(table.lines().count(), all + 1);
        for line in table.lines().skip(1) {
            assert!(line.ends_with("  no"), "{line}");
        }
    }
    // Other reasons that prevent a fault are not something to fix.
    for words in [
        &["member-killed"][..],
        &["alarm-no-space"],
        &["all"],
        &["grow"],
    ] {
        let refused = scratch.run(&[&["drill", "listed"], words].concat());
        let refused = refused.expect(2).stderr;
        let fact = "error: etcd 2.3.8 has no v3 API, which a drill's clients use";
        assert!(refused.contains(fact), "{refused}");
    }
    let unknown = scratch.run(&["drill", "listed", "member-kiled"]).expect(2);
    let hint = "did you mean `member-killed`?";
    assert!(unknown.stderr.contains(hint), "{}", unknown.stderr);
}

#[test]
fn env_of_a_fleet_definition_uses_the_v2_api() {
    for (network, version, variables) in [
        (235, "2.0.0", &["ETCDCTL_PEERS"][..]),
        (236, "2.3.8", &["ETCDCTL_ENDPOINT"]),
        (237, "3.2.32", &["ETCDCTL_ENDPOINTS", "ETCDCTL_API=2"]),
        (238, "3.4.23", &["ETCDCTL_ENDPOINTS", "ETCDCTL_API=2"]),
    ] {
        let scratch = was_started("fleet", network, version);
        let env = scratch.run(&["env", "fleet"]).expect(0).stdout;
        let exported: Vec<&str> = env
            .lines()
            .filter_map(|line| line.strip_prefix("export "))
            .map(|line| match line.split_once('=') {
                Some(("ETCDCTL_API", _)) | None => line,
                Some((name, _)) => name,
            })
            .filter(|line| !["PATH", "FLEETCTL_ENDPOINT", "XTASK_ETCDCTL_FOLDER"].contains(line))
            .collect();
        assert_eq!(exported, variables, "{env}");
    }
}

/// 2.x has no `put`, and in 3.x only commands of 2.x show fleet's keys.
#[test]
fn put_command_matches_the_etcd_version() {
    let put = |version: &str, fleet| {
        etcdctl_words::put(version.parse().unwrap(), fleet, "greeting", "hello")
    };
    assert_eq!(put("2.0.0", false), "set greeting hello");
    assert_eq!(put("2.3.8", true), "set greeting hello");
    assert_eq!(put("3.4.23", true), "set greeting hello");
    assert_eq!(put("3.4.23", false), "put greeting hello");
    assert_eq!(put("3.6.14", true), "put greeting hello");
}

/// A fake of an etcd 2.0.0 to which nothing was written yet: one key store behind the addresses of all
/// members, which answers what the real one was recorded to answer.
struct FakeV2 {
    plan: Plan,
    /// The members that never see any key.
    empty: Vec<usize>,
    keys: Mutex<Option<BTreeMap<String, String>>>,
}

impl FakeV2 {
    fn serve(plan: &Plan, empty: &[usize]) {
        let fake = Arc::new(Self {
            plan: plan.clone(),
            empty: empty.to_vec(),
            keys: Mutex::new(None),
        });
        for (index, member) in plan.members.iter().enumerate() {
            let fake = Arc::clone(&fake);
            serve_at(member, move |request| fake.answer(index, request));
        }
    }

    fn answer(&self, index: usize, request: &str) -> String {
        let (head, form) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let mut words = head.split(' ');
        let (method, url) = (words.next().unwrap(), words.next().unwrap());
        let path = url.split('?').next().unwrap();
        let id = |index: usize| self.plan.members[index].id;
        match path {
            "/version" => self.http(
                200,
                "",
                r#"{"releaseVersion":"2.0.0","internalVersion":"2"}"#,
            ),
            "/v2/stats/self" => self.http(
                200,
                "",
                &format!(
                    r#"{{"id":"{}","leaderInfo":{{"leader":"{}"}}}}"#,
                    id(index),
                    id(0)
                ),
            ),
            "/v2/members" => {
                let members = self.plan.members.iter().map(|member| {
                    format!(
                        r#"{{"id":"{}","name":"{}","peerURLs":["{}"],"clientURLs":["{}"]}}"#,
                        member.id,
                        member.name,
                        member.peer_url(),
                        member.client_url()
                    )
                });
                let members: Vec<String> = members.collect();
                self.http(
                    200,
                    "",
                    &format!(r#"{{"members":[{}]}}"#, members.join(",")),
                )
            }
            _ => self.answer_of_keys(index, method, path.strip_prefix("/v2/keys").unwrap(), form),
        }
    }

    fn answer_of_keys(&self, index: usize, method: &str, key: &str, form: &str) -> String {
        const SEEN: &str = "X-Etcd-Index: 7\r\nX-Raft-Index: 41\r\nX-Raft-Term: 2\r\n";
        let mut keys = self.keys.lock().unwrap();
        let nothing = self.http(
            404,
            "X-Etcd-Index: 6\r\n",
            r#"{"errorCode":100,"message":"Key not found","index":6}"#,
        );
        if method == "PUT" {
            let value = form.split('&').find_map(|pair| pair.strip_prefix("value="));
            let value = value.unwrap().replace('+', " ");
            keys.get_or_insert_default().insert(key.to_owned(), value);
            return self.http(201, SEEN, r#"{"action":"set"}"#);
        }
        let keys = match &mut *keys {
            Some(keys) if !self.empty.contains(&index) => keys,
            _ => return nothing,
        };
        if method == "DELETE" {
            keys.retain(|other, _| !other.starts_with(key));
            return self.http(200, SEEN, r#"{"action":"delete"}"#);
        }
        let folder = format!("{}/", key.trim_end_matches('/'));
        let found = keys.iter().filter(|(key, _)| key.starts_with(&folder));
        let found = found.map(|(key, value)| format!(r#"{{"key":"{key}","value":"{value}"}}"#));
        let found: Vec<String> = found.collect();
        if found.is_empty() && key != "/" {
            return nothing;
        }
        let nodes = found.join(",");
        self.http(
            200,
            SEEN,
            &format!(r#"{{"action":"get","node":{{"dir":true,"nodes":[{nodes}]}}}}"#),
        )
    }

    fn http(&self, status: u16, headers: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status} Fake\r\nX-Etcd-Cluster-Id: {}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.plan.cluster_id,
            body.len()
        )
    }
}

#[test]
fn stand_in_that_redirects_is_not_followed() {
    let elsewhere = TcpListener::bind("127.77.218.109:2379").unwrap();
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    thread::spawn(move || {
        for connection in elsewhere.incoming() {
            drop(connection);
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let plan = on_loopback(218, "2.3.8");
    serve(&plan, |_| {
        "HTTP/1.1 302 Found\r\nLocation: http://127.77.218.109:2379/version\r\nContent-Length: 0\r\n\r\n".to_owned()
    });
    let seen = observe(&plan, &tools("/nonexistent".into(), "2.3.8"), PATIENCE);
    expect![[r#"
        core-01 failed: connected, then HTTP status 302
        core-02 failed: connected, then HTTP status 302
        core-03 failed: connected, then HTTP status 302
    "#]]
    .assert_eq(&failures(&seen));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[test]
fn other_servers_at_a_members_address_are_not_etcd_2() {
    let plan = on_loopback(219, "2.3.8");
    serve(&plan, |_| "SSH-2.0-stranger\r\n".to_owned());
    let seen = observe(&plan, &tools("/nonexistent".into(), "2.3.8"), PATIENCE);
    expect![[r#"
        core-01 failed: connected, then the answer is not HTTP
        core-02 failed: connected, then the answer is not HTTP
        core-03 failed: connected, then the answer is not HTTP
    "#]]
    .assert_eq(&failures(&seen));

    let plan = on_loopback(220, "2.3.8");
    serve(&plan, |_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>".to_owned()
    });
    let seen = observe(&plan, &tools("/nonexistent".into(), "2.3.8"), PATIENCE);
    expect![[r#"
        core-01 failed: connected, then the answer for `/v2/stats/self` is not from an etcd 2.x: `<html>hi</html>`
        core-02 failed: connected, then the answer for `/v2/stats/self` is not from an etcd 2.x: `<html>hi</html>`
        core-03 failed: connected, then the answer for `/v2/stats/self` is not from an etcd 2.x: `<html>hi</html>`
    "#]].assert_eq(&failures(&seen));
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::Unhealthy);
}
