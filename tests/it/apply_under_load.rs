//! Real clusters that are changed while clients are at work.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;
use test_attribute::test;

use crate::apply_support::count;
use crate::cli_cluster::Follower;
use crate::drilled_cluster::tell;
use crate::local_support::{etcdctl, is_healthy, put, that_stops_after, up};
use crate::scratch::{Ran, Scratch};
use crate::support::look_until;

const FLAGS: &str = "election_timeout = 1500\n";

fn started(name: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

fn apply_under_load(scratch: &Scratch, name: &str, more: &[&str]) -> Ran {
    let apply = ["apply", name, "--yes", "--under-load"];
    scratch.run(&[&apply[..], more].concat())
}

/// Asserts that the clients have left no key.
#[track_caller]
fn is_tidied_up(scratch: &Scratch, name: &str) {
    let keys = etcdctl(scratch, name, &["get", "", "--prefix", "--keys-only"]);
    assert_eq!(keys.expect(0).stdout.trim(), "greeting");
}

/// The steps in the order in which they were taken.
fn steps(drill: &Value) -> Vec<&str> {
    let moments = drill["moments"].as_array().unwrap().iter();
    moments.filter_map(|one| one["step"].as_str()).collect()
}

#[test]
fn growth_and_new_flags_lose_nothing_under_load() {
    let scratch = started("grown", &count(40, 3, ""));
    scratch.define("grown", &count(40, 5, FLAGS));
    let how = ["--format", "json", "--report", "grown.html", "--rate", "60"];
    let ran = apply_under_load(&scratch, "grown", &how).expect(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["passed"], true, "{}\n{told:#}", ran.stderr);
    assert_eq!(told["lost_writes"], 0, "{told:#}");
    assert_eq!((&told["changes"], &told["faults"]), (&1.into(), &0.into()));
    let run = &told["run"];
    assert_eq!(
        (&run["rate"], &run["hold_milliseconds"]),
        (&60.into(), &Value::Null)
    );
    let drill = &told["drills"][0];
    assert_eq!(
        (&drill["change"], &drill["fault"]),
        (&"apply".into(), &Value::Null)
    );
    assert_eq!(drill["registers"]["linearizable"], true, "{drill:#}");
    assert!(drill["writes"]["acknowledged_once"].as_u64() > Some(0));
    let steps = steps(drill);
    assert_eq!(steps.len(), 5, "{steps:?}");
    assert_eq!(steps[0], "add core-04 at http://127.87.40.104:2380");
    assert_eq!(
        steps
            .iter()
            .filter(|step| step.starts_with("restart"))
            .count(),
        3
    );
    let done = drill["done"].as_str().unwrap();
    assert!(done.starts_with("added core-04 and core-05; "), "{done}");
    // The new members have clients of their own.
    let report = fs::read_to_string(scratch.root().join("grown.html")).unwrap();
    assert!(report.contains("<h1>Change of grown</h1>"));
    let members: Vec<&str> = drill["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert_eq!(members.len(), 5);
    assert!(!scratch.root().join(".state/grown/drill.html").exists());
    let gap = &drill["longest_gap"];
    let at = |end: &str| gap[end].as_u64().unwrap();
    tell(&format!(
        "3 to 5 members and other flags: {}, the longest gap {} ms",
        told["summary"].as_str().unwrap(),
        at("to_milliseconds") - at("from_milliseconds")
    ));
    is_healthy(&scratch, "grown");
    is_tidied_up(&scratch, "grown");
}

/// The clients of a member that is removed or moves stop, and those at its new address start.
#[test]
fn removed_and_moved_members_lose_nothing_under_load() {
    let scratch = started("shrunk", &count(41, 5, ""));
    let moved = count(41, 3, "").replace("10.87.41.101", "10.87.41.111");
    scratch.define("shrunk", &moved);
    let ran = apply_under_load(&scratch, "shrunk", &[]).expect(0);
    let (verified, told) = ran.stdout.split_once("\nshrunk: apply passed: ").unwrap();
    assert!(
        verified.starts_with("shrunk is healthy: 3 of 3"),
        "{verified}"
    );
    let first = told.lines().next().unwrap();
    for done in ["moved core-01", "removed core-0"] {
        assert!(first.contains(done), "{first}");
    }
    for fact in [
        "ok       lost       none: ",
        "ok       registers  linearizable: ",
        "ok       healthy    shrunk is healthy",
        "         gap        at most ",
    ] {
        assert!(told.contains(fact), "{fact:?}\n{told}");
    }
    let last = told.trim_end().lines().last().unwrap();
    assert!(last.starts_with("1 change made, "), "{last}");
    assert!(
        last.contains(" acknowledged writes, 0 lost, at most "),
        "{last}"
    );
    tell(&format!("5 to 3 members, one of them moved: {last}"));
    // The report is among those of drills.
    assert!(scratch.root().join(".state/shrunk/drill.html").is_file());
    is_tidied_up(&scratch, "shrunk");
    let again = apply_under_load(&scratch, "shrunk", &["--format", "json"]).expect(0);
    assert_eq!(again.stdout, "");
    assert_eq!(again.stderr, "shrunk is as defined: nothing to do\n");
}

#[test]
fn ctrl_c_under_load_completes_a_step_and_stops_the_clients() {
    let scratch = that_stops_after("member promote", &count(42, 3, ""));
    scratch.define("cut", &count(42, 5, ""));
    let apply = [
        "apply",
        "cut",
        "--yes",
        "--under-load",
        "--report",
        "cut.html",
    ];
    let mut run = Follower::errors(&mut scratch.command(&apply));
    let waits = scratch.root().join("waits");
    assert!(look_until(|| waits.exists(), |waits| *waits));
    run.signal(Signal::SIGINT);
    run.wait_for("interrupted: completing this step first");
    fs::write(scratch.root().join("go"), "").unwrap();
    run.wait_for("note: the last step is complete: give core-04 its vote");
    run.wait_for("hint: continue: `cargo xtask apply cut`");
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    let report = fs::read_to_string(scratch.root().join("cut.html")).unwrap();
    assert!(report.contains("<li>the change is not complete</li>"));
    is_tidied_up(&scratch, "cut");
}

#[test]
fn load_is_described_only_with_under_load() {
    let scratch = Scratch::with("default", "members = 3\n");
    for more in [
        ["--rate", "50"],
        ["--format", "json"],
        ["--report", "x.html"],
    ] {
        let ran = scratch.run(&[&["apply"], &more[..]].concat()).expect(2);
        assert!(ran.stderr.contains("--under-load"), "{}", ran.stderr);
    }
}
