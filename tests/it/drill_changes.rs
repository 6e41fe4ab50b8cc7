//! Changes that `drill` rehearses on a copy of a real cluster.

use std::collections::BTreeMap;
use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;
use test_attribute::test;
use xtask::change::rehearsals::REHEARSALS;

use crate::apply_support::count;
use crate::cli_cluster::Follower;
use crate::drilled_cluster::tell;
use crate::etcd_binaries::of_debian_13;
use crate::local_support::{etcdctl, is_healthy, processes, put, up};
use crate::scratch::Scratch;

fn started(name: &str, definition: &str) -> Scratch {
    let scratch = Scratch::with(name, definition);
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

/// The processes of the copy, by member.
fn copy(scratch: &Scratch, name: &str) -> BTreeMap<String, i32> {
    let members = scratch
        .root()
        .join(format!(".state/{name}/scratch/.state/{name}/members/"));
    let mut found = BTreeMap::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        let folder = format!("--data-dir={members}");
        let member = line.split('\0').find_map(|word| word.strip_prefix(&folder));
        if let Some(member) = member {
            let id = process.file_name().to_str().unwrap().parse().unwrap();
            found.insert(member.to_owned(), id);
        }
    }
    found
}

/// Asserts that nothing is left of the copy.
#[track_caller]
fn is_without_copy(scratch: &Scratch, name: &str) {
    assert_eq!(copy(scratch, name), BTreeMap::new());
    let folder = scratch.root().join(format!(".state/{name}"));
    let names = folder.read_dir_utf8().unwrap().flatten();
    let names: Vec<String> = names.map(|one| one.file_name().to_owned()).collect();
    for left in ["scratch", "backups"] {
        assert!(!names.iter().any(|name| name == left), "{names:?}");
    }
}

fn steps(drill: &Value) -> Vec<&str> {
    let moments = drill["moments"].as_array().unwrap().iter();
    moments.filter_map(|one| one["step"].as_str()).collect()
}

/// What each change did, from its report. The cluster itself stays as it was.
#[test]
fn changes_are_rehearsed_on_copies_of_a_cluster() {
    let scratch = started("real", &count(50, 3, ""));
    let before = processes(&scratch, "real");
    let changes = [
        "grow",
        "shrink",
        "replace",
        "rolling-restart",
        "rolling-upgrade",
        "address-change",
    ];
    let all = REHEARSALS.iter().map(|one| one.name);
    assert_eq!(all.collect::<Vec<_>>(), changes);
    let how = [
        "--format",
        "json",
        "--rate",
        "60",
        "--report",
        "report.html",
        "--other-etcd",
        of_debian_13().as_str(),
    ];
    let (before_version, rest) = changes.split_at(5);
    let words = [before_version, &["3.5.16"], rest].concat();
    let drill = [&["drill", "real"], &words[..], &how].concat();
    let ran = scratch.run(&drill).expect(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["passed"], true, "{}\n{told:#}", ran.stderr);
    assert_eq!(told["lost_writes"], 0, "{told:#}");
    assert_eq!((&told["changes"], &told["faults"]), (&6.into(), &0.into()));
    assert_eq!(
        (&told["run"]["driver"], &told["run"]["hold_milliseconds"]),
        (&"local".into(), &Value::Null)
    );
    let drills = told["drills"].as_array().unwrap();
    assert_eq!(drills.len(), changes.len());
    for (drill, change) in drills.iter().zip(changes) {
        assert_eq!(
            (&drill["change"], &drill["fault"]),
            (&change.into(), &Value::Null)
        );
        assert_eq!(drill["registers"]["linearizable"], true, "{drill:#}");
        assert!(drill["writes"]["acknowledged_once"].as_u64() > Some(0));
        let gap = &drill["longest_gap"];
        let at = |end: &str| gap[end].as_u64().unwrap();
        let longest = at("to_milliseconds") - at("from_milliseconds");
        tell(&format!(
            "{change} of three: {} acknowledged writes, none lost, at most {longest} ms apart",
            drill["writes"]["acknowledged"]
        ));
    }
    let done = |number: usize| {
        let done = drills[number]["done"].as_str().unwrap();
        done.strip_prefix("on a copy: ").unwrap()
    };
    assert_eq!(done(0), "added core-04 and core-05");
    assert_eq!(drills[0]["members"].as_array().unwrap().len(), 5);
    let removed = done(1).strip_prefix("removed ").unwrap();
    assert!(
        removed.contains("core-02") && removed.contains("core-03"),
        "{removed}"
    );
    assert_eq!(steps(&drills[2]), [done(2).replace("replaced", "replace")]);
    assert_eq!(steps(&drills[3]).len(), 3);
    assert!(done(3).starts_with("restarted core-0"), "{}", done(3));
    assert!(done(4).ends_with(" with etcd 3.5.16"), "{}", done(4));
    assert_eq!(steps(&drills[4]).len(), 3);
    assert_eq!(done(5), "moved core-03");
    let moved = steps(&drills[5])[0];
    assert!(
        moved.starts_with("move core-03 to http://127.87.50.254:"),
        "{moved}"
    );
    let report = fs::read_to_string(scratch.root().join("report.html")).unwrap();
    assert!(report.contains("<h1>Changes of real</h1>"));

    assert_eq!(processes(&scratch, "real"), before, "{}", ran.stderr);
    is_without_copy(&scratch, "real");
    is_healthy(&scratch, "real");
    let keys = etcdctl(&scratch, "real", &["get", "", "--prefix", "--keys-only"]);
    assert_eq!(keys.expect(0).stdout.trim(), "greeting");
    // Commands for the copy would change the cluster itself.
    assert!(!ran.stderr.contains("hint: "), "{}", ran.stderr);
}

/// One member does not serve while it restarts, or while the second one joins.
#[test]
fn changes_of_one_member_are_rehearsed_and_shown_as_a_table() {
    let scratch = started("real", &count(51, 1, ""));
    let before = processes(&scratch, "real");
    let drill = ["drill", "real", "grow", "rolling-restart", "address-change"];
    let ran = scratch.run(&drill).expect(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(
        lines[0].starts_with("CHANGE           VERDICT"),
        "{lines:?}"
    );
    for (line, change) in lines[1..].iter().zip(&drill[2..]) {
        assert!(
            line.starts_with(change) && line.contains("passed"),
            "{line}"
        );
    }
    let last = lines.last().unwrap();
    assert!(last.starts_with("3 changes made, "), "{last}");
    assert!(ran.stderr.starts_with("[1/3] grow: "), "{}", ran.stderr);
    assert!(scratch.root().join(".state/real/drill.html").is_file());
    assert_eq!(processes(&scratch, "real"), before);
    is_without_copy(&scratch, "real");
}

#[test]
fn copy_is_removed_after_ctrl_c_and_by_the_next_task() {
    let scratch = started("real", &count(52, 1, ""));
    let before = processes(&scratch, "real");
    let begun = || {
        let run = Follower::errors(&mut scratch.command(&["drill", "real", "grow"]));
        run.wait_for("  add core-02 at ");
        assert!(!copy(&scratch, "real").is_empty());
        run
    };
    let mut run = begun();
    run.signal(Signal::SIGINT);
    run.wait_for("interrupted: removing the copy of real first");
    run.wait_for("error: interrupted; the copy is removed");
    run.wait_for("note: the cluster itself was not changed");
    assert_eq!(run.child.wait().unwrap().code(), Some(130));
    is_without_copy(&scratch, "real");
    assert_eq!(processes(&scratch, "real"), before);
    for next in [
        &["up", "real"][..],
        &["drill", "real", "rolling-restart"],
        &["down", "real"],
    ] {
        let mut run = begun();
        run.signal(Signal::SIGKILL);
        run.child.wait().unwrap();
        assert!(!copy(&scratch, "real").is_empty());
        assert_eq!(processes(&scratch, "real"), before);
        scratch.run(next).expect(0);
        is_without_copy(&scratch, "real");
    }
}

/// The copy gets the settings of the definition, which nobody has applied yet.
#[test]
fn copy_that_does_not_start_changes_nothing() {
    let scratch = started("real", &count(54, 1, ""));
    let before = processes(&scratch, "real");
    let bad = "[etcd.flags]\nsnapshot-count = \"many\"\n";
    scratch.define("real", &count(54, 1, bad));
    let failed = scratch.run(&["drill", "real", "grow"]).expect(6);
    for said in [
        "error: the copy does not become healthy: ",
        "note: core-01 exited: ",
        "snapshot-count",
        "note: the cluster itself was not changed\n",
    ] {
        assert!(failed.stderr.contains(said), "{}", failed.stderr);
    }
    assert_eq!(failed.stdout, "");
    assert_eq!(processes(&scratch, "real"), before);
    is_without_copy(&scratch, "real");
}

#[test]
fn impossible_changes_are_refused_before_a_copy_is_made() {
    let scratch = started("real", &count(53, 1, ""));
    for (words, said) in [
        (
            &["shrink"][..],
            "error: `shrink` is not possible here: it needs at least 2 members\n",
        ),
        (
            &["grow", "replace"],
            "error: `replace` is not possible here: it needs at least 2 members\n",
        ),
        (
            &["grow", "member-killed"],
            "error: faults and changes cannot be mixed\n",
        ),
        (
            &["grow", "all"],
            "error: faults and changes cannot be mixed\n",
        ),
        (&["grwo"], "error: there is no fault or change `grwo`\n"),
    ] {
        let drill = [&["drill", "real"][..], words].concat();
        let refused = scratch.run(&drill).expect(2);
        assert!(refused.stderr.starts_with(said), "{}", refused.stderr);
    }
    is_without_copy(&scratch, "real");
}
