//! Clusters whose definition was renamed or removed, and what it left.

use std::fs;

use expect_test::expect;
use test_attribute::test;

use crate::local_support::{one, processes, up};
use crate::scratch::Scratch;

#[test]
fn cluster_without_definition_is_named_and_stopped() {
    let scratch = Scratch::with("dev", &one(41));
    up(&scratch, "dev").expect(0);
    let definition = scratch.root().join("cluster/dev.toml");
    fs::rename(&definition, scratch.root().join("cluster/prod.toml")).unwrap();
    for task in [&["verify", "dev"][..], &["up", "dev"], &["drill", "dev"]] {
        let ran = scratch.run(task).expect(3);
        expect![[r#"
            error: there is no `cluster/dev.toml`
            note: cluster `dev` still runs from an earlier definition
            hint: stop it: `cargo xtask down dev`
            hint: or remove it with its data: `cargo xtask destroy dev`
            hint: or restore the definition
            hint: available definitions: `prod`
        "#]]
        .assert_eq(&ran.stderr);
    }
    let down = scratch.run(&["down", "dev"]).expect(0);
    expect![[r#"
        core-01: stopped
        dev: 1 member stopped, its data is kept
        hint: to start it again, restore its definition `cluster/dev.toml`
        hint: or remove it with its data: `cargo xtask destroy dev`
    "#]]
    .assert_eq(&down.stderr);
    assert!(processes(&scratch, "dev").is_empty());
    let status = scratch.run(&["status", "dev"]).expect(0);
    let hint = "hint: to start it again, restore its definition `cluster/dev.toml`\n";
    assert_eq!(status.stderr, hint);
    let ran = scratch.run(&["verify", "dev"]).expect(3);
    expect![[r#"
        error: there is no `cluster/dev.toml`
        note: cluster `dev` was started from an earlier definition, and its data is kept
        hint: remove it with its data: `cargo xtask destroy dev`
        hint: or restore the definition
        hint: available definitions: `prod`
    "#]]
    .assert_eq(&ran.stderr);
    scratch.run(&["destroy", "dev", "--yes"]).expect(0);
    assert_eq!(scratch.left_in_state(), Vec::<String>::new());
}

/// The hint's commands leave no empty folder, and touch nothing that was not rendered.
#[test]
fn left_over_folders_are_removed_by_the_hint() {
    let scratch = Scratch::with("default", "members = 3\n");
    for name in ["alone", "beside"] {
        scratch.define(
            name,
            &format!(
                "members = 3\n[network]\nsubnet = \"10.77.{}.0/24\"\n",
                name.len()
            ),
        );
    }
    scratch.run(&["render"]).expect(0);
    let folder = scratch.root().join("vagrant");
    fs::write(folder.join("beside/notes"), "mine").unwrap();
    for name in ["default", "alone", "beside"] {
        fs::remove_file(scratch.root().join(format!("cluster/{name}.toml"))).unwrap();
    }
    scratch.define("other", "members = 3\n");
    let ran = scratch.run(&["render"]).expect(0);
    let hint = ran
        .stderr
        .lines()
        .find(|line| line.starts_with("hint: remove"))
        .unwrap();
    assert_eq!(
        hint,
        "hint: remove them: `rm -r vagrant/alone`, then `rm vagrant/beside/config.rb \
         vagrant/beside/user-data vagrant/config.rb vagrant/user-data`"
    );
    for command in hint.split('`').skip(1).step_by(2) {
        let mut sh = std::process::Command::new("sh");
        let ran = sh
            .args(["-c", command])
            .current_dir(scratch.root())
            .status();
        assert!(ran.unwrap().success(), "{command}");
    }
    let entries = folder.read_dir_utf8().unwrap();
    let mut left: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["beside", "other"]);
    scratch.run(&["render", "--check"]).expect(0);
}

/// A single member may be deliberate: `render` and the first `up` warn, later tasks do not.
#[test]
fn single_member_is_warned_of_once() {
    let scratch = Scratch::with("single", &one(42));
    let warns = |words: &[&str]| {
        scratch
            .run(words)
            .stderr
            .contains("a single member tolerates")
    };
    assert!(warns(&["render", "single"]));
    for task in ["identity", "verify", "drill"] {
        assert!(!warns(&[task, "single"]), "{task}");
    }
    assert!(
        up(&scratch, "single")
            .expect(0)
            .stderr
            .contains("a single member tolerates")
    );
    for words in [
        &["up", "single"][..],
        &["verify", "single"],
        &["drill", "single"],
        &["identity", "single"],
    ] {
        assert!(!warns(words), "{words:?}");
    }
    assert!(warns(&["render", "single"]));
}
