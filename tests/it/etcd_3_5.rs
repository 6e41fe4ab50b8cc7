//! A cluster of etcd 3.5, whose flags and etcdctl differ from the distribution's 3.4.

use std::fs;

use serde_json::Value;
use test_attribute::test;

use crate::etcd_binaries::of_debian_13;
use crate::local_support::{get, put};
use crate::scratch::Scratch;
use crate::support::{copy_programs, look_until, program};

const DEFINITION: &str = "\
members = 3
[network]
subnet = \"10.76.2.0/24\"
[etcd]
version = \"3.5.16\"
";

/// etcdutl restores the snapshots: etcdctl, which is wrapped here, refuses to, as from 3.6 on.
#[test]
fn etcdutl_restores_the_snapshots_of_a_drill() {
    let definition =
        "members = 3\n[network]\nsubnet = \"10.76.3.0/24\"\n[etcd]\nversion = \"3.5.16\"\n";
    let scratch = Scratch::with("restored", definition);
    let folder = scratch.root().join("bin");
    fs::create_dir(&folder).unwrap();
    copy_programs(of_debian_13(), &folder, &["etcd", "etcdutl"]);
    let etcdctl = format!(
        "case \" $* \" in *' snapshot restore '*) echo 'unknown command' >&2; exit 1 ;; esac\n\
         exec '{}/etcdctl' \"$@\"",
        of_debian_13()
    );
    program(&folder.join("etcdctl"), &etcdctl);
    let up = [
        "up",
        "restored",
        "--etcd-dir",
        folder.as_str(),
        "--timeout",
        "5m",
    ];
    scratch.run(&up).expect(0);
    put(&scratch, "restored", "survivor", "yes");
    let drill = [
        "drill",
        "restored",
        "data-diverged",
        "--yes",
        "--hold",
        "1s",
        "--format",
        "json",
    ];
    let drill = scratch.run(&drill).expect(0);
    let drill: Value = serde_json::from_str(&drill.stdout).unwrap();
    assert_eq!(drill["passed"], true, "{drill:#}");
    assert_eq!(
        drill["drills"][0]["reported"],
        drill["drills"][0]["expected"]
    );
    assert_eq!(get(&scratch, "restored", "survivor"), "yes\n");
}

#[test]
fn pinned_version_runs_and_stops_cleanly() {
    let scratch = Scratch::with("newer", DEFINITION);
    let with = ["--etcd-dir", of_debian_13().as_str(), "--timeout", "5m"];
    let up = scratch
        .run(&[&["up", "newer"][..], &with].concat())
        .expect(0);
    assert!(!up.stderr.contains("stands in"), "{}", up.stderr);

    let verify = ["verify", "newer", "--format", "json"];
    let checks = look_until(
        || {
            let verify = scratch.run(&verify);
            let verify: Value = serde_json::from_str(&verify.stdout).unwrap();
            verify["checks"].as_array().unwrap().clone()
        },
        |checks| checks.iter().all(|check| check["verdict"] == "pass"),
    );
    assert!(checks.len() > 10);
    for check in checks {
        assert_eq!(check["verdict"], "pass", "{check:#}");
    }

    put(&scratch, "newer", "survivor", "yes");
    let down = scratch.run(&["down", "newer"]).expect(0);
    assert!(!down.stderr.contains("SIGKILL"), "{}", down.stderr);
    let log =
        fs::read_to_string(scratch.root().join(".state/newer/members/core-01/etcd.log")).unwrap();
    assert!(
        log.contains("compact-hash-check-enabled"),
        "the flags of 3.5 were not used:\n{log}"
    );

    scratch.run(&["up", "newer", "--timeout", "5m"]).expect(0);
    assert_eq!(get(&scratch, "newer", "survivor"), "yes\n");
}
