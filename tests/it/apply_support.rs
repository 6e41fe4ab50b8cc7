//! Helpers for tests that change running clusters: definitions, and a client that remembers what was
//! acknowledged.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::etcd_binaries::packaged;
use crate::local_support::{begin, end, etcdctl, up};
use crate::scratch::{Ran, Scratch};

/// A definition of these members, each a name and the last number of its address on this test's network.
pub(crate) fn members(network: u8, members: &[(&str, u8)], etcd: &str) -> String {
    let members = members.iter().map(|(name, last)| {
        format!("{{ name = \"{name}\", address = \"10.87.{network}.{last}\" }}")
    });
    let members: Vec<String> = members.collect();
    format!(
        "members = [{}]\n[network]\nsubnet = \"10.87.{network}.0/24\"\n[etcd]\n{etcd}",
        members.join(", ")
    )
}

/// A definition of so many members.
pub(crate) fn count(network: u8, count: u8, etcd: &str) -> String {
    let all = ["core-01", "core-02", "core-03", "core-04", "core-05"];
    let all: Vec<(&str, u8)> = all.into_iter().zip(101..).take(count.into()).collect();
    members(network, &all, etcd)
}

/// Applies the definition, which is possible.
#[track_caller]
pub(crate) fn apply(scratch: &Scratch, name: &str) -> Ran {
    scratch.run(&["apply", name, "--yes"]).expect(0)
}

/// Edits of a cluster of three, each of another kind, with the time in ms within which `apply` is at work. The last
/// one makes it what it was.
pub(crate) fn edits(network: u8) -> Vec<(&'static str, String, u64)> {
    let named = |names: [(&str, u8); 3], etcd| members(network, &names, etcd);
    let exchanged = [("core-01", 102), ("core-02", 101), ("core-03", 103)];
    let renamed = [("core-01", 102), ("core-02", 101), ("db-03", 103)];
    let moved = [("core-01", 111), ("core-02", 101), ("db-03", 103)];
    let flags = "election_timeout = 1500\n";
    let ports = "election_timeout = 1500\nclient_port = 2390\npeer_port = 2381\n";
    vec![
        ("add", count(network, 5, ""), 12_000),
        ("remove", count(network, 3, ""), 5000),
        ("exchange", named(exchanged, ""), 2500),
        ("replace", named(renamed, ""), 7000),
        ("restart", named(renamed, flags), 2500),
        ("move", named(moved, flags), 1500),
        ("ports", named(moved, ports), 2500),
        ("all", count(network, 3, ""), 12_000),
    ]
}

/// Kills `apply` after this time, and asserts that the next one continues.
#[track_caller]
pub(crate) fn killed(scratch: &Scratch, name: &str, moment: u64, is_healed: bool) {
    let running = begin(scratch, &["apply", name, "--yes"]);
    thread::sleep(Duration::from_millis(moment));
    let _ = kill(Pid::from_raw(running.id().cast_signed()), Signal::SIGKILL);
    end(running);
    if is_healed {
        let up = up(scratch, name);
        assert!(matches!(up.status, Some(0 | 1)), "{}", up.stderr);
    }
}

/// Writes one key after another, and remembers which writes were acknowledged.
pub(crate) struct Writer {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<(Vec<u32>, Duration)>,
}

impl Writer {
    /// Writes through these addresses on this test's network.
    pub(crate) fn start(network: u8, last: &[u8]) -> Self {
        Self::start_with(network, last, None)
    }

    /// The same over TLS, if there are certificates in this folder.
    pub(crate) fn start_with(network: u8, last: &[u8], pki: Option<&Utf8Path>) -> Self {
        let scheme = pki.map_or("http", |_| "https");
        let endpoints = last
            .iter()
            .map(|last| format!("{scheme}://127.87.{network}.{last}:2379"));
        let certificate = pki.into_iter().flat_map(|pki| {
            [
                ("ETCDCTL_CACERT", pki.join("trusted.crt")),
                ("ETCDCTL_CERT", pki.join("client/client.crt")),
                ("ETCDCTL_KEY", pki.join("client/client.key")),
            ]
        });
        let certificate: Vec<(&str, Utf8PathBuf)> = certificate.collect();
        let endpoints = endpoints.collect::<Vec<String>>().join(",");
        let ends = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let (mut acknowledged, mut longest) = (Vec::new(), Duration::ZERO);
            let mut last = Instant::now();
            for number in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("load/{number}");
                let put = Command::new(packaged().join("etcdctl"))
                    .env("ETCDCTL_API", "3")
                    .envs(certificate.iter().map(|(name, file)| (name, file)))
                    .args(["--endpoints", &endpoints, "--command-timeout=3s"])
                    .args(["put", &key, "written"])
                    .output()
                    .unwrap();
                if put.status.success() {
                    acknowledged.push(number);
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
            }
            (acknowledged, longest)
        });
        Self { ends, thread }
    }

    /// Ends it, and checks that no acknowledged write is lost. Returns how many there were, and the longest time
    /// between two.
    #[track_caller]
    pub(crate) fn lost_nothing(self, scratch: &Scratch, name: &str) -> (usize, Duration) {
        self.ends.store(true, Ordering::Relaxed);
        let (acknowledged, longest) = self.thread.join().unwrap();
        let keys = ["get", "load/", "--prefix", "--keys-only", "--limit=0"];
        let keys = etcdctl(scratch, name, &keys).expect(0).stdout;
        let there: Vec<u32> = keys
            .lines()
            .filter_map(|key| key.strip_prefix("load/")?.parse().ok())
            .collect();
        let lost = acknowledged.iter().filter(|one| !there.contains(one));
        let lost: Vec<&u32> = lost.collect();
        assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
        (acknowledged.len(), longest)
    }
}
