//! Real clusters that are adopted.

use std::fs;

use serde_json::Value;
use test_attribute::test;

use crate::etcd_binaries::packaged;
use crate::local_support::{etcdctl, put, up};
use crate::scratch::Scratch;
use crate::support::look_until;

fn started(name: &str, network: u8) -> Scratch {
    let definition = format!("members = 3\n[network]\nsubnet = \"10.85.{network}.0/24\"\n");
    let scratch = Scratch::with(name, &definition);
    up(&scratch, name).expect(0);
    put(&scratch, name, "greeting", "hello");
    scratch
}

#[test]
fn lost_record_is_rebuilt_with_the_ids_of_added_members() {
    let scratch = started("lost", 1);
    // etcd refuses while a connection is younger than five seconds.
    let replace = ["replace", "core-02", "--cluster", "lost", "--yes"];
    scratch.run(&replace).expect(0);
    let record = scratch.root().join(".state/lost/cluster.json");
    let before = fs::read_to_string(&record).unwrap();
    fs::remove_file(&record).unwrap();
    let adopted = scratch.run(&["adopt", "lost"]).expect(0);
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
    assert!(
        adopted
            .stderr
            .contains("added after the bootstrap: core-02 ("),
        "{}",
        adopted.stderr
    );
    scratch.run(&["verify", "lost"]).expect(0);
    let again = scratch.run(&["adopt", "lost"]).expect(0).stderr;
    assert!(again.contains(", was already recorded\n"), "{again}");
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
}

#[test]
fn stopped_cluster_without_record_gets_its_ids_from_its_data() {
    let scratch = started("data", 4);
    let replace = ["replace", "core-02", "--cluster", "data", "--yes"];
    scratch.run(&replace).expect(0);
    let record = scratch.root().join(".state/data/cluster.json");
    let before = fs::read_to_string(&record).unwrap();
    scratch.run(&["down", "data"]).expect(0);
    fs::remove_file(&record).unwrap();
    up(&scratch, "data").expect(0);
    assert_eq!(fs::read_to_string(&record).unwrap(), before);

    // As if `up` had been killed before the members served.
    scratch.run(&["down", "data"]).expect(0);
    let mut guessed: Value = serde_json::from_str(&before).unwrap();
    guessed["ids_are_guessed"] = true.into();
    guessed.as_object_mut().unwrap().remove("cluster_id");
    guessed["members"][1]
        .as_object_mut()
        .unwrap()
        .remove("added_id");
    fs::write(&record, guessed.to_string()).unwrap();
    up(&scratch, "data").expect(0);
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
}

/// What `verify` says of a member that somebody added leads to its record.
#[test]
fn unrecorded_member_is_not_checked_until_it_is_adopted() {
    let scratch = started("own", 2);
    let replace = ["replace", "core-03", "--cluster", "own", "--yes"];
    scratch.run(&replace).expect(0);
    let record = scratch.root().join(".state/own/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    let mut without: Value = serde_json::from_str(&text).unwrap();
    let members = without["members"].as_array_mut().unwrap();
    members[2].as_object_mut().unwrap().remove("added_id");
    fs::write(&record, without.to_string()).unwrap();
    let verify = scratch.run(&["verify", "own"]).expect(4);
    let hint = "  hint: if you added it, record its ID: `cargo xtask adopt own`\n";
    assert!(verify.stdout.contains(hint), "{}", verify.stdout);
    scratch.run(&["adopt", "own"]).expect(0);
    scratch.run(&["verify", "own"]).expect(0);
    assert_eq!(fs::read_to_string(&record).unwrap(), text);
}

#[test]
fn other_clusters_are_not_adopted() {
    let scratch = started("odd", 3);
    let record = scratch.root().join(".state/odd/cluster.json");
    let text = fs::read_to_string(&record).unwrap();
    let definition = "members = 3\n[network]\nsubnet = \"10.85.3.0/24\"\n";
    fs::remove_file(&record).unwrap();
    scratch.define(
        "odd",
        &definition.replace('3', "5").replace("10.85.5", "10.85.3"),
    );
    // Elsewhere, these are the members of somebody else.
    let five = definition.replace('3', "5").replace("10.85.5", "10.85.3");
    let other = Scratch::with("odd", &five);
    let packaged = packaged().to_string();
    let adopt = ["adopt", "odd", "--etcd-dir", &packaged];
    let refused = other.run(&adopt).expect(7).stderr;
    assert!(
        refused.contains("note: `core-04` at http://127.85.3.104:2380 is defined, not listed\n"),
        "{refused}"
    );
    assert!(!other.root().join(".state/odd/cluster.json").exists());
    // Here they run, and the definition was edited.
    let adopted = scratch.run(&["adopt", "odd"]).expect(0).stderr;
    assert!(adopted.contains("`cargo xtask plan odd`"), "{adopted}");
    scratch.define("odd", definition);

    fs::write(&record, text.replace("odd-1", "odd-2")).unwrap();
    let refused = scratch.run(&["adopt", "odd"]).expect(7).stderr;
    assert!(refused.contains(" is recorded for `odd`\n"), "{refused}");
    fs::write(&record, text).unwrap();

    // Without a quorum, nothing proves the list.
    scratch.run(&["down", "odd"]).expect(0);
    let silent = scratch.run(&["adopt", "odd"]).expect(4).stderr;
    assert!(
        silent.contains("error: `odd` cannot be adopted: no member answers\n"),
        "{silent}"
    );
    up(&scratch, "odd").expect(0);
    let extra = [
        "member",
        "add",
        "extra",
        "--peer-urls=http://127.85.3.9:2380",
    ];
    look_until(
        || etcdctl(&scratch, "odd", &extra).status,
        |status| *status == Some(0),
    );
    let refused = scratch.run(&["adopt", "odd"]).expect(7).stderr;
    assert!(
        refused.contains("note: `` at http://127.85.3.9:2380 is listed, not defined\n"),
        "{refused}"
    );
}
