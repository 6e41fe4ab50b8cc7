//! A rolling upgrade under load: `cargo xtask apply` against the plainest way by hand.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::etcd_binaries::{of_debian_13, packaged};
use crate::scratch::Scratch;
use crate::{Killed, middle};

/// How many pairs are measured.
const PAIRS: usize = 9;

/// How long clients write in both ways: longer than either takes. Without any change, the longest time without a write
/// grows with the time that is watched, and `apply` also waits until the cluster has followed its members.
const WATCHED: Duration = Duration::from_secs(12);

const ENDPOINTS: &str = "127.99.4.101:2379,127.99.4.102:2379,127.99.4.103:2379";

const MEMBERS: [&str; 3] = ["core-01", "core-02", "core-03"];

pub(crate) fn upgrading() {
    println!(
        "the longest time without a write in {WATCHED:?} with an upgrade from 3.4 to 3.5, {PAIRS} rounds"
    );
    let (mut idle, mut by_hand, mut by_apply) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        idle.push(gap(&|_, _| {}));
        by_hand.push(gap(&|scratch, started| {
            for member in MEMBERS {
                started.push(restarted(scratch, member));
            }
        }));
        by_apply.push(gap(&|scratch, _| {
            scratch.define("bench", &definition("3.5.16"));
            let to = of_debian_13().as_str();
            let apply = ["apply", "bench", "--yes", "--etcd-dir", to];
            scratch.run(&apply).expect(0);
        }));
    }
    println!("  all without one   {idle:.1?}");
    println!("  all by hand       {by_hand:.1?}");
    println!("  all by apply      {by_apply:.1?}");
    let (idle, hand, apply) = (middle(idle), middle(by_hand), middle(by_apply));
    println!("  without one       {idle:10.1?}");
    println!("  by hand           {hand:10.1?}");
    println!(
        "  cargo xtask apply {apply:10.1?}  {:7.2} times by hand",
        apply.as_secs_f64() / hand.as_secs_f64()
    );
}

fn definition(version: &str) -> String {
    format!(
        "members = 3\n[network]\nsubnet = \"10.99.4.0/24\"\n\
         [etcd]\nversion = \"{version}\"\nruntime = \"container\"\n"
    )
}

/// The longest time between two writes of a client with three endpoints, while the members change.
fn gap(change: &dyn Fn(&Scratch, &mut Vec<Killed>)) -> Duration {
    let scratch = Scratch::with("bench", &definition("3.4.23"));
    let from = packaged().as_str();
    scratch.run(&["up", "bench", "--etcd-dir", from]).expect(0);
    let client = Client::start();
    let mut started = Vec::new();
    let begun = Instant::now();
    change(&scratch, &mut started);
    let took = begun.elapsed();
    assert!(took < WATCHED, "it took {took:?}");
    thread::sleep(WATCHED - took);
    client.longest()
}

/// Stops a member with SIGTERM, starts it with the new binary, and waits until it is healthy.
fn restarted(scratch: &Scratch, member: &str) -> Killed {
    let pid = format!(".state/bench/members/{member}/pid");
    let id = fs::read_to_string(scratch.root().join(pid)).unwrap();
    let line = fs::read_to_string(format!("/proc/{}/cmdline", id.trim())).unwrap();
    let words: Vec<&str> = line.split_terminator('\0').collect();
    let process = Utf8Path::new("/proc").join(id.trim());
    kill(Pid::from_raw(id.trim().parse().unwrap()), Signal::SIGTERM).unwrap();
    let runs = || fs::read_to_string(process.join("cmdline")).is_ok_and(|line| !line.is_empty());
    while runs() {
        thread::sleep(Duration::from_millis(10));
    }
    let etcd = Command::new(of_debian_13().join("etcd"))
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let etcd = Killed(etcd.unwrap());
    let clients = words
        .iter()
        .find_map(|word| word.strip_prefix("--listen-client-urls="));
    let health = format!("{}/health", clients.unwrap());
    let is_healthy = || {
        let answer = minreq::get(&health).with_timeout(1).send();
        answer.is_ok_and(|answer| answer.as_str().is_ok_and(|text| text.contains("true")))
    };
    while !is_healthy() {
        thread::sleep(Duration::from_millis(10));
    }
    etcd
}

/// Writes with one etcdctl after another, each with all three endpoints.
struct Client {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Client {
    fn start() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            let mut last = Instant::now();
            while !is_over.load(Ordering::Relaxed) {
                let mut put = Command::new(packaged().join("etcdctl"));
                put.env("ETCDCTL_API", "3")
                    .env("ETCDCTL_ENDPOINTS", ENDPOINTS)
                    .args(["put", "key", "1", "--command-timeout=3s"]);
                if put.output().unwrap().status.success() {
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
            }
            longest
        });
        Self { ends, thread }
    }

    fn longest(self) -> Duration {
        self.ends.store(true, Ordering::Relaxed);
        let longest = self.thread.join().unwrap();
        assert!(longest > Duration::ZERO, "nothing was written");
        longest
    }
}
