//! Reading any file terminates, and every diagnostic points into the file.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use test_attribute::test;
use xtask::definition::keys::keys;
use xtask::definition::read;
use xtask::report::{Diagnostic, Severity, Source};
use xtask::ui::diagnostics::render;

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_mix_of_fragments_is_read_or_refused(text in pile()) {
        check(&text);
    }
}

/// A count or a place of each would take quadratic time.
#[test]
fn too_many_members_are_one_error() {
    let member = |number: usize| format!("[[members]]\nname = \"m{number}\"\n");
    let text: String = (0..2_000).map(member).collect();
    let source = Source {
        path: "cluster/many.toml".into(),
        text,
    };
    let (_, diagnostics) = read("many".parse().unwrap(), Arc::new(source));
    let messages: Vec<&str> = diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        ["2000 members are more than a cluster should have"]
    );
}

/// Texts that a hurried author, a broken editor or an attacker may leave in a file.
const HOSTILE: &[&str] = &[
    "",
    "\0",
    "\u{feff}",
    "\u{feff}members = 4",
    "=",
    "[",
    "]",
    "[[",
    "[]",
    "[[]]",
    "[.]",
    "\"",
    "'''",
    "\"\"\"",
    "\\",
    "\r",
    "a",
    "a.",
    "a =",
    "a = 1 =",
    ". = 1",
    "members",
    "members = 3 members = 4",
    "members.members = 3",
    "members = [[[[[[[[1]]]]]]]]",
    "members = [{}, {}, {}]",
    "members = [1, [2], {}, \"\", 1979-05-27, true]",
    "[members.name]",
    "[[members.name]]",
    "[[etcd]]",
    "[[etcd.flags]]",
    "[etcd.version]",
    "etcd = 1\n[etcd]",
    "etcd.version = \"3.6.14\"\netcd.version.x = 1",
    "network = { subnet = \"10.0.0.0/8\", first_host = 16777214 }\nmembers = 7",
    "network.first_host = 4294967295",
    "network.subnet = \"255.255.255.248/29\"",
    "etcd.version = \"65535.65535.65535\"",
    "etcd.version = \"99999999999.0.0\"",
    "etcd.quota = 9223372036854775807",
    "etcd.quota = 9223372036854775808",
    "etcd.quota = \"18446744073709551616TiB\"",
    "etcd.auto_compaction = \"99999999999999999999h\"",
    "etcd.auto_compaction = 99999999999999999999",
    "etcd.auto_compaction = \"307445734561825861h\"",
    "etcd.heartbeat_interval = 0x7fff_ffff",
    "machine.memory = 0b1",
    "machine.memory = inf",
    "machine.memory = nan",
    "machine.memory = +1_024",
    "machine.memory = 170141183460469231731687303715884105728",
    "machine.forwarded_ports = { 00080 = 1, +80 = 2, \"80\" = 3, '' = 4 }",
    "machine.shared_folders = { '' = '', ' ' = ' ' }",
    "etcd.flags = { '' = '', \"\\u0000\" = \"\\u0000\", \"\\n\" = \"\\n\" }",
    "name_prefix = \"\\u202e\\u001b[31m\"",
    "name_prefix = \"\u{85}\u{9b}\u{2028}\"",
    "token = \"${private_ipv4}\"\n# \u{1b}]0;title\u{7}",
];

#[test]
fn hostile_texts_are_read_or_refused() {
    for text in HOSTILE {
        check(text);
        for ending in ["\n", "\r\n", "\n[etcd]\ntoken = 1\n"] {
            check(&format!("{text}{ending}"));
        }
    }
}

#[test]
fn deep_nesting_is_refused_without_a_crash() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("members = {}{}", open.repeat(50_000), close.repeat(50_000));
        assert!(check(&text) > 0, "{open} nested deeply is accepted");
    }
    assert!(check(&format!("{} = 1", "a.".repeat(50_000) + "a")) > 0);
}

#[test]
fn every_line_can_be_wrong() {
    let lines = ["x = 1\n", "x\n", "members = \n", "[etcd\n"];
    for line in lines {
        let lines = 500;
        let errors = check(&line.repeat(lines));
        assert!(
            errors >= lines,
            "{line:?}: {errors} of {lines} are reported"
        );
    }
}

/// Reads the text, checks that every diagnostic can be shown, and counts the errors.
fn check(text: &str) -> usize {
    let source = Arc::new(Source {
        path: "cluster/default.toml".into(),
        text: text.to_owned(),
    });
    let (_, diagnostics) = read("default".parse().unwrap(), Arc::clone(&source));
    for diagnostic in &diagnostics {
        let labels = diagnostic.place.iter().chain(&diagnostic.related);
        for label in labels {
            assert!(
                text.get(label.span.clone()).is_some(),
                "{:?} is not within {text:?}: {diagnostic:?}",
                label.span
            );
        }
        let shown = anstream::adapter::strip_str(&render(diagnostic)).to_string();
        let steering = shown.chars().find(|&c| c != '\n' && c.is_control());
        assert_eq!(steering, None, "{shown:?}");
    }
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    diagnostics.iter().filter(is_error).count()
}

/// Keys, values and punctuation of definitions, in any order.
fn pile() -> impl Strategy<Value = String> {
    let names: Vec<String> = keys()
        .flat_map(|key| key.path.split('.'))
        .map(str::to_owned)
        .collect();
    let mut fragments = names;
    fragments.extend(
        [
            "=",
            "\n",
            "\n",
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            ",",
            ".",
            "\"",
            "'",
            "#",
            " = ",
            "3",
            "-1",
            "4294967296",
            "true",
            "1979-05-27",
            "\"3.6.14\"",
            "\"2.0.0\"",
            "\"coreos\"",
            "\"flatcar\"",
            "\"container\"",
            "\"192.168.56.0/24\"",
            "\"core-01\"",
            "name",
            "address",
            "\u{e9}",
            "\u{1f600}",
            "\u{85}",
            "\t",
            "\r\n",
            "\\u00",
            "[etcd]\n",
            "[network]\n",
            "[machine]\n",
            "[[members]]\n",
        ]
        .map(str::to_owned),
    );
    prop::collection::vec(select(fragments), 0..60).prop_map(|pieces| pieces.concat())
}
