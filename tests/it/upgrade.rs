//! Real clusters whose version of etcd changes.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use test_attribute::test;
use xtask::etcd::pair;
use xtask::etcd::tools::ToolsOrigin;
use xtask::state::{Record, RecordedDefinition};
use xtask::workspace::Workspace;

use crate::apply_support::{Writer, count};
use crate::etcd_binaries::{of_debian_13, packaged};
use crate::local_support::{begin, end, etcdctl, get, processes, put, up};
use crate::scratch::{Ran, Scratch};
use crate::support::{copy_programs, look_until, program};

const OLD: &str = "version = \"3.4.23\"\nruntime = \"container\"\n";
const NEW: &str = "version = \"3.5.16\"\nruntime = \"container\"\n";

fn started(name: &str, members: u8, network: u8) -> Scratch {
    let scratch = Scratch::with(name, &count(network, members, OLD));
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

fn upgrade(scratch: &Scratch, name: &str) -> Ran {
    let to = of_debian_13().as_str();
    scratch.run(&["apply", name, "--yes", "--etcd-dir", to])
}

/// The version that each member reports.
fn versions(scratch: &Scratch, name: &str) -> Vec<String> {
    let status = ["status", name, "--format", "json"];
    let status: Value = serde_json::from_str(&scratch.run(&status).expect(0).stdout).unwrap();
    let members = status["members"].as_array().unwrap().iter();
    let versions = members.map(|one| one["version"].as_str().unwrap_or_default().to_owned());
    versions.collect()
}

#[test]
fn version_is_rolled_under_load() {
    let scratch = started("roll", 3, 71);
    let before = processes(&scratch, "roll");
    scratch.define("roll", &count(71, 3, NEW));
    let plan = scratch.run(&["plan", "roll"]).expect(1);
    assert_eq!(
        plan.stdout.matches(" with etcd 3.5.16\n").count(),
        3,
        "{}",
        plan.stdout
    );
    let said = "note: etcd was 3.4.23 and is now 3.5.16\n";
    let status = scratch.run(&["status", "roll"]).expect(0).stderr;
    assert!(status.contains(said), "{status}");
    assert_eq!(processes(&scratch, "roll"), before);

    let writer = Writer::start(71, &[101, 102, 103]);
    let applied = upgrade(&scratch, "roll").expect(0);
    let (written, longest) = writer.lost_nothing(&scratch, "roll");
    eprintln!("{written} writes, the longest gap {longest:?}");
    assert!(
        applied.stdout.starts_with("roll is healthy: 3 of 3"),
        "{}",
        applied.stdout
    );
    assert_eq!(versions(&scratch, "roll"), ["3.5.16"; 3]);
    scratch.run(&["plan", "roll"]).expect(0);
    let url = "http://127.87.71.101:2379/version";
    let speaks = minreq::get(url).send().unwrap();
    let speaks = speaks.as_str().unwrap().to_owned();
    assert!(speaks.contains("\"etcdcluster\":\"3.5.0\""), "{speaks}");
    assert_eq!(get(&scratch, "roll", "greeting"), "hello\n");

    // The next start keeps the new version.
    scratch.run(&["down", "roll"]).expect(0);
    scratch.run(&["up", "roll"]).expect(0);
    assert_eq!(versions(&scratch, "roll"), ["3.5.16"; 3]);
    // There is no way back but over the backup.
    scratch.define("roll", &count(71, 3, OLD));
    let back = ["apply", "roll", "--yes", "--etcd-dir", packaged().as_str()];
    scratch.run(&back).expect(7);
    assert_eq!(versions(&scratch, "roll"), ["3.5.16"; 3]);
}

#[test]
fn interrupted_upgrade_is_continued_or_taken_back() {
    let scratch = started("half", 3, 72);
    scratch.define("half", &count(72, 3, NEW));
    let to = of_debian_13().as_str();
    let apply = begin(&scratch, &["apply", "half", "--yes", "--etcd-dir", to]);
    let upgraded = || versions(&scratch, "half").contains(&"3.5.16".to_owned());
    look_until(upgraded, |upgraded| *upgraded);
    kill(Pid::from_raw(apply.id().cast_signed()), Signal::SIGKILL).unwrap();
    end(apply);
    let verify = scratch.run(&["verify", "half"]).expect(1).stdout;
    let hint = "`cargo xtask apply half`\n";
    assert!(verify.contains(hint), "{verify}");

    // While the cluster speaks the version before, it is taken back.
    scratch.define("half", &count(72, 3, OLD));
    let back = ["apply", "half", "--yes", "--etcd-dir", packaged().as_str()];
    scratch.run(&back).expect(0);
    assert_eq!(versions(&scratch, "half"), ["3.4.23"; 3]);

    // Or it is completed, after a loss of power.
    scratch.define("half", &count(72, 3, NEW));
    let apply = begin(&scratch, &["apply", "half", "--yes", "--etcd-dir", to]);
    look_until(upgraded, |upgraded| *upgraded);
    kill(Pid::from_raw(apply.id().cast_signed()), Signal::SIGKILL).unwrap();
    end(apply);
    for id in processes(&scratch, "half").values() {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap();
    }
    look_until(|| processes(&scratch, "half").is_empty(), |gone| *gone);
    // Each starts with the version that it ran last.
    scratch.run(&["up", "half"]).expect(1);
    let left = versions(&scratch, "half");
    for version in ["3.4.23", "3.5.16"] {
        assert!(left.contains(&version.to_owned()), "{left:?}");
    }
    let refused = scratch.run(&["restart", "--cluster", "half"]).expect(7);
    let hint = "`cargo xtask apply half`\n";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    scratch.run(&["apply", "half", "--yes"]).expect(0);
    assert_eq!(versions(&scratch, "half"), ["3.5.16"; 3]);
    assert_eq!(get(&scratch, "half", "greeting"), "hello\n");
}

/// A new version that does not start leaves a quorum of the old one, and the way back.
#[test]
fn version_that_does_not_start_is_taken_back() {
    let scratch = started("broken", 3, 73);
    let folder = scratch.root().join("bin");
    fs::create_dir(&folder).unwrap();
    copy_programs(of_debian_13(), &folder, &["etcdctl"]);
    let etcd = format!(
        "case $* in *data-dir*) echo 'illegal instruction' >&2; exit 1 ;; esac\n\
         exec '{}/etcd' \"$@\"",
        of_debian_13()
    );
    program(&folder.join("etcd"), &etcd);
    scratch.define("broken", &count(73, 3, NEW));
    let apply = ["apply", "broken", "--yes", "--etcd-dir", folder.as_str()];
    let failed = scratch.run(&apply).expect(6).stderr;
    assert!(failed.contains("illegal instruction"), "{failed}");
    let mut left = versions(&scratch, "broken");
    left.sort();
    assert_eq!(left, ["", "3.4.23", "3.4.23"]);

    // After a reboot, nothing starts with it, until the version is set back.
    for id in processes(&scratch, "broken").values() {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap();
    }
    look_until(|| processes(&scratch, "broken").is_empty(), |gone| *gone);
    scratch.run(&["up", "broken"]).expect(6);
    scratch.define("broken", &count(73, 3, OLD));
    scratch.run(&["up", "broken"]).expect(0);
    assert_eq!(versions(&scratch, "broken"), ["3.4.23"; 3]);

    // The same without the reboot.
    scratch.define("broken", &count(73, 3, NEW));
    scratch.run(&apply).expect(6);
    scratch.define("broken", &count(73, 3, OLD));
    let back = [
        "apply",
        "broken",
        "--yes",
        "--etcd-dir",
        packaged().as_str(),
    ];
    scratch.run(&back).expect(0);
    assert_eq!(versions(&scratch, "broken"), ["3.4.23"; 3]);
    assert_eq!(get(&scratch, "broken", "greeting"), "hello\n");
}

/// `apply` was killed after it had recorded the new version, and the version was set back before anything else.
#[test]
fn upgrade_is_forgotten_if_it_is_set_back_at_once() {
    let scratch = started("early", 1, 76);
    let home = Workspace::at(scratch.root()).home(&"early".parse().unwrap());
    let mut record = Record::read(&home).unwrap().unwrap();
    let newer = pair::in_folder(of_debian_13(), ToolsOrigin::Named).unwrap();
    let defined = RecordedDefinition {
        version: newer.version,
        driver: None,
    };
    let all = record.names();
    record.begin_upgrade(Some(&newer), defined, all);
    record.write(&home).unwrap();

    let verify = scratch.run(&["verify", "early"]).expect(0).stdout;
    let words = "the change to etcd 3.5.16 was set back, which is not recorded yet";
    assert!(verify.contains(words), "{verify}");
    assert!(verify.contains("`cargo xtask apply early`\n"), "{verify}");
    let plan = scratch.run(&["plan", "early"]).expect(1);
    let task = " 1. record that the cluster stays with etcd 3.4.23\n";
    assert!(plan.stdout.contains(task), "{}", plan.stdout);
    let hint = "`cargo xtask apply early`\n";
    assert!(plan.stderr.contains(hint), "{}", plan.stderr);
    let json = scratch
        .run(&["plan", "early", "--format", "json"])
        .expect(1);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["steps"], json!([]));
    let what = "record that the cluster stays with etcd 3.4.23";
    assert_eq!(json["finally"][0]["what"], what);
    assert_eq!(json["differences"], json!([]));

    let apply = scratch.run(&["apply", "early"]).expect(2).stderr;
    assert!(apply.contains(task), "{apply}");
    let apply = scratch.run(&["apply", "early", "--yes"]).expect(0).stderr;
    for never in ["nothing to do", "snapshot", "saved as"] {
        assert!(!apply.contains(never), "{apply}");
    }
    scratch.run(&["plan", "early"]).expect(0);
    let verify = scratch.run(&["verify", "early"]).expect(0).stdout;
    assert!(!verify.contains(words), "{verify}");
    scratch.run(&["down", "early"]).expect(0);
    scratch.run(&["up", "early"]).expect(0);
    assert_eq!(versions(&scratch, "early"), ["3.4.23"]);
}

/// `apply` was killed before it had recorded that the change is complete.
#[test]
fn upgrade_of_all_members_is_completed() {
    let scratch = started("late", 1, 82);
    let home = Workspace::at(scratch.root()).home(&"late".parse().unwrap());
    let before = Record::read(&home).unwrap().unwrap();
    scratch.define("late", &count(82, 1, NEW));
    let to = of_debian_13().as_str();
    let apply = ["apply", "late", "--allow-interruption", "--yes"];
    let apply = [&apply[..], &["--etcd-dir", to]].concat();
    scratch.run(&apply).expect(0);
    let after = Record::read(&home).unwrap().unwrap();
    let newer = after.tools(&home).unwrap();
    let mut record = before;
    record.begin_upgrade(Some(&newer), after.defined.unwrap(), Vec::new());
    record.serves_with_version();
    record.write(&home).unwrap();

    let verify = scratch.run(&["verify", "late"]).expect(0).stdout;
    let words = "all members run etcd 3.5.16, but the change to it is not complete";
    assert!(verify.contains(words), "{verify}");
    let plan = scratch.run(&["plan", "late"]).expect(1).stdout;
    let task = " 1. complete the change to etcd 3.5.16, and take a backup\n";
    assert!(plan.contains(task), "{plan}");
    let apply = scratch.run(&["apply", "late", "--yes"]).expect(0).stderr;
    assert!(apply.contains("saved as"), "{apply}");
    assert!(!apply.contains("nothing to do"), "{apply}");
    let apply = scratch.run(&["apply", "late", "--yes"]).expect(0).stderr;
    assert!(apply.ends_with("nothing to do\n"), "{apply}");
}

/// From then on, the members do not start with the version before.
#[test]
fn version_is_not_set_back_once_the_cluster_has_moved() {
    let scratch = started("moved", 3, 81);
    scratch.define("moved", &count(81, 3, NEW));
    let to = of_debian_13().as_str();
    let apply = begin(&scratch, &["apply", "moved", "--yes", "--etcd-dir", to]);
    let speaks = || {
        let answer = minreq::get("http://127.87.81.101:2379/version").send();
        answer.is_ok_and(|answer| answer.as_str().is_ok_and(|text| text.contains("\"3.5.0\"")))
    };
    look_until(speaks, |has_moved| *has_moved);
    // It may be complete by now.
    let _ = kill(Pid::from_raw(apply.id().cast_signed()), Signal::SIGKILL);
    end(apply);
    scratch.define("moved", &count(81, 3, OLD));
    for id in processes(&scratch, "moved").values() {
        kill(Pid::from_raw(*id), Signal::SIGKILL).unwrap();
    }
    look_until(|| processes(&scratch, "moved").is_empty(), |gone| *gone);
    let up = scratch.run(&["up", "moved"]);
    assert!(matches!(up.status, Some(0 | 1)), "{}", up.stderr);
    assert_eq!(versions(&scratch, "moved"), ["3.5.16"; 3]);
}

/// Entries of users and passwords have another format in the log of 3.5.
#[test]
fn cluster_with_authentication_is_not_upgraded_to_3_5() {
    let scratch = started("users", 1, 74);
    for words in [&["user", "add", "root:secret"][..], &["auth", "enable"]] {
        etcdctl(&scratch, "users", words).expect(0);
    }
    scratch.define("users", &count(74, 1, NEW));
    let plan = scratch.run(&["plan", "users"]).expect(7).stderr;
    let fact = "error: etcd 3.4.23 cannot be upgraded to 3.5 while authentication is enabled\n";
    assert!(plan.contains(fact), "{plan}");
    assert_eq!(versions(&scratch, "users"), ["3.4.23"]);
}

#[test]
fn minor_release_is_not_skipped() {
    let scratch = started("far", 1, 75);
    scratch.define("far", &count(75, 1, &NEW.replace("3.5.16", "3.6.14")));
    let plan = scratch.run(&["plan", "far"]).expect(7).stderr;
    let note = "note: the steps from 3.4.23 are 3.5.33 and 3.6.14\n";
    assert!(plan.contains(note), "{plan}");
    // A version that nobody has.
    scratch.define("far", &count(75, 1, &NEW.replace("3.5.16", "3.4.45")));
    let apply = ["apply", "far", "--yes", "--allow-interruption"];
    let path = format!("{}:/usr/bin:/bin", packaged());
    let mut apply = scratch.command(&apply);
    let missing = Ran::from(apply.env("PATH", path).output().unwrap());
    let missing = missing.expect(5).stderr;
    let error = "error: etcd 3.4.45 was not found on this host\n";
    assert!(missing.contains(error), "{missing}");
    assert_eq!(versions(&scratch, "far"), ["3.4.23"]);
}
