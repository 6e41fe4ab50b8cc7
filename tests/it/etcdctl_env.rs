//! `etcdctl` and `env`: one member, the user's endpoints, and shells that must not reach another cluster.

use std::process::Command;

use expect_test::expect;
use serde_json::Value;
use test_attribute::test;

use crate::cli_cluster::{one, started, three};
use crate::scratch::{Ran, Scratch};

/// Runs a script in a shell, with this program as `$X`.
fn script(scratch: &Scratch, shell: &str, text: &str) -> Ran {
    let output = Command::new(shell)
        .args(["-c", text])
        .current_dir(scratch.root())
        .env("X", env!("CARGO_BIN_EXE_xtask"))
        .output()
        .unwrap();
    Ran::from(output)
}

#[test]
fn etcdctl_asks_one_member() {
    let scratch = started("single", &three(64));
    let all = ["etcdctl", "-c", "single"];
    let lines = |words: &[&str]| {
        let ran = scratch.run(&[&all[..], words].concat()).expect(0);
        let endpoints = ran
            .stdout
            .lines()
            .map(|line| line.split(',').next().unwrap().to_owned());
        endpoints.collect::<Vec<String>>()
    };
    let url = |host: u8| format!("http://127.78.64.{host}:2379");
    let second = url(102);
    let status = ["endpoint", "status"];
    assert_eq!(lines(&status), [101, 102, 103].map(url));
    assert_eq!(
        lines(&[&["--member", "core-02"][..], &status].concat()),
        [&*second]
    );
    // The user's endpoints win, wherever they stand.
    assert_eq!(
        lines(&[&["--endpoints", &second][..], &status].concat()),
        [&*second]
    );
    assert_eq!(
        lines(&[&status[..], &[&format!("--endpoints={second}")]].concat()),
        [&*second]
    );
    // A key is no option.
    let put = ["put", "--", "--endpoints", "a key"];
    scratch.run(&[&all[..], &put].concat()).expect(0);

    let file = scratch.root().join("backup.db");
    let save = ["-m", "core-03", "snapshot", "save", file.as_str()];
    scratch.run(&[&all[..], &save].concat()).expect(0);
    assert!(file.is_file());
    let both = ["--member", "core-01", "--endpoints", &second, "get", "a"];
    let ran = scratch.run(&[&all[..], &both].concat()).expect(2);
    assert!(
        ran.stderr.contains("`--member` cannot be used with"),
        "{}",
        ran.stderr
    );
    let ran = scratch.run(&[&all[..], &["--member", "core-9", "get", "a"]].concat());
    expect![[r#"
        error: cluster `single` has no member `core-9`
        hint: its members are `core-01`, `core-02` and `core-03`
    "#]]
    .assert_eq(&ran.expect(2).stderr);
}

#[test]
fn env_that_fails_leaves_no_cluster_behind() {
    let scratch = started("here", &one(65));
    let posix = "eval \"$($X env here)\"; etcdctl put a b || exit 9; \
         eval \"$($X env gone)\" && exit 1; eval \"$($X env Not-a-Name)\" && exit 2; \
         echo \"[${ETCDCTL_ENDPOINTS-}]\"";
    let fish = "$X env here --shell fish | source; etcdctl put a b; or exit 9; \
         $X env gone --shell fish | source; and exit 1; $X env --shell=fish --nope | source; and exit 2; \
         echo \"[$ETCDCTL_ENDPOINTS]\"";
    for (shell, text) in [
        ("sh", posix),
        ("bash", posix),
        ("zsh", posix),
        ("fish", fish),
    ] {
        assert_eq!(
            script(&scratch, shell, text).expect(0).stdout,
            "OK\n[]\n",
            "{shell}"
        );
    }
    // What the documents recommend stops at any failure, also of cargo.
    let documented = "e=$(false) && eval \"$e\" || echo stopped";
    assert_eq!(script(&scratch, "sh", documented).stdout, "stopped\n");
    for format in ["dotenv", "json"] {
        assert_eq!(
            scratch
                .run(&["env", "gone", "--shell", format])
                .expect(4)
                .stdout,
            ""
        );
    }
    expect![[r"
        unset ETCDCTL_API ETCDCTL_CACERT ETCDCTL_CERT ETCDCTL_ENDPOINT ETCDCTL_ENDPOINTS ETCDCTL_KEY ETCDCTL_PEERS FLEETCTL_ENDPOINT
        false
    "]]
    .assert_eq(&scratch.run(&["env", "gone"]).expect(4).stdout);
}

#[test]
fn env_does_not_lengthen_path_with_each_call() {
    let scratch = started("path", &one(66));
    let posix = "eval \"$($X env path)\"; first=$PATH; eval \"$($X env path)\"; \
         [ \"$PATH\" = \"$first\" ] && command -v etcdctl";
    let fish = "$X env path --shell fish | source; set first \"$PATH\"; $X env path --shell fish | source; \
         test \"$PATH\" = \"$first\"; and command -v etcdctl";
    let document = scratch.run(&["env", "path", "--shell", "json"]).expect(0);
    let document: Value = serde_json::from_str(&document.stdout).unwrap();
    let etcdctl = format!("{}\n", document["etcdctl"].as_str().unwrap());
    for (shell, text) in [
        ("sh", posix),
        ("bash", posix),
        ("zsh", posix),
        ("fish", fish),
    ] {
        assert_eq!(
            script(&scratch, shell, text).expect(0).stdout,
            etcdctl,
            "{shell}"
        );
    }
    let endpoints = &document["variables"]["ETCDCTL_ENDPOINTS"];
    assert_eq!(*endpoints, "http://127.78.66.101:2379");
    let dotenv = scratch.run(&["env", "path", "--shell", "dotenv"]).expect(0);
    let lines: Vec<&str> = dotenv
        .stdout
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(lines, ["ETCDCTL_ENDPOINTS=http://127.78.66.101:2379"]);
}
