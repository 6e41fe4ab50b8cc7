//! `cargo bench --bench machines`: `cargo xtask up` against plain `vagrant up`, for three virtual machines
//! from nothing, in turn and in one run, so that the ratio holds on any host. `-- 5` has it measure five
//! pairs. It takes what the tests of machines take, root among it; a host that lacks some of it is told
//! what, and nothing is measured.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../it/etcd_binaries.rs"]
mod etcd_binaries;
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
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use etcd_binaries::packaged;
use lab::wait_for;
use scratch::Ran;
use setting::{NAME, NETWORK, Setting, tell};
use xtask::commands::test::why_no_vms;
use xtask::report::Exit;

/// Few, since a pair takes minutes. A host that is busy with something else takes more.
const PAIRS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn main() -> ExitCode {
    // Of cargo's tasks only `bench` says this; `cargo test --benches` wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    if let Some(why) = why_no_vms().unwrap() {
        eprintln!("not run: {why}");
        return ExitCode::from(Exit::Host as u8);
    }
    measure(pairs());
    ExitCode::SUCCESS
}

/// What was asked for; cargo adds a word of its own.
fn pairs() -> NonZeroUsize {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let asked = arguments.next();
    asked.map_or(PAIRS, |count| {
        count.parse().expect("this takes a number of pairs")
    })
}

fn measure(pairs: NonZeroUsize) {
    let setting = Setting::new();
    copy_the_box(&setting);
    println!("three virtual machines, from nothing to a healthy cluster, {pairs} pairs in turn");
    let (mut by_up, mut by_hand) = (Vec::new(), Vec::new());
    for pair in 0..pairs.get() {
        // What it may be worth to come second, each has in its turn.
        if pair % 2 == 0 {
            by_up.push(by_up_once(&setting));
            by_hand.push(by_hand_once(&setting));
        } else {
            by_hand.push(by_hand_once(&setting));
            by_up.push(by_up_once(&setting));
        }
    }
    let (up, hand) = (median(by_up), median(by_hand));
    println!("  medians");
    println!("    by hand         {hand:7.1} s");
    let ratio = up / hand;
    println!("    cargo xtask up  {up:7.1} s  {ratio:7.2} times by hand");
}

/// The first machine of a box has Vagrant and libvirt copy it, for all that follow. So nobody's time has
/// that in it.
fn copy_the_box(setting: &Setting) {
    let begun = Instant::now();
    run(vagrant(setting).args(["up", "--no-provision", &format!("{NAME}-core-01")]));
    run(vagrant(setting).args(["destroy", "--force"]));
    tell("copies of the box", begun);
}

/// With the cluster proven.
fn by_up_once(setting: &Setting) -> Duration {
    nothing_is_there(setting);
    let begun = Instant::now();
    setting.ask(&["up", NAME]).expect(0);
    let took = begun.elapsed();
    show("cargo xtask up", took, time_of_vagrant(setting));
    setting.ask(&["destroy", NAME, "--yes"]).expect(0);
    took
}

/// How long Vagrant ran in `up`: its log is made right before it begins, and last written when it has no
/// more to say. Nothing where the file system does not note the first.
fn time_of_vagrant(setting: &Setting) -> Option<Duration> {
    let log = setting.workspace.join(format!(".state/{NAME}/vagrant.log"));
    let log = fs::metadata(log).unwrap();
    let ended = log.modified().unwrap();
    ended.duration_since(log.created().ok()?).ok()
}

/// With each member healthy by its own account, which is as much as plain tools tell.
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

/// Vagrant as one calls it oneself: in the folder of the cluster's rendered files.
fn vagrant(setting: &Setting) -> Command {
    let mut vagrant = setting.command("vagrant");
    vagrant
        .current_dir(setting.workspace.join("vagrant").join(NAME))
        // Nor does `up` have it ask its makers for a newer version.
        .env("VAGRANT_CHECKPOINT_DISABLE", "1");
    vagrant
}

fn run(command: &mut Command) {
    Ran::from(command.output().unwrap()).expect(0);
}

/// What one has left would spare the next something, or be in its way.
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

/// In seconds. Of an even number, it lies between the two in the middle.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    (low + high).as_secs_f64() / 2.0
}
