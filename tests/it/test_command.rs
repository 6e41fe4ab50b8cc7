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
        note: `unshare` runs tests without a network, or in another root folder
        note: `ip` makes networks for tests, and lists those of this host
        note: `curl` downloads releases
        note: `wget` downloads releases if there is no curl
        note: `zsh` tests its completion script
        note: `fish` tests its completion script
        note: `mmdebstrap` makes the file systems of machines
        note: `systemd-nspawn` boots machines in containers
        note: `iptables` tests whether this host can publish ports as Docker does
        note: `vagrant` reads the Vagrantfile, and boots machines
        note: Vagrant's plugin for libvirt boots machines under libvirt
        note: `qemu-img` makes the disks of boxes
        note: `debugfs` writes into the file systems of boxes
        note: `sfdisk` partitions disks as distributions do
        hint: on Debian and Ubuntu: `apt-get install --yes --no-install-recommends --no-upgrade --no-remove ruby cloud-init systemd shellcheck patch util-linux iproute2 curl wget zsh fish mmdebstrap systemd-container iptables vagrant vagrant-libvirt qemu-utils e2fsprogs fdisk`
        hint: or let this task install them: `cargo xtask test --install`
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
