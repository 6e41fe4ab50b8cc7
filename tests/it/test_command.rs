//! `cargo xtask test`: what it needs, and what it says of each step.

use expect_test::expect;
use test_attribute::test;

use crate::harness::not_run;
use crate::scratch::{Ran, Scratch};

#[test]
fn missing_programs_are_named_with_the_line_that_installs_them() {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["test"]);
    let output = command.env("PATH", scratch.root()).output().unwrap();
    let ran = Ran::from(output).expect(5);
    assert_eq!(ran.stdout, "");
    expect![[r#"
        error: this host lacks 19 programs that the tests need
        note: `ruby` reads `config.rb` as Vagrant does
        note: `cloud-init` checks `user-data` against its schema
        note: `systemd-analyze` checks the units
        note: `shellcheck` checks the scripts
        note: `patch` applies the differences that `render --check` shows
        note: `unshare` shows where a test has no network, or another root
        note: `ip` makes the networks of tests, and tells those of this host
        note: `curl` downloads releases
        note: `wget` downloads releases where there is no curl
        note: `zsh` completes with the script made for it
        note: `fish` completes with the script made for it
        note: `mmdebstrap` makes the file system of machines
        note: `systemd-nspawn` boots machines in containers
        note: `iptables` shows whether this host can publish ports as Docker does
        note: `vagrant` reads the Vagrantfile, and boots machines
        note: Vagrant's plugin for libvirt boots them under libvirt
        note: `qemu-img` makes the disks of boxes
        note: `debugfs` writes into their file systems
        note: `sfdisk` parts them as distributions do
        hint: on Debian and Ubuntu: `apt-get install --yes --no-install-recommends --no-upgrade --no-remove ruby cloud-init systemd shellcheck patch util-linux iproute2 curl wget zsh fish mmdebstrap systemd-container iptables vagrant vagrant-libvirt qemu-utils e2fsprogs fdisk`
        hint: or have it done: `cargo xtask test --install`
    "#]].assert_eq(&ran.stderr.replace("sudo ", ""));
}

#[test]
fn every_step_is_run_and_summed_up_though_all_fail() {
    let scratch = Scratch::with("default", "members = 3\n");
    // There is nothing for cargo in this folder, nor above it where a checkout has its `target`.
    let manifest = scratch.root().join("Cargo.toml");
    std::fs::write(manifest, "[package]\nname = 'nothing'\n").unwrap();
    let ran = scratch.run(&["test"]);
    if ran.status == Some(5) {
        not_run(ran.stderr);
    }
    let ran = ran.expect(1);
    let summary = &ran.stdout[ran.stdout.rfind("formatting").unwrap()..];
    expect![[r#"
        formatting failed: `cargo fmt --all --check` exited with status 1
        lints failed: `cargo clippy --all-targets -- -D warnings` exited with status 101
        documentation failed: `cargo doc --no-deps` exited with status 101
        rendered files failed: `cargo xtask render --check` exited with status 1
        tests failed: `cargo test` exited with status 101
    "#]]
    .assert_eq(&without_times(summary));
}

fn without_times(summary: &str) -> String {
    let lines = summary.lines().map(|line| {
        let (name, rest) = line.split_at(15);
        let (_, verdict) = rest.split_once(" s  ").unwrap();
        format!("{} {verdict}\n", name.trim_end())
    });
    lines.collect()
}
