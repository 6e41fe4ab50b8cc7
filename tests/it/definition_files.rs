//! Files in `cluster/` besides valid definitions, and the messages about them.

use std::fs;
use std::os::unix::fs::symlink;

use expect_test::{Expect, expect};
use test_attribute::test;

use crate::scratch::Scratch;

#[test]
fn unknown_name_lists_the_available_definitions() {
    let scratch = Scratch::with("default", "members = 3\n");
    scratch.define("five", "members = 5\n");
    fails(
        &scratch,
        &["render", "defualt"],
        &expect![[r#"
            error: there is no `cluster/defualt.toml`
            hint: did you mean `default`?
            hint: available definitions: `default` and `five`
        "#]],
    );
}

#[test]
fn missing_definition_shows_the_smallest_one() {
    let scratch = Scratch::new();
    fails(
        &scratch,
        &["render"],
        &expect![[r#"
        error: there is no definition in `cluster/`
        note: each file `cluster/<name>.toml` defines one cluster
        hint: write `members = 3` into `cluster/default.toml`: that alone is a cluster
    "#]],
    );
    fails(
        &scratch,
        &["render", "default"],
        &expect![[r#"
            error: there is no `cluster/default.toml`
            hint: write `members = 3` into `cluster/default.toml`: that alone is a cluster
        "#]],
    );
}

#[test]
fn files_that_are_no_definitions_are_named() {
    let scratch = Scratch::with("default", "members = 3\n");
    let file = |name: &str| scratch.root().join("cluster").join(name);
    fs::create_dir(file("folder.toml")).unwrap();
    fs::write(file("latin.toml"), b"# fine\n# caf\xe9\n").unwrap();
    fs::write(file("windows.toml"), b"\xff\xfem\0").unwrap();
    fs::write(file("large.toml"), " ".repeat(70_000)).unwrap();
    fs::write(file("My_Cluster.toml"), "members = 3\n").unwrap();
    fs::write(file("tab\there.toml"), "members = 3\n").unwrap();
    symlink("nowhere", file("gone.toml")).unwrap();
    symlink("loop.toml", file("loop.toml")).unwrap();
    symlink("/dev/zero", file("zero.toml")).unwrap();
    fails(
        &scratch,
        &["render"],
        &expect![[r#"
            error: `cluster/My_Cluster.toml` cannot name a cluster: `M` is not allowed in a cluster's name
            note: the file name is the cluster's name, which also names folders and a token
            hint: rename the file: use 1 to 63 lower-case letters, digits and inner hyphens, as in `staging`

            error: `cluster/folder.toml` is a folder
            note: everything in `cluster/` that ends in `.toml` is read as a definition
            hint: move it elsewhere, or rename it

            error: `cluster/gone.toml` cannot be read
            note: No such file or directory (os error 2)

            error: `cluster/large.toml` is 70,000 bytes; the limit is 65,536
            note: a definition has a few kilobytes, so this is probably another file

            error: `cluster/latin.toml` is not UTF-8
            note: line 2 has the byte 0xe9, which is not valid UTF-8 there
            hint: save the file as UTF-8

            error: `cluster/loop.toml` cannot be read
            note: Too many levels of symbolic links (os error 40)

            error: `cluster/tab\there.toml` cannot name a cluster: `\t` is not allowed in a cluster's name
            note: the file name is the cluster's name, which also names folders and a token
            hint: rename the file: use 1 to 63 lower-case letters, digits and inner hyphens, as in `staging`

            error: `cluster/windows.toml` is not UTF-8
            note: line 1 has the byte 0xff, which is not valid UTF-8 there
            hint: the file is UTF-16: save it as UTF-8

            error: `cluster/zero.toml` is not a regular file
            note: everything in `cluster/` that ends in `.toml` is read as a definition
            hint: move it elsewhere, or rename it
        "#]],
    );
}

#[test]
fn editor_backups_are_ignored() {
    let scratch = Scratch::with("default", "members = 3\n");
    for name in [
        ".default.toml",
        ".#default.toml",
        "default.toml~",
        "default.toml.swp",
    ] {
        let path = scratch.root().join("cluster").join(name);
        fs::write(path, "nonsense").unwrap();
    }
    let ran = scratch.run(&["render"]).expect(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn errors_of_all_files_are_sorted_by_file_name() {
    let scratch = Scratch::with("b", "members = 4\n");
    scratch.define("a", "membres = 3\n");
    scratch.define("c", "members = 3\n");
    fails(
        &scratch,
        &["render"],
        &expect![[r#"
            error: unknown key `membres`
             --> cluster/a.toml:1:1
              |
            1 | membres = 3
              | ^^^^^^^
              |
              = hint: did you mean `members`?

            error: 4 members tolerate no more failures than 3
             --> cluster/b.toml:1:11
              |
            1 | members = 4
              |           ^
              |
              = note: 3 of 4 must agree, so 1 may fail; the additional member is only one more that can fail
              = hint: use 3 or 5 members

            warning: `a` and `b` both claim the address `192.168.56.101`
            note: only one of them can be up at a time
            note: `cluster/a.toml` claims `192.168.56.101` by default
            note: `cluster/b.toml` claims `192.168.56.101` by default
            hint: give `b` its own subnet under `[network]`, such as `subnet = "192.168.57.0/24"`

            warning: `a` and `c` both claim the address `192.168.56.101`
            note: only one of them can be up at a time
            note: `cluster/a.toml` claims `192.168.56.101` by default
            note: `cluster/c.toml` claims `192.168.56.101` by default
            hint: give `c` its own subnet under `[network]`, such as `subnet = "192.168.57.0/24"`
        "#]],
    );
}

#[test]
fn colors_are_for_terminals_that_want_them() {
    let scratch = Scratch::with("default", "members = 4\n");
    let stderr = |variable: &str| {
        let mut command = scratch.command(&["render"]);
        let output = command.env(variable, "1").output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!stderr("NO_COLOR").contains('\u{1b}'));
    assert!(
        !stderr("CLICOLOR").contains('\u{1b}'),
        "a pipe is no terminal"
    );
    assert!(stderr("CLICOLOR_FORCE").contains("\u{1b}["));
}

#[track_caller]
fn fails(scratch: &Scratch, arguments: &[&str], expected: &Expect) {
    let ran = scratch.run(arguments).expect(3);
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&ran.stderr);
}
