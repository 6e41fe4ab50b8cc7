//! Backups that are not to be lost, overwritten or believed.

use std::fs;

use test_attribute::test;

use crate::backup::{backup, files, folder, one, started};
use crate::etcd_binaries::packaged;
use crate::local_support::{put, up};
use crate::scratch::Ran;

#[test]
fn keep_spares_the_new_backup_and_named_ones() {
    let scratch = started("kept", &one(41));
    let folder = folder(&scratch, "kept");
    let old = backup(&scratch, "kept", &[]);
    let old = old["file"].as_str().unwrap();
    // As if the clock had been ahead.
    let ahead = folder.join("2099-01-01T00-00-00Z.db");
    fs::rename(old, &ahead).unwrap();
    fs::rename(format!("{old}.json"), format!("{ahead}.json")).unwrap();
    let mine = folder.join("mine.db");
    backup(&scratch, "kept", &["--to", mine.as_str()]);
    let new = backup(&scratch, "kept", &["--keep", "1"]);
    let new = new["file"].as_str().unwrap().rsplit('/').next().unwrap();
    let expected = [new, &format!("{new}.json"), "mine.db", "mine.db.json"];
    assert_eq!(files(&folder), expected);
}

#[test]
fn backup_is_written_to_a_new_file_only() {
    let scratch = started("new", &one(42));
    let folder = scratch.root().join("folder");
    fs::create_dir(&folder).unwrap();
    let to = |file: &str| scratch.run(&["backup", "new", "--to", file]);
    for file in ["", ".", "/", folder.as_str(), "folder/"] {
        let refused = to(file).expect(2);
        assert!(
            refused.stderr.contains("`--to` names no file"),
            "{}",
            refused.stderr
        );
    }
    // A device is not moved away.
    let refused = to("/dev/null").expect(7);
    assert!(
        refused.stderr.ends_with("hint: choose another name\n"),
        "{}",
        refused.stderr
    );
    scratch.run(&["backup", "new", "--prove="]).expect(2);

    // Another one of the same name, at the same time: one of both, and nothing else.
    let file = folder.join("one.db");
    let words = ["backup", "new", "--format", "json", "--to", file.as_str()];
    let mut both = [(); 2].map(|()| scratch.command(&words).spawn().unwrap());
    let mut statuses = both.each_mut().map(|one| one.wait().unwrap().code());
    statuses.sort_unstable();
    assert_eq!(statuses, [Some(0), Some(7)]);
    assert_eq!(files(&folder), ["one.db", "one.db.json"]);
    scratch
        .run(&["backup", "new", &format!("--prove={file}")])
        .expect(0);
}

#[test]
fn backup_of_another_cluster_is_not_proven() {
    let scratch = started("one", &one(43));
    scratch.define("two", &one(44));
    up(&scratch, "two").expect(0);
    let file = backup(&scratch, "one", &[])["file"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = scratch
        .run(&["backup", "two", &format!("--prove={file}")])
        .expect(2);
    assert!(
        refused.stderr.contains("is a backup of cluster `one`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn diverged_member_does_not_prove_its_own_backup() {
    let three = one(45).replace("members = 1", "members = 3");
    let scratch = started("split", &three);
    let old = scratch.root().join("old.db");
    let save = [
        "etcdctl",
        "-c",
        "split",
        "-m",
        "core-01",
        "snapshot",
        "save",
        old.as_str(),
    ];
    scratch.run(&save).expect(0);
    for key in ["a", "b", "c"] {
        put(&scratch, "split", key, "value");
    }
    scratch.run(&["down", "split"]).expect(0);
    // One member gets an older database under its newer log.
    let restored = scratch.root().join("restored");
    let etcdctl = std::process::Command::new(packaged().join("etcdctl"))
        .env("ETCDCTL_API", "3")
        .args([
            "snapshot",
            "restore",
            old.as_str(),
            "--data-dir",
            restored.as_str(),
        ])
        .output()
        .unwrap();
    Ran::from(etcdctl).expect(0);
    let database = scratch
        .root()
        .join(".state/split/members/core-01/data/member/snap/db");
    fs::copy(restored.join("member/snap/db"), &database).unwrap();
    up(&scratch, "split");

    let ran = scratch.run(&["backup", "split", "--prove"]).expect(1);
    assert!(ran.stderr.contains("hold different keys"), "{}", ran.stderr);
    assert!(ran.stdout.contains("not proven"), "{}", ran.stdout);
}
