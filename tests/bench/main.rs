//! `cargo bench`: whole commands against the simplest equivalent, alternating in one run, so that
//! the ratios hold on any machine. Figures are medians.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../it/etcd_binaries.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod etcd_binaries;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/network.rs"]
mod network;
#[path = "../it/scratch.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod scratch;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/support.rs"]
mod support;
mod upgrading;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use scratch::Scratch;

fn main() {
    // Only `cargo bench` passes this; `cargo test --benches` only checks that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let parts: [(&str, fn()); 7] = [
        ("rendering", rendering),
        ("first_write", first_write),
        ("starting_with_tls", starting_with_tls),
        ("verifying", verifying),
        ("backing_up", backing_up),
        ("restoring", restoring),
        ("upgrading", upgrading::upgrading),
    ];
    for (name, measure) in parts {
        if only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
        {
            measure();
        }
    }
}

fn rendering() {
    println!("rendering (`cargo xtask render`, nothing rendered before)");
    let mut one = Duration::ZERO;
    for count in [1_u32, 100, 1000] {
        let time = median(5, || {
            let scratch = Scratch::new();
            for number in 0..count {
                let (second, third) = (number / 250, number % 250);
                let subnet =
                    format!("members = 3\n[network]\nsubnet = \"10.{second}.{third}.0/24\"\n");
                scratch.define(&format!("cluster-{number}"), &subnet);
            }
            let begun = Instant::now();
            scratch.run(&["render"]).expect(0);
            begun.elapsed()
        });
        if count == 1 {
            one = time;
        }
        let (ratio, each) = (time.as_secs_f64() / one.as_secs_f64(), time / count);
        println!("  {count:5} definitions  {time:10.1?}  {ratio:7.2} times one  {each:8.1?} each");
    }
}

/// Many, because of the randomness of etcd's elections: the same start takes 0.3 s or 3 s.
const ROUNDS: usize = 31;
const ENDPOINT: &str = "http://127.78.1.101:2379";
const DEFINITION: &str = "members = 3\n[network]\nsubnet = \"10.78.1.0/24\"\n";

fn first_write() {
    println!("from the start to the first linearizable write, {ROUNDS} rounds in turn");
    let etcd = etcd_binaries::packaged();
    let command_lines = command_lines(etcd);
    let (mut by_hand, mut by_up) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_hand.push(by_hand_once(&command_lines));
        let scratch = Scratch::with("bench", DEFINITION);
        let begun = Instant::now();
        let mut up = scratch
            .command(&["up", "bench", "--etcd-dir", etcd.as_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_write();
        by_up.push(begun.elapsed());
        assert!(up.wait().unwrap().success());
    }
    let (hand, up) = (middle(by_hand), middle(by_up));
    println!("  by hand           {hand:10.1?}");
    println!(
        "  cargo xtask up    {up:10.1?}  {:7.2} times by hand",
        up.as_secs_f64() / hand.as_secs_f64()
    );
}

/// A cluster is proven when `up` ends.
fn starting_with_tls() {
    println!("`cargo xtask up` from nothing to a proven cluster, {ROUNDS} rounds in turn");
    let etcd = etcd_binaries::packaged();
    let up = |definition: &str| {
        let scratch = Scratch::with("bench", definition);
        let begun = Instant::now();
        scratch
            .run(&["up", "bench", "--etcd-dir", etcd.as_str()])
            .expect(0);
        begun.elapsed()
    };
    let with_tls = format!("{DEFINITION}[etcd]\ntls = true\n");
    let (mut plain, mut tls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(up(DEFINITION));
        tls.push(up(&with_tls));
    }
    let (plain, tls) = (middle(plain), middle(tls));
    let more = tls.as_secs_f64() - plain.as_secs_f64();
    println!("  without TLS       {plain:10.1?}");
    println!("  with TLS          {tls:10.1?}  {more:+7.2} s");
}

/// The members' command lines, from a cluster that `up` started, so that they cannot differ.
fn command_lines(etcd: &Utf8Path) -> Vec<Vec<String>> {
    let scratch = Scratch::with("bench", DEFINITION);
    scratch
        .run(&["up", "bench", "--etcd-dir", etcd.as_str()])
        .expect(0);
    let members = fs::read_dir(scratch.root().join(".state/bench/members")).unwrap();
    let line = |member: fs::DirEntry| {
        let id = fs::read_to_string(member.path().join("pid")).unwrap();
        let line = fs::read_to_string(format!("/proc/{}/cmdline", id.trim())).unwrap();
        line.split_terminator('\0').map(str::to_owned).collect()
    };
    members.map(|member| line(member.unwrap())).collect()
}

/// The same three processes with the same flags, and nothing else.
fn by_hand_once(command_lines: &[Vec<String>]) -> Duration {
    let folder = Scratch::new();
    let begun = Instant::now();
    let start = |line: &Vec<String>| {
        let mut command = Command::new(&line[0]);
        for word in &line[1..] {
            // Each round has its own folder, as each cluster of `up` has.
            match word.strip_prefix("--data-dir=") {
                Some(data) => {
                    let member = Utf8Path::new(data)
                        .parent()
                        .and_then(Utf8Path::file_name)
                        .unwrap();
                    command.arg(format!("--data-dir={}", folder.root().join(member)))
                }
                None => command.arg(word),
            };
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Killed(command.spawn().unwrap())
    };
    let _processes: Vec<Killed> = command_lines.iter().map(start).collect();
    wait_for_write();
    begun.elapsed()
}

/// A process that ends with its measurement.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes through etcd's gRPC gateway until it succeeds.
fn wait_for_write() {
    loop {
        let answer = minreq::post(format!("{ENDPOINT}/v3/kv/put"))
            .with_body(r#"{"key":"YQ==","value":"YQ=="}"#)
            .with_timeout(5)
            .send();
        if answer.is_ok_and(|answer| answer.status_code == 200) {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn verifying() {
    println!("a healthy cluster of three, in turn");
    let etcd = etcd_binaries::packaged();
    let scratch = Scratch::with("bench", DEFINITION);
    scratch
        .run(&["up", "bench", "--etcd-dir", etcd.as_str()])
        .expect(0);
    let (mut health, mut verify) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut plain = Command::new(etcd.join("etcdctl"));
        plain
            .args(["--endpoints", ENDPOINT, "endpoint", "health", "--cluster"])
            .env("ETCDCTL_API", "3");
        assert!(plain.output().unwrap().status.success());
        health.push(begun.elapsed());
        let begun = Instant::now();
        scratch.run(&["verify", "bench"]).expect(0);
        verify.push(begun.elapsed());
    }
    let (health, verify) = (middle(health), middle(verify));
    println!("  etcdctl endpoint health --cluster  {health:10.1?}");
    let ratio = verify.as_secs_f64() / health.as_secs_f64();
    println!(
        "  cargo xtask verify                 {verify:10.1?}  {ratio:7.2} times endpoint health"
    );
}

/// A database of this many values of 1 MiB, in a cluster of one.
const BACKED_UP: &str =
    "members = 1\n[network]\nsubnet = \"10.78.1.0/24\"\n[etcd]\nquota = \"4GiB\"\n";

fn backing_up() {
    println!("a backup, medians of 3, in turn");
    let etcd = etcd_binaries::packaged();
    let scratch = Scratch::with("bench", BACKED_UP);
    scratch
        .run(&["up", "bench", "--etcd-dir", etcd.as_str()])
        .expect(0);
    let mut filled = 0;
    for size in [1, 256] {
        for key in filled..size {
            put_a_mebibyte(key);
        }
        filled = size;
        let copy = scratch.root().join("copy.db");
        let (mut save, mut backup, mut prove) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            let begun = Instant::now();
            let mut plain = Command::new(etcd.join("etcdctl"));
            plain
                .args(["--endpoints", ENDPOINT, "snapshot", "save", copy.as_str()])
                .env("ETCDCTL_API", "3");
            assert!(plain.output().unwrap().status.success());
            save.push(begun.elapsed());
            for (words, times) in [(&[][..], &mut backup), (&["--prove"], &mut prove)] {
                let begun = Instant::now();
                let all = [&["backup", "bench", "--keep", "1"][..], words].concat();
                scratch.run(&all).expect(0);
                times.push(begun.elapsed());
            }
        }
        let (save, backup, prove) = (middle(save), middle(backup), middle(prove));
        println!("  {size:5} MiB  etcdctl snapshot save        {save:10.1?}");
        for (task, time) in [("backup", backup), ("backup --prove", prove)] {
            let ratio = time.as_secs_f64() / save.as_secs_f64();
            println!("             cargo xtask {task:15}  {time:10.1?}  {ratio:7.2} times that");
        }
    }
}

/// The time of `backup`, `backup --prove` and `restore`, and the most memory that a process of each had.
fn restoring() {
    println!("backups and restorations of a cluster of one, once each");
    for (etcd, version) in [
        (etcd_binaries::packaged(), ""),
        (etcd_binaries::of_debian_13(), "version = \"3.5.16\"\n"),
    ] {
        let definition = format!("{BACKED_UP}{version}");
        let scratch = Scratch::with("bench", &definition);
        scratch
            .run(&["up", "bench", "--etcd-dir", etcd.as_str()])
            .expect(0);
        let mut filled = 0;
        for size in [1, 1024] {
            wait_for_write();
            for key in filled..size {
                put_a_mebibyte(key);
            }
            filled = size;
            let copy = scratch.root().join(format!("{size}.db"));
            let restore = [
                "restore",
                "bench",
                "--yes",
                "--timeout",
                "5m",
                "--from",
                copy.as_str(),
            ];
            for words in [
                &["backup", "bench", "--to", copy.as_str()][..],
                &["backup", "bench", "--prove", "--keep", "1"],
                &restore,
            ] {
                let (time, memory) = measured(&mut scratch.command(words));
                let figures: Vec<String> = memory
                    .iter()
                    .map(|(program, mebibytes)| format!("{program} {mebibytes} MiB"))
                    .collect();
                let task = words.iter().filter(|word| !word.contains('.')).take(3);
                println!(
                    "  {size:5} MiB  {:22} {time:8.1?}  {}",
                    task.copied().collect::<Vec<_>>().join(" "),
                    figures.join(", ")
                );
            }
        }
    }
}

/// Runs a program, and samples the most memory of it and of each program that it runs, but for the members.
fn measured(command: &mut Command) -> (Duration, BTreeMap<String, u64>) {
    let begun = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let root = child.id().cast_signed();
    let mut peaks = BTreeMap::new();
    let status = loop {
        for id in xtask::process::all() {
            let Some((name, parent, peak)) = memory_of(id) else {
                continue;
            };
            // Members are its children until it ends, and so is a copy of this program before each starts.
            if id == root || (parent == root && name.starts_with("etcd") && name != "etcd") {
                let most = peaks.entry(name).or_insert(peak);
                *most = peak.max(*most);
            }
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    };
    assert!(status.success(), "{command:?}");
    (begun.elapsed(), peaks)
}

/// The name, the parent and the highest resident memory in MiB of a process.
fn memory_of(id: i32) -> Option<(String, i32, u64)> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()
    };
    let peak: u64 = field("VmHWM:")?.parse().ok()?;
    Some((
        field("Name:")?.to_owned(),
        field("PPid:")?.parse().ok()?,
        peak.div_ceil(1024),
    ))
}

/// Writes a value through etcd's gRPC gateway.
fn put_a_mebibyte(key: u32) {
    // `eHh4` is `xxx` in base64.
    let (key, value) = (format!("{key:08}"), "eHh4".repeat((1 << 20) / 3));
    let answer = minreq::post(format!("{ENDPOINT}/v3/kv/put"))
        .with_body(format!(r#"{{"key":"{key}","value":"{value}"}}"#))
        .with_timeout(60)
        .send();
    assert_eq!(answer.unwrap().status_code, 200);
}

fn median(rounds: usize, mut measure: impl FnMut() -> Duration) -> Duration {
    middle((0..rounds).map(|_| measure()).collect())
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
