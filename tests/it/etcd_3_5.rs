//! A cluster of etcd 3.5, where other flags hold and etcdctl speaks otherwise than in the
//! distribution's 3.4.

use std::fs;

use crate::etcd_binaries::of_debian_13;
use crate::scratch::Scratch;

const DEFINITION: &str = "\
members = 3
[network]
subnet = \"10.76.2.0/24\"
[etcd]
version = \"3.5.16\"
";

#[test]
fn runs_as_pinned_is_proven_and_stops_cleanly() {
    let scratch = Scratch::with("newer", DEFINITION);
    let up = scratch
        .run(&["up", "newer", "--etcd-dir", of_debian_13().as_str()])
        .expect(0);
    assert!(!up.stderr.contains("stands in"), "{}", up.stderr);

    let verify = scratch
        .run(&["verify", "newer", "--format", "json"])
        .expect(0);
    let verify: serde_json::Value = serde_json::from_str(&verify.stdout).unwrap();
    let checks = verify["checks"].as_array().unwrap();
    assert!(checks.len() > 10);
    for check in checks {
        assert_eq!(check["verdict"], "pass", "{check:#}");
    }

    scratch
        .run(&[
            "etcdctl",
            "--cluster",
            "newer",
            "--",
            "put",
            "survivor",
            "yes",
        ])
        .expect(0);
    let down = scratch.run(&["down", "newer"]).expect(0);
    assert!(!down.stderr.contains("SIGKILL"), "{}", down.stderr);
    let log =
        fs::read_to_string(scratch.root().join(".state/newer/members/core-01/etcd.log")).unwrap();
    assert!(
        log.contains("compact-hash-check-enabled"),
        "the flags of 3.5 were not used:\n{log}"
    );

    scratch.run(&["up", "newer"]).expect(0);
    let get = [
        "etcdctl",
        "--cluster",
        "newer",
        "--",
        "get",
        "survivor",
        "--print-value-only",
    ];
    assert_eq!(scratch.run(&get).expect(0).stdout, "yes\n");
}
