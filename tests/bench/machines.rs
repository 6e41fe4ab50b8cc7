//! `cargo bench --bench machines`: `cargo xtask up` against plain `vagrant up`, for three new virtual
//! machines, alternating in one run, so that the ratio holds on any host. `-- 5` measures five pairs.
//! `-- --before CHECKOUT` compares `cargo xtask up` with that of another checkout of this project, in
//! which `cargo build` was run, on that checkout's machines. It has the requirements of the tests of
//! machines, including root; if one is missing, it says so and measures nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/etcd_binaries.rs"]
mod etcd_binaries;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/etcd_release.rs"]
mod etcd_release;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../vm/lab.rs"]
mod lab;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../vm/mirror.rs"]
mod mirror;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/network.rs"]
mod network;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/scratch.rs"]
mod scratch;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../vm/setting.rs"]
mod setting;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/support.rs"]
mod support;

use std::fs;
use std::num::NonZeroUsize;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use etcd_binaries::packaged;
use lab::wait_for;
use scratch::Ran;
use setting::{NAME, NETWORK, Project, Setting, tell};
use xtask::commands::Exit;
use xtask::commands::test::why_no_vms;

/// Few, because a pair takes minutes, or more on a busy host.
const PAIRS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn main() -> ExitCode {
    // Only `cargo bench` passes this; `cargo test --benches` only checks that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    if let Some(why) = why_no_vms().unwrap() {
        eprintln!("not run: {why}");
        return ExitCode::from(Exit::Host as u8);
    }
    let asked = Asked::read(std::env::args().skip(1));
    match &asked.before {
        None => compare_with_plain_tools(asked.pairs),
        Some(checkout) => {
            let before = Project::built_in(checkout);
            let before = before.expect("`cargo build` was not run in that checkout");
            compare_with(&before, asked.pairs);
        }
    }
    ExitCode::SUCCESS
}

/// The arguments.
struct Asked {
    pairs: NonZeroUsize,
    before: Option<Utf8PathBuf>,
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Self {
        let mut asked = Self {
            pairs: PAIRS,
            before: None,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                // cargo adds it.
                "--bench" => {}
                "--before" => {
                    let checkout = words.next().expect("`--before` takes a folder");
                    // cargo runs this in another folder than the caller's.
                    assert!(
                        checkout.starts_with('/'),
                        "`--before` takes an absolute path"
                    );
                    asked.before = Some(checkout.into());
                }
                count => asked.pairs = count.parse().expect("this takes a number of pairs"),
            }
        }
        asked
    }
}

fn compare_with_plain_tools(pairs: NonZeroUsize) {
    let setting = Setting::new();
    copy_the_box(&setting);
    println!("three virtual machines, from nothing to a healthy cluster, {pairs} pairs in turn");
    in_turn(
        pairs,
        ("by hand", &mut || by_hand_once(&setting)),
        ("cargo xtask up", &mut || {
            by_up_once(&setting, "cargo xtask up")
        }),
    );
}

/// Each has its own host, and machines run on one of them at a time.
fn compare_with(before: &Project, pairs: NonZeroUsize) {
    let (before, now) = (Setting::of(before), Setting::new());
    copy_the_box(&before);
    copy_the_box(&now);
    println!("three virtual machines, from nothing to a proven quorum, {pairs} pairs in turn");
    in_turn(
        pairs,
        ("before", &mut || by_up_once(&before, "before")),
        ("now", &mut || by_up_once(&now, "now")),
    );
}

/// Measures both, and prints the ratio.
fn in_turn(
    pairs: NonZeroUsize,
    (name, first): (&str, &mut dyn FnMut() -> Duration),
    (other_name, second): (&str, &mut dyn FnMut() -> Duration),
) {
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for pair in 0..pairs.get() {
        // They alternate, so that neither always profits from coming second.
        if pair % 2 == 0 {
            of_second.push(second());
            of_first.push(first());
        } else {
            of_first.push(first());
            of_second.push(second());
        }
    }
    let (first, second) = (median(of_first), median(of_second));
    let ratio = second / first;
    println!("  medians");
    println!("    {name:<14}  {first:7.1} s");
    println!("    {other_name:<14}  {second:7.1} s  {ratio:7.2} times {name}");
}

/// For the first machine of a box, Vagrant and libvirt copy the box for all later ones. That must
/// not count, so one machine is created beforehand; it need not boot.
fn copy_the_box(setting: &Setting) {
    let begun = Instant::now();
    let mut up = vagrant(setting);
    up.args(["up", "--no-provision", &format!("{NAME}_core-01")]);
    let mut up = up.stdout(Stdio::null()).spawn().unwrap();
    wait_for("the first machine of the box", || {
        (!setting.lab.running().is_empty()).then_some(())
    });
    setting.lab.interrupt(&up);
    up.wait().unwrap();
    run(vagrant(setting).args(["destroy", "--force"]));
    tell("copies of the box", begun);
}

/// Until the cluster is verified.
fn by_up_once(setting: &Setting, what: &str) -> Duration {
    nothing_is_there(setting);
    let begun = Instant::now();
    setting.ask(&["up", NAME]).expect(0);
    let took = begun.elapsed();
    show(what, took, time_of_vagrant(setting));
    setting.ask(&["destroy", NAME, "--yes"]).expect(0);
    took
}

/// How long Vagrant ran in `up`: from the creation of its log to the last write. `None` if the file
/// system does not record the creation.
fn time_of_vagrant(setting: &Setting) -> Option<Duration> {
    let log = setting.workspace.join(format!(".state/{NAME}/vagrant.log"));
    let log = fs::metadata(log).unwrap();
    let ended = log.modified().unwrap();
    ended.duration_since(log.created().ok()?).ok()
}

/// Until each member reports itself healthy, which is as much as plain tools show.
fn by_hand_once(setting: &Setting) -> Duration {
    nothing_is_there(setting);
    let begun = Instant::now();
    run(vagrant(setting).arg("up"));
    let of_vagrant = begun.elapsed();
    wait_for("three healthy members", || {
        let endpoints = [101, 102, 103].map(|host| format!("http://{NETWORK}.{host}:2379"));
        let mut etcdctl = setting.command(packaged().join("etcdctl"));
        etcdctl
            .args(["--endpoints", &endpoints.join(","), "endpoint", "health"])
            .env("ETCDCTL_API", "3");
        etcdctl.output().unwrap().status.success().then_some(())
    });
    let took = begun.elapsed();
    show("by hand", took, Some(of_vagrant));
    run(vagrant(setting).args(["destroy", "--force"]));
    took
}

/// Vagrant as called by hand: in the folder of the cluster's rendered files.
fn vagrant(setting: &Setting) -> Command {
    let mut vagrant = setting.command("vagrant");
    vagrant
        .current_dir(setting.workspace.join("vagrant").join(NAME))
        // `up` disables the update check, too.
        .env("VAGRANT_CHECKPOINT_DISABLE", "1");
    vagrant
}

fn run(command: &mut Command) {
    Ran::from(command.output().unwrap()).expect(0);
}

/// Leftovers of one could help or hinder the next.
fn nothing_is_there(setting: &Setting) {
    let lab = &setting.lab;
    let left = [lab.domains(), lab.networks(), lab.disks()].concat();
    assert_eq!(left, Vec::<String>::new());
}

fn show(what: &str, took: Duration, of_vagrant: Option<Duration>) {
    let took = took.as_secs_f64();
    let of_vagrant = of_vagrant.map_or(String::new(), |time| {
        format!("  {:7.1} s of it `vagrant up`", time.as_secs_f64())
    });
    println!("  {what:<16}  {took:7.1} s{of_vagrant}");
}

/// The median in seconds; for an even number, the mean of the middle two.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    (low + high).as_secs_f64() / 2.0
}
