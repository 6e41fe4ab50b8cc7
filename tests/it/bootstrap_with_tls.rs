//! What a member without data does if the others speak only TLS.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::expect;
use test_attribute::test;
use xtask::bootstrap::{Answer, Newcomer};
use xtask::etcd::http::Sender;
use xtask::etcd::peers;
use xtask::pki::{self, Pki};
use xtask::plan::flags::Certificate;
use xtask::plan::{Member, Plan};
use xtask::workspace::{Home, Workspace};

use crate::bootstrap::{decision_of_script, entry, in_words, run_script};
use crate::scratch::Scratch;
use crate::support::require_tool;
use crate::verify_support::plan;

/// The script says why in another way.
fn in_common(decision: &str) -> &str {
    let why = decision.find(" does not list its members");
    why.map_or(decision, |at| &decision[..at])
}

/// What the second member does. The third one is silent.
enum Does {
    /// It answers with a list, to those who prove that they belong to the cluster.
    List(String),
    /// It has a certificate of another authority, and trusts all.
    Pretend,
    /// It trusts only another authority.
    Distrust,
    /// It speaks plain HTTP.
    PlainText,
    /// It accepts the connection, and says nothing.
    Hang,
    Nothing,
}

#[test]
fn only_silence_founds_a_cluster_with_tls() {
    crate::network::own();
    require_tool("openssl", "openssl");
    let scratch = Scratch::new();
    let [home, other] = ["ours", "theirs"].map(|name| home(&scratch, name));
    let mut table = String::new();
    for (number, (name, does)) in CASES.iter().enumerate() {
        // Each case has its own addresses, as in `bootstrap`.
        let definition =
            format!("members = 3\netcd.tls = true\nnetwork.subnet = \"10.88.{number}.0/24\"\n");
        let plan = plan("default", &definition).on_loopback();
        for home in [&home, &other] {
            pki::prepare(home, &plan).unwrap();
        }
        let [first, second, _] = &plan.members[..] else {
            panic!("three members")
        };
        let does = does(&plan);
        let _peer = Peer::new(&scratch, second, &does, [&home, &other]);

        let ours = Pki::of(&home).member(first);
        let machine = machine(&scratch, &ours);
        let by_script = decision_of_script(&plan, &machine, &["dash"]);
        // This host would wait longer for an answer.
        if !matches!(does, Does::Hang) {
            let newcomer = Newcomer::of(&plan, first);
            let here = in_words(newcomer.decide(&answers(&plan, &ours)));
            assert_eq!(in_common(&by_script), in_common(&here), "{name}");
        }
        table += &format!("{name}: {by_script}\n");
    }
    expect![[r#"
        nothing listens: founds
        lists it as a founder: founds
        lists it as started: lost: core-02 lists it as started
        has a certificate of another authority: waits: core-02 does not list its members: curl ends with 60
        trusts another authority: waits: core-02 does not list its members: curl ends with 56
        speaks plain HTTP: waits: core-02 does not list its members: curl ends with 35
        hangs: waits: core-02 does not list its members: curl ends with 28
    "#]]
    .assert_eq(&table);
}

type Case = (&'static str, fn(&Plan) -> Does);

const CASES: [Case; 7] = [
    ("nothing listens", |_| Does::Nothing),
    ("lists it as a founder", |plan| {
        Does::List(list(plan, false))
    }),
    ("lists it as started", |plan| Does::List(list(plan, true))),
    ("has a certificate of another authority", |_| Does::Pretend),
    ("trusts another authority", |_| Does::Distrust),
    ("speaks plain HTTP", |_| Does::PlainText),
    ("hangs", |_| Does::Hang),
];

#[test]
fn member_without_its_certificate_is_not_started() {
    let scratch = Scratch::new();
    let home = home(&scratch, "ours");
    let definition = "members = 3\netcd.tls = true\nnetwork.subnet = \"10.88.99.0/24\"\n";
    let plan = plan("default", definition).on_loopback();
    pki::prepare(&home, &plan).unwrap();
    let ours = Pki::of(&home).member(&plan.members[0]);
    for name in ["ca.crt", "member.crt", "member.key"] {
        for is_removed in [true, false] {
            let machine = machine(&scratch, &ours);
            let file = machine.join("etc/etcd-pki").join(name);
            match is_removed {
                true => fs::remove_file(&file).unwrap(),
                false => fs::write(&file, "").unwrap(),
            }
            let ran = run_script(&plan, &machine, &["dash"]);
            assert_eq!(ran.status.code(), Some(1), "{ran:?}");
            assert_eq!(String::from_utf8(ran.stdout).unwrap(), "");
            assert_eq!(
                String::from_utf8(ran.stderr).unwrap(),
                format!(
                    "etcd-member: core-01 cannot be started without {file}\n\
                     hint: hand over its certificate, on the host of this machine: cargo xtask up\n"
                )
            );
        }
    }
}

fn home(scratch: &Scratch, name: &str) -> Home {
    let root = scratch.root().join(name);
    fs::create_dir_all(&root).unwrap();
    Workspace::at(&root).home(&"default".parse().unwrap())
}

/// A folder that stands in for the root of the first member's machine.
fn machine(scratch: &Scratch, certificate: &Certificate) -> Utf8PathBuf {
    let machine = scratch.root().join("machine");
    let _ = fs::remove_dir_all(&machine);
    let pki = machine.join("etc/etcd-pki");
    fs::create_dir_all(&pki).unwrap();
    fs::create_dir_all(machine.join("var/lib/etcd")).unwrap();
    for file in certificate.files().map(Utf8Path::new) {
        fs::copy(file, pki.join(file.file_name().unwrap())).unwrap();
    }
    machine
}

fn answers(plan: &Plan, certificate: &Certificate) -> Vec<(String, Answer)> {
    let sender = Sender::with(Some(certificate.clone()));
    let others = plan.members[1..].iter();
    others
        .map(|other| (other.name.to_string(), peers::ask(other, &sender)))
        .collect()
}

/// The list of the second member, in which the first one was started or not.
fn list(plan: &Plan, is_started: bool) -> String {
    let entry = |(number, member): (usize, &Member)| {
        let name = member.name.as_str();
        let is_started = is_started || number > 0;
        entry(member.id, &member.peer_url(), name, is_started)
    };
    let entries: Vec<String> = plan.members.iter().enumerate().map(entry).collect();
    let body = format!("[{{{}}}]", entries.join("},{"));
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Etcd-Cluster-Id: {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        plan.cluster_id,
        body.len()
    )
}

/// A stand-in for the peer port of the second member, which ends when this is dropped.
enum Peer {
    Silent,
    Tls(Child),
    Tcp { _listener: TcpListener },
}

impl Peer {
    fn new(scratch: &Scratch, member: &Member, does: &Does, [ours, theirs]: [&Home; 2]) -> Self {
        let (ours, theirs) = (Pki::of(ours).member(member), Pki::of(theirs).member(member));
        let serve = |text: &str, own: &Certificate, trusted: &Certificate| {
            Self::Tls(serve(scratch, member, text, own, trusted))
        };
        match does {
            Does::Nothing => Self::Silent,
            Does::List(list) => serve(list, &ours, &ours),
            Does::Pretend => serve("", &theirs, &ours),
            Does::Distrust => serve("", &ours, &theirs),
            Does::PlainText => {
                let listener = TcpListener::bind(member.peer_socket()).unwrap();
                let accepting = listener.try_clone().unwrap();
                thread::spawn(move || {
                    for client in accepting.incoming().take(3) {
                        let _ = client
                            .unwrap()
                            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                    }
                });
                Self::Tcp {
                    _listener: listener,
                }
            }
            // The system accepts it.
            Does::Hang => Self::Tcp {
                _listener: TcpListener::bind(member.peer_socket()).unwrap(),
            },
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Self::Tls(server) = self {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }
}

/// Serves this text to those with a certificate of the trusted authority.
fn serve(
    scratch: &Scratch,
    member: &Member,
    text: &str,
    own: &Certificate,
    trusted: &Certificate,
) -> Child {
    fs::write(scratch.root().join("members"), text).unwrap();
    let mut server = Command::new("openssl")
        .args(["s_server", "-HTTP", "-Verify", "1", "-verify_return_error"])
        .args(["-accept", &member.peer_socket().to_string()])
        .args(["-cert", &own.certificate, "-key", &own.key])
        .args(["-CAfile", &trusted.authorities])
        .current_dir(scratch.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    said.by_ref()
        .map(Result::unwrap)
        .find(|line| line == "ACCEPT")
        .unwrap();
    // It must not wait for a reader.
    thread::spawn(move || said.for_each(drop));
    server
}
