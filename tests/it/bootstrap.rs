//! What a member without data does, by the start script of machines and by the local driver: both are given the
//! same answers of the other members.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use camino::Utf8Path;
use expect_test::expect;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use test_attribute::test;
use xtask::bootstrap::{Answer, Decision, Identity, Newcomer, handed_over};
use xtask::etcd::http::Sender;
use xtask::etcd::peers;
use xtask::plan::identity::EtcdId;
use xtask::plan::{Member, Plan};
use xtask::render::{self, LOST_DATA};

use crate::local_support::{get, processes, put, runs, up};
use crate::scratch::Scratch;
use crate::support::{look_until, read_yaml_1_1};
use crate::verify_support::plan;

/// What another member says.
#[derive(Clone)]
enum Says {
    /// Nothing listens.
    Nothing,
    /// It accepts the connection, and closes it.
    GoodBye,
    /// Its cluster's ID, and the entries of its list.
    List(EtcdId, Vec<String>),
    /// This HTTP answer.
    Http(&'static str),
}

/// A member without data, and what it finds.
struct Case {
    name: &'static str,
    had_data: bool,
    joining: Option<Identity>,
    others: [Says; 2],
    /// What a member says that is not defined, but was handed over.
    handed_over: Option<Says>,
}

/// A member that is not defined.
fn former(plan: &Plan) -> Member {
    let [a, b, c, _] = plan.members[0].address.octets();
    let address = Ipv4Addr::new(a, b, c, 109);
    Member::new(
        "core-09".parse().unwrap(),
        address,
        plan.ports(),
        plan.scheme(),
        &plan.etcd.token,
    )
}

/// Addresses that no other test and no other case uses: a program that another test starts may keep a port for a
/// moment after it was closed here.
fn plan_of(case: usize) -> Plan {
    let definition = format!("members = 3\n[network]\nsubnet = \"10.86.{case}.0/24\"\n");
    plan("default", &definition).on_loopback()
}

/// The ID of a member that was added to a running cluster.
const ADDED: EtcdId = EtcdId(0xd5f0_4061_f7c9_052d);

pub(crate) fn entry(id: EtcdId, url: &str, name: &str, is_started: bool) -> String {
    let mut entry = format!("\"id\":{},\"peerURLs\":[\"{url}\"]", id.0);
    if !name.is_empty() {
        entry += &format!(",\"name\":\"{name}\"");
    }
    if is_started {
        entry += &format!(",\"clientURLs\":[\"{}\"]", url.replace(":2380", ":2379"));
    }
    entry
}

fn of(member: &Member, is_started: bool) -> String {
    entry(
        member.id,
        &member.peer_url(),
        member.name.as_str(),
        is_started,
    )
}

fn cases(plan: &Plan) -> Vec<Case> {
    let [first, second, third] = &plan.members[..] else {
        panic!("three members")
    };
    let ours = plan.cluster_id;
    let other = EtcdId(0xfeed);
    let founding = Says::List(
        ours,
        vec![of(first, false), of(second, true), of(third, true)],
    );
    let serving = Says::List(
        ours,
        vec![of(first, true), of(second, true), of(third, true)],
    );
    let without = Says::List(ours, vec![of(second, true), of(third, true)]);
    let expecting = |cluster| {
        let added = entry(ADDED, &first.peer_url(), "", false);
        Says::List(cluster, vec![of(second, true), of(third, true), added])
    };
    let added = |is_started| {
        let name = if is_started { "core-01" } else { "" };
        let added = entry(ADDED, &first.peer_url(), name, is_started);
        Says::List(ours, vec![of(second, true), of(third, true), added])
    };
    let learner = entry(ADDED, &first.peer_url(), "", false) + ",\"isLearner\":true";
    let learner = Says::List(ours, vec![of(second, true), learner, of(third, true)]);
    let taken = entry(second.id, &first.peer_url(), "stranger", true);
    let taken = Says::List(ours, vec![taken, of(third, true)]);
    let joining = Some(Identity {
        cluster: ours,
        member: ADDED,
    });
    let nothing = || [Says::Nothing, Says::Nothing];
    let case = |name, others| Case {
        name,
        had_data: false,
        joining: None,
        others,
        handed_over: None,
    };
    let with_data = |name, others| Case {
        had_data: true,
        ..case(name, others)
    };
    let joins = |name, others| Case {
        joining,
        ..case(name, others)
    };
    vec![
        case("first of all", nothing()),
        case("second of all", [founding.clone(), Says::Nothing]),
        case("last of all", [founding.clone(), founding.clone()]),
        case("lost its data", [serving.clone(), Says::Nothing]),
        case(
            "one has not heard of it",
            [founding.clone(), serving.clone()],
        ),
        case("not added yet", [without.clone(), Says::Nothing]),
        case("added", [Says::Nothing, expecting(ours)]),
        case("added as a learner", [learner.clone(), Says::Nothing]),
        case(
            "added to a cluster of others",
            [expecting(other), Says::Nothing],
        ),
        case(
            "added, and one does not know",
            [without.clone(), expecting(ours)],
        ),
        case("added, and lost its data", [added(true), Says::Nothing]),
        case(
            "foreign cluster",
            [Says::List(other, vec![of(second, true)]), Says::Nothing],
        ),
        case(
            "founder of a cluster with other members",
            [
                Says::List(other, vec![of(first, false), of(second, true)]),
                Says::Nothing,
            ],
        ),
        case("address of another", [taken, Says::Nothing]),
        case(
            "not etcd",
            [
                Says::Http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                Says::Nothing,
            ],
        ),
        case(
            "refuses",
            [
                Says::Http("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
                Says::Nothing,
            ],
        ),
        case(
            "redirects",
            [
                Says::Http("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
                Says::Nothing,
            ],
        ),
        case("only TCP", [Says::GoodBye, Says::Nothing]),
        case(
            "one is unclear, one expects it",
            [Says::GoodBye, expecting(ours)],
        ),
        case(
            "one is unclear, one knows better",
            [Says::GoodBye, serving.clone()],
        ),
        with_data("had data, and none answers", nothing()),
        with_data(
            "had data, and it is not known",
            [founding.clone(), Says::Nothing],
        ),
        with_data(
            "had data, and was added again",
            [expecting(ours), Says::Nothing],
        ),
        with_data("had data, and waits", [without.clone(), Says::Nothing]),
        joins("joins, and none answers", nothing()),
        Case {
            handed_over: Some(added(false)),
            ..joins("joins what it was told of", nothing())
        },
        joins("joins", [added(false), Says::Nothing]),
        joins("joins, and one is behind", [serving.clone(), added(false)]),
        joins("joins, and is not listed", [without, serving]),
        joins("joins, and has lost its data", [added(false), added(true)]),
        joins(
            "joins a cluster that is gone",
            [founding, Says::List(other, vec![of(second, true)])],
        ),
        Case {
            had_data: true,
            ..joins("had data, and joins", [added(false), Says::Nothing])
        },
    ]
}

#[test]
fn script_and_local_driver_decide_alike() {
    crate::network::own();
    let scratch = Scratch::new();
    let mut table = String::new();
    for number in 0..cases(&plan_of(0)).len() {
        let plan = plan_of(number);
        let case = cases(&plan).swap_remove(number);
        let former = former(&plan);
        let others = plan.members[1..].iter().zip(&case.others);
        let others = others.chain(case.handed_over.iter().map(|says| (&former, says)));
        let peers: Vec<Peer> = others
            .filter_map(|(member, says)| Peer::new(member, says))
            .collect();
        let here = decided_here(&plan, &case);
        for shell in [&["dash"][..], &["bash", "--posix"]] {
            let by_script = decided_by_script(&plan, &case, scratch.root(), shell);
            assert_eq!(by_script, here, "{}, {shell:?}", case.name);
        }
        let subnet = format!("127.86.{number}.");
        table += &format!("{}: {}\n", case.name, here.replace(&subnet, "127.86.x."));
        drop(peers);
    }
    expect![[r#"
        first of all: founds
        second of all: founds
        last of all: founds
        lost its data: lost: core-02 lists it as started
        one has not heard of it: lost: core-03 lists it as started
        not added yet: waits: core-02 does not list it
        added: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        added as a learner: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        added to a cluster of others: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        added, and one does not know: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        added, and lost its data: lost: core-02 lists it as started
        foreign cluster: waits: core-02 belongs to the cluster feed
        founder of a cluster with other members: waits: core-02 belongs to the cluster feed
        address of another: waits: core-02 lists stranger at http://127.86.x.101:2380
        not etcd: waits: core-02 does not list its members
        refuses: waits: core-02 does not list its members
        redirects: waits: core-02 does not list its members
        only TCP: waits: core-02 does not list its members
        one is unclear, one expects it: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        one is unclear, one knows better: lost: core-03 lists it as started
        had data, and none answers: lost: it has noted so itself
        had data, and it is not known: lost: it has noted so itself
        had data, and was added again: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        had data, and waits: waits: core-02 does not list it
        joins, and none answers: waits: it joins a running cluster, of which no member answers
        joins what it was told of: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        joins: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        joins, and one is behind: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
        joins, and is not listed: waits: core-02 does not list it
        joins, and has lost its data: lost: core-03 lists it as started
        joins a cluster that is gone: waits: core-02 does not list it
        had data, and joins: joins http://127.86.x.101:2380 http://127.86.x.102:2380 http://127.86.x.103:2380
    "#]].assert_eq(&table);
}

/// Nothing on this host says that the member ever ran; the others know what it is.
#[test]
fn local_member_without_data_asks_the_others() {
    let definition = "members = 3\n[network]\nsubnet = \"10.85.1.0/24\"\n";
    let scratch = Scratch::with("known", definition);
    up(&scratch, "known").expect(0);
    put(&scratch, "known", "greeting", "hello");
    let id = identity(&scratch, "known", "core-03");
    forget(&scratch, "known", "core-03");
    // An election may be under way, and the other one may not have heard of it yet.
    let through = |member: &str, words: &[&str]| {
        let etcdctl = ["etcdctl", "--cluster", "known", "--member", member, "--"];
        scratch.run(&[&etcdctl[..], words].concat())
    };
    let removed = || {
        through("core-01", &["member", "remove", &id]);
        let list = through("core-02", &["member", "list"]);
        list.status == Some(0) && !list.stdout.contains(&id)
    };
    assert!(look_until(removed, |is_removed| *is_removed));
    let refused = up(&scratch, "known").expect(7);
    let said = "error: `core-03` has no data and is not started: core-01 does not list it\n";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);

    // Added by hand, it is expected.
    let add = [
        "member",
        "add",
        "core-03",
        "--peer-urls=http://127.85.1.103:2380",
    ];
    let added = || through("core-01", &add).status == Some(0);
    assert!(look_until(added, |is_added| *is_added));
    up(&scratch, "known").expect(0);

    forget(&scratch, "known", "core-03");
    let refused = up(&scratch, "known").expect(6);
    let said = "error: `core-03` has lost its data, so it was not started\n";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    let replace = ["replace", "core-03", "--cluster", "known"];
    assert!(
        refused.stderr.contains(&replace.join(" ")),
        "{}",
        refused.stderr
    );
    scratch.run(&replace).expect(0);
    assert_eq!(get(&scratch, "known", "greeting"), "hello\n");
}

fn decided_here(plan: &Plan, case: &Case) -> String {
    let mut others = plan.members[1..].to_vec();
    others.extend(case.handed_over.as_ref().map(|_| former(plan)));
    let answers: Vec<(String, Answer)> = others
        .iter()
        .map(|other| (other.name.to_string(), peers::ask(other, &Sender::Own)))
        .collect();
    let newcomer = Newcomer {
        joining: case.joining,
        had_data: case.had_data,
        ..Newcomer::of(plan, &plan.members[0])
    };
    in_words(newcomer.decide(&answers))
}

pub(crate) fn in_words(decision: Decision) -> String {
    match decision {
        Decision::Found => "founds".to_owned(),
        Decision::Join(list) => {
            let mut words: Vec<String> = list
                .iter()
                .flat_map(|entry| entry.peer_urls.clone())
                .collect();
            words.sort();
            format!("joins {}", words.join(" "))
        }
        Decision::Lost(why) => format!("lost: {why}"),
        Decision::Wait(why) => format!("waits: {}", in_common(&why)),
    }
}

/// Ends a member, and removes whatever says here that it had data.
fn forget(scratch: &Scratch, name: &str, member: &str) {
    let id = processes(scratch, name)[member];
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    assert!(look_until(|| !runs(id), |gone| *gone));
    let state = scratch.root().join(format!(".state/{name}"));
    fs::remove_dir_all(state.join("members").join(member)).unwrap();
    fs::remove_file(state.join("started").join(member)).unwrap();
    for entry in state.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        match entry.file_name() {
            "cluster.json" | "members" | "started" => {}
            _ if entry.file_type().unwrap().is_dir() => fs::remove_dir_all(entry.path()).unwrap(),
            _ => fs::remove_file(entry.path()).unwrap(),
        }
    }
    let record = state.join("cluster.json");
    let mut text: Value = serde_json::from_str(&fs::read_to_string(&record).unwrap()).unwrap();
    for one in text["members"].as_array_mut().unwrap() {
        if one["name"] == member {
            one["had_data"] = false.into();
        }
    }
    fs::write(record, text.to_string()).unwrap();
}

fn identity(scratch: &Scratch, name: &str, member: &str) -> String {
    let identity = ["identity", name, "--format", "json"];
    let identity: Value = serde_json::from_str(&scratch.run(&identity).expect(0).stdout).unwrap();
    let members = identity["members"].as_array().unwrap();
    let one = members.iter().find(|one| one["name"] == member).unwrap();
    one["id"].as_str().unwrap().to_owned()
}

/// What both say about an answer that is not understood.
fn in_common(why: &str) -> &str {
    match why.split_once(" does not list its members") {
        Some((who, _)) => &why[..who.len() + " does not list its members".len()],
        None => why,
    }
}

/// The decision of the start script, in a folder that stands in for the machine's root.
fn decided_by_script(plan: &Plan, case: &Case, root: &Utf8Path, shell: &[&str]) -> String {
    let folder = root.join("machine");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("var/lib/etcd")).unwrap();
    fs::create_dir_all(folder.join("etc")).unwrap();
    if case.had_data {
        fs::write(folder.join("var/lib/etcd/had-data"), "").unwrap();
    }
    if let Some(joining) = case.joining {
        let text = handed_over(joining, &[former(plan)]);
        fs::write(folder.join("etc/etcd-join"), text).unwrap();
    }
    in_common(&decision_of_script(plan, &folder, shell)).to_owned()
}

/// The start script of the first member, in a folder that stands in for the machine's root.
pub(crate) fn run_script(plan: &Plan, folder: &Utf8Path, shell: &[&str]) -> Output {
    let document = &read_yaml_1_1(&[&render::user_data(plan)])[0];
    let files = document["write_files"].as_array().unwrap();
    let is_script = |file: &&serde_json::Value| file["path"] == "/usr/local/sbin/etcd-member";
    let script = files.iter().find(is_script).unwrap()["content"]
        .as_str()
        .unwrap();
    let script = script
        .replace("=/var/lib/etcd", &format!("={folder}/var/lib/etcd"))
        .replace("=/etc/etcd-join", &format!("={folder}/etc/etcd-join"))
        .replace("/etc/etcd-pki", &format!("{folder}/etc/etcd-pki"))
        .replace("\nexec ", "\nprintf '%s\\n' ");
    // Instead of waiting, it ends.
    let script = format!("uname() {{ echo core-01; }}\nsleep() {{ exit 75; }}\n{script}");
    Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", &script])
        .output()
        .unwrap()
}

pub(crate) fn decision_of_script(plan: &Plan, folder: &Utf8Path, shell: &[&str]) -> String {
    let ran = run_script(plan, folder, shell);
    let stdout = String::from_utf8(ran.stdout).unwrap();
    let stderr = String::from_utf8(ran.stderr).unwrap();
    let said = stderr.lines().next().unwrap_or_default();
    let flag = |name: &str| {
        let start = format!("--{name}=");
        let mut values = stdout.lines().filter_map(|line| line.strip_prefix(&start));
        values
            .next()
            .unwrap_or_else(|| panic!("{stdout}{stderr}"))
            .to_owned()
    };
    match ran.status.code() {
        Some(0) if flag("initial-cluster-state") == "new" => {
            assert_eq!(flag("initial-cluster"), plan.initial_cluster());
            assert_eq!(stderr, "");
            "founds".to_owned()
        }
        Some(0) => {
            assert_eq!(flag("initial-cluster-state"), "existing");
            let members = flag("initial-cluster");
            let own = format!("core-01={}", plan.members[0].peer_url());
            assert!(members.split(',').any(|pair| pair == own), "{members}");
            let mut urls: Vec<&str> = members
                .split(',')
                .map(|pair| pair.split_once('=').unwrap().1)
                .collect();
            urls.sort_unstable();
            format!("joins {}", urls.join(" "))
        }
        Some(LOST_DATA) => {
            let (said, why) = said.split_once(": ").unwrap().1.split_once(": ").unwrap();
            assert_eq!(said, "core-01 was started before, and its data is lost");
            assert!(stderr.contains("\nhint: "), "{stderr}");
            format!("lost: {why}")
        }
        Some(75) => {
            let why = said.strip_prefix("etcd-member: core-01 waits: ").unwrap();
            format!("waits: {why}")
        }
        _ => panic!("{:?}\n{stdout}{stderr}", ran.status),
    }
}

/// A stand-in for another member's peer port.
struct Peer {
    address: std::net::SocketAddrV4,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    fn new(member: &Member, says: &Says) -> Option<Self> {
        let says = match says {
            Says::Nothing => return None,
            Says::GoodBye => String::new(),
            Says::Http(text) => (*text).to_owned(),
            Says::List(id, entries) => {
                let body = format!("[{{{}}}]", entries.join("},{"));
                let length = body.len();
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Etcd-Cluster-Id: {id}\r\n\
                     Content-Length: {length}\r\n\r\n{body}"
                )
            }
        };
        let address = member.peer_socket();
        let listener = TcpListener::bind(address).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            for client in listener.incoming() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                let mut client = client.unwrap();
                if !says.is_empty() {
                    let lines = BufReader::new(&client).lines();
                    lines
                        .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                        .for_each(drop);
                    client.write_all(says.as_bytes()).unwrap();
                }
                let _ = client.shutdown(Shutdown::Both);
            }
        });
        Some(Self {
            address,
            ends,
            thread: Some(thread),
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
