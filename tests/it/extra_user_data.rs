//! `machine.user_data`: a cloud-config of the author's own, merged into the rendered user-data.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;

use expect_test::{expect, expect_file};
use proptest::prelude::*;
use proptest::sample::select;
use serde_yaml::Value;
use sha2::{Digest, Sha256};
use test_attribute::test;
use xtask::definition::read;
use xtask::plan::Plan;
use xtask::report::{Diagnostic, Source};
use xtask::{extra_user_data, render, ui};

use crate::scratch::Scratch;
use crate::support::{pipe, require_module};

const DEFINITION: &str = "[machine]\nuser_data = \"extra.yaml\"\n";

/// A workspace whose cluster `default` has this extra file.
fn with_extra(definition: &str, extra: &str) -> Scratch {
    let scratch = Scratch::with("default", definition);
    write(&scratch, extra);
    scratch
}

fn write(scratch: &Scratch, extra: &str) {
    fs::write(scratch.root().join("cluster/extra.yaml"), extra).unwrap();
}

/// A definition with this extra file, and what is wrong with them.
fn merged(definition: &str, extra: &str) -> (Plan, Vec<Diagnostic>) {
    let source = |path: &str, text: &str| {
        Arc::new(Source {
            path: path.into(),
            text: text.to_owned(),
        })
    };
    let file = source("cluster/default.toml", definition);
    let (mut definition, found) = read("default".parse().unwrap(), file);
    assert!(found.is_empty(), "{found:?}");
    let extra = source("cluster/extra.yaml", extra);
    let found = extra_user_data::read(&mut definition, &extra, true);
    (Plan::new(&definition), found)
}

#[test]
fn changed_extra_file_makes_the_check_fail() {
    let scratch = with_extra(DEFINITION, "#cloud-config\npackages: [htop]\n");
    scratch.run(&["render"]).expect(0);
    scratch.run(&["render", "--check"]).expect(0);
    write(&scratch, "#cloud-config\npackages: [htop, jq]\n");
    let ran = scratch.run(&["render", "--check"]).expect(1);
    assert!(
        ran.stdout.ends_with("\n   - htop\n+  - jq\n"),
        "{}",
        ran.stdout
    );
    expect![[r#"
        error: `vagrant/user-data` is out of date
        hint: write it: `cargo xtask render`
    "#]]
    .assert_eq(&ran.stderr);
    // Comments do not change what is rendered.
    write(
        &scratch,
        "#cloud-config\n# tools\npackages: ['htop'] # one\n",
    );
    scratch.run(&["render"]).expect(0);
    write(&scratch, "#cloud-config\npackages:\n- \"htop\"\n");
    scratch.run(&["render", "--check"]).expect(0);
}

/// What `verify` compares with the machines.
#[test]
fn digest_is_that_of_the_merged_file() {
    let scratch = with_extra(DEFINITION, "#cloud-config\npackages: [htop]\n");
    scratch.run(&["render"]).expect(0);
    let rendered = fs::read(scratch.root().join("vagrant/user-data")).unwrap();
    let digest = Sha256::digest(rendered);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let (plan, _) = merged(DEFINITION, "#cloud-config\npackages: [htop]\n");
    assert_eq!(render::user_data_sha256(&plan), digest);
    let (other, _) = merged(DEFINITION, "#cloud-config\npackages: [jq]\n");
    assert_ne!(render::user_data_sha256(&other), digest);
}

#[test]
fn unreadable_extra_files_are_named() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.root().join("cluster").join(name);
    fs::create_dir(path("folder.yaml")).unwrap();
    symlink("/dev/zero", path("zero.yaml")).unwrap();
    fs::write(path("large.yaml"), " ".repeat(70_000)).unwrap();
    fs::write(path("latin.yaml"), b"#cloud-config\n# caf\xe9\n").unwrap();
    let mut said = String::new();
    for name in [
        "missing.yaml",
        "folder.yaml",
        "zero.yaml",
        "large.yaml",
        "latin.yaml",
        "../outside.yaml",
        "/etc/passwd",
        "my units.yaml",
        "other.toml",
        "",
    ] {
        scratch.define("default", &format!("[machine]\nuser_data = \"{name}\"\n"));
        said += &scratch.run(&["render"]).expect(3).stderr;
    }
    expect_file!["../golden/extra_user_data/unreadable.stderr"].assert_eq(&said);
}

#[test]
fn refused_extra_files_show_the_place() {
    let scratch = Scratch::with("default", DEFINITION);
    let mut said = String::new();
    for extra in [
        "",
        "packages: [htop]\n",
        "#!/bin/sh\necho hello\n",
        "#cloud-config\n",
        "#cloud-config\n- htop\n",
        "#cloud-config\n# Größe\npackages: [htop\nruncmd: []\n",
        "#cloud-config\r\n# Gr\u{f6}\u{df}e\r\npackages:\r\n  - a\r\n b\r\n",
        "#cloud-config\npackages: &all [htop]\nother: *all\n",
        "#cloud-config\nwrite_files:\n- {path: /a, content: !!binary aGVsbG8=}\n",
        "#cloud-config\nusers:\n- <<: {name: me}\n",
        "#cloud-config\npackages: [htop]\nruncmd: []\npackages: [jq]\n",
        "#cloud-config\npackages: [htop]\n---\npackages: [jq]\n",
        "#cloud-config\nruncmd:\n- echo a\u{2028}b\n",
        "#cloud-config\n? [a, b]\n: c\n",
        &format!("#cloud-config\na: {}{}\n", "[".repeat(40), "]".repeat(40)),
    ] {
        write(&scratch, extra);
        said += &scratch.run(&["render"]).expect(3).stderr;
    }
    expect_file!["../golden/extra_user_data/refused.stderr"].assert_eq(&said);
}

#[test]
fn collisions_show_both_places() {
    let flatcar = "[machine]\nprofile = \"flatcar\"\nuser_data = \"extra.yaml\"\n";
    let mut said = String::new();
    for (definition, extra) in [
        (
            DEFINITION,
            "#cloud-config\nhostname: me\nruncmd: echo\nwrite_files:\n\
             - path: /usr/local/sbin/../sbin//etcd-member\n- path: '/etc/systemd/system/etcd.service'\n\
             write-files: []\ncloud_final_modules: []\n",
        ),
        (
            flatcar,
            "#cloud-config\ncoreos:\n  update:\n    reboot-strategy: reboot\n    group: beta\n  \
             etcd2: {name: me}\n  units:\n  - name: etcd.service\n    command: stop\nhostname: me\n",
        ),
        (
            flatcar,
            "#cloud-config\ncoreos:\n  update: {reboot_strategy: reboot}\n",
        ),
    ] {
        let scratch = with_extra(definition, extra);
        said += &scratch.run(&["render"]).expect(3).stderr;
    }
    expect_file!["../golden/extra_user_data/collisions.stderr"].assert_eq(&said);
}

/// Readers of YAML 1.1 and 1.2 resolve these differently; both must find what the author wrote.
#[test]
fn values_mean_the_same_after_rendering() {
    require_module("yaml", "python3-yaml");
    let values = [
        "0644",
        "'0644'",
        "\"0644\"",
        "0o644",
        "420",
        "yes",
        "'yes'",
        "on",
        "off",
        "n",
        "true",
        "'true'",
        "null",
        "~",
        "",
        "'~'",
        "1e3",
        "1_000",
        "12:30:45",
        "2001-01-01",
        "'2001-01-01'",
        ".inf",
        "0x1F",
        "-1",
        "+1",
        ".5",
        "a: b: c",
        "a#b",
        "'a # b'",
        "\"tab\\there\"",
        "\"\\u00e9\\n\"",
        "@x'",
        "plain text\n   over lines",
        "plain\n\n   paragraphs",
        "'it''s'",
        "|\n   a\n    b\n\n   c\n",
        "|-\n   end\n",
        "|+\n   end\n\n",
        ">\n   folded\n   text\n",
        ">-\n   folded\n\n   text\n",
        "|2\n    indented\n",
        "[yes, 'yes', 0644, '']",
        "{yes: no, 'no': 'yes', 0644: x}",
        "[]",
        "{}",
        "[[], {}, [[a]]]",
        "\n  - - a\n    - b\n  - c: d\n",
        "$private_ipv4",
        "\u{fc}\u{f6}",
        "%a",
        "!",
    ];
    let mut pairs = Vec::new();
    for value in values {
        let extra = format!("#cloud-config\nmine: {value}\n");
        let (plan, found) = merged(DEFINITION, &extra);
        if found.is_empty() {
            pairs.push((value, extra, render::user_data(&plan)));
        }
    }
    let refused = values.len() - pairs.len();
    assert_eq!(
        refused,
        4,
        "{:?}",
        pairs.iter().map(|pair| pair.0).collect::<Vec<_>>()
    );
    let program = "\
import json, sys, yaml
def mine(text):
    value = yaml.safe_load(text)['mine']
    return repr(value)
print(json.dumps([[mine(before), mine(after)] for _, before, after in json.load(sys.stdin)]))";
    let input = serde_json::to_string(&pairs).unwrap();
    let output = pipe(
        Command::new("/usr/bin/python3").args(["-c", program]),
        &input,
    );
    let read: Vec<(String, String)> = serde_json::from_str(&output).unwrap();
    for ((value, ..), (before, after)) in pairs.iter().zip(read) {
        assert_eq!(before, after, "{value}");
    }
}

/// Fragments of YAML, most of them hostile together.
const FRAGMENTS: &[&str] = &[
    "a",
    "b: ",
    "- ",
    "? ",
    ": ",
    "\n",
    "\n  ",
    "\n    ",
    "\n\n",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    "\"",
    "|",
    ">",
    "|+2",
    "&x ",
    "*x",
    "!!str ",
    "!t ",
    "<<: ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# c\n",
    " #",
    "0644",
    "yes",
    "~",
    "\\",
    "\\n",
    "\t",
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{0}",
    "\u{e4}",
    "write_files:\n- path: /a\n  content: |\n    x\n\n    y\n",
    "coreos:\n  units:\n  - name: a.service\n",
    "packages: [a, b]\n",
    "runcmd:\n- [a]\n",
    "c: 'it''s'\n",
    "d: >-\n  e\n  f\n\n  g\n",
    "mine: x\n y\n",
];

proptest! {
    /// libyaml, which cloud-init's reader descends from, finds the same values before and after rendering.
    #[test]
    fn any_extra_file_is_merged_or_refused(
        pieces in prop::collection::vec(select(FRAGMENTS), 0..24)
    ) {
        let extra = format!("#cloud-config\n{}", pieces.concat());
        let (plan, found) = merged(DEFINITION, &extra);
        for diagnostic in &found {
            prop_assert!(!ui::diagnostics::render(diagnostic).is_empty());
            let place = diagnostic.place.as_ref().unwrap();
            prop_assert!(extra.get(place.span.clone()).is_some(), "{diagnostic:?}");
        }
        if found.is_empty() {
            let rendered = render::user_data(&plan);
            let after: Value = serde_yaml::from_str(&rendered).unwrap();
            // Some texts are valid only for readers of YAML 1.2.
            let before: Value = serde_yaml::from_str(&extra).unwrap_or_default();
            for (key, before) in before.as_mapping().into_iter().flatten() {
                let after = &after[key];
                match (before, after) {
                    (Value::Sequence(before), Value::Sequence(after)) => {
                        prop_assert!(after.ends_with(before), "{extra}\n{rendered}");
                    }
                    _ => prop_assert_eq!(before, after, "{}\n{}", extra, rendered),
                }
            }
        }
    }
}

#[test]
fn local_members_need_no_user_data() {
    let local = format!("driver = \"local\"\n{DEFINITION}");
    let scratch = with_extra(&local, "#cloud-config\npackages: [htop]\n");
    let ran = scratch.run(&["render"]).expect(0);
    assert_eq!(ran.stderr, "");
    let ran = scratch.run(&["identity"]).expect(0);
    assert_eq!(ran.stderr, "");
}

const NO_COMMAND: &str = "an entry of `runcmd` is neither a text nor a list of texts";

#[test]
fn keys_and_files_that_cannot_work_are_refused() {
    let coreos = "[machine]\nprofile = \"flatcar\"\nuser_data = \"extra.yaml\"\n";
    let unit = "coreos:\n  units:\n    - name: etcd2.service\n      command: start\n";
    let file = |path: &str| format!("write_files:\n  - path: {path}\n    content: x\n");
    for (definition, extra, message) in [
        (
            DEFINITION,
            "coreos: {units: []}",
            "`coreos` has no effect on this system",
        ),
        (
            coreos,
            "packages: [htop]",
            "`packages` has no effect on this system",
        ),
        (coreos, "ssh-authorized-keys: [x]", ""),
        (
            coreos,
            unit,
            "the unit `etcd2.service` cannot be defined here",
        ),
        (
            DEFINITION,
            &file("/etc/hostname"),
            "the file `/etc/hostname` cannot be written here",
        ),
        (
            DEFINITION,
            &file("/usr/local/bin/../bin/etcd"),
            "the file `/usr/local/bin/etcd` cannot be written here",
        ),
        (
            DEFINITION,
            &file("/var/lib/etcd/x"),
            "the file `/var/lib/etcd/x` cannot be written here",
        ),
        (DEFINITION, &file("/var/lib/etcd-notes"), ""),
        (
            DEFINITION,
            "runcmd: [echo hello, \"5\", [echo, 5], '~/x']",
            "",
        ),
        (DEFINITION, "runcmd:\n  - echo hello: world", NO_COMMAND),
        (DEFINITION, "runcmd: [5]", NO_COMMAND),
        (DEFINITION, "runcmd: [off]", NO_COMMAND),
        (
            DEFINITION,
            "bootcmd: [[echo, [x]]]",
            "an entry of `bootcmd` is neither a text nor a list of texts",
        ),
    ] {
        let (_, found) = merged(definition, &format!("#cloud-config\n{extra}\n"));
        let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
        let expected: Vec<&str> = [message]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        assert_eq!(messages, expected, "{extra}");
    }
}
