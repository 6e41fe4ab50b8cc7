//! What the programs of each release say about snapshots. `tests/recorded/README.md` describes the
//! recordings.

use std::fs;

use serde_json::Value;
use test_attribute::test;
use xtask::observation::etcdctl;
use xtask::restore::bump;

use crate::support::project;

const VERSIONS: [&str; 3] = ["3.5.30", "3.6.14", "3.7.1"];

/// What one call printed: standard output, then standard error.
fn recorded(version: &str, call: &str) -> (String, String) {
    let path = project().join(format!("tests/recorded/snapshots/{version}/{call}.txt"));
    let text = fs::read_to_string(path).unwrap();
    let (_command, said) = text.split_once('\n').unwrap();
    let (said, _status) = said.rsplit_once("--- exit status").unwrap();
    let (stdout, stderr) = said
        .split_once("--- standard error\n")
        .unwrap_or((said, ""));
    (stdout.to_owned(), stderr.to_owned())
}

#[test]
fn recorded_snapshots_have_their_revision() {
    for version in VERSIONS {
        let (status, _) = recorded(version, "etcdutl-snapshot-status-json");
        assert_eq!(
            etcdctl::snapshot_revision(&status).unwrap(),
            51,
            "{version}"
        );
    }
}

#[test]
fn recorded_hashes_are_read_for_each_member() {
    for version in VERSIONS {
        let (hashes, _) = recorded(version, "hashkv-json");
        let hashes: Vec<Value> = serde_json::from_str(&hashes).unwrap();
        assert_eq!(hashes.len(), 3);
        for hash in hashes {
            let one = Value::from(vec![hash]).to_string();
            let hash = etcdctl::hash(&one, 51).unwrap();
            assert_eq!(
                (hash.hash, hash.compact_revision),
                (3_054_774_702, -1),
                "{version}"
            );
        }
    }
}

#[test]
fn recorded_damage_is_the_reason_of_the_refusal() {
    for version in VERSIONS {
        let (_, error) = recorded(version, "snapshot-status-of-a-truncated-file");
        let reason = etcdctl::reason(&error);
        assert_eq!(
            reason.as_deref(),
            Some("file size too small 5000"),
            "{version}"
        );
    }
}

/// The journal of a restoration records the raised revision before any member has it.
#[test]
fn recorded_restorations_add_the_bump_to_the_revision() {
    for version in VERSIONS {
        let (_, log) = recorded(version, "snapshot-restore-bumped");
        let added = format!(
            r#"{{"latest-revision": 51, "bump-amount": 1000000, "new-latest-revision": {}}}"#,
            51 + 1_000_000
        );
        assert!(log.contains(&added), "{version}: {log}");
    }
    assert_eq!(bump(51, None), 1_000_000_000);
    assert_eq!(bump(51, Some(60)), 1_000_000_009);
    assert_eq!(bump(51, Some(7)), 1_000_000_000);
}
