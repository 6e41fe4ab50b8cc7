//! A cluster of etcd 3.5, whose flags and etcdctl differ from the distribution's 3.4.

use std::fs;

use serde_json::Value;
use test_attribute::test;

use crate::etcd_binaries::of_debian_13;
use crate::local_support::{get, put};
use crate::scratch::Scratch;
use crate::support::look_until;

const DEFINITION: &str = "\
members = 3
[network]
subnet = \"10.76.2.0/24\"
[etcd]
version = \"3.5.16\"
";

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
