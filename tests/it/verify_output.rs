//! The output of `verify` in each format, for made-up clusters.

use std::process::Command;

use expect_test::expect_file;
use test_attribute::test;
use xtask::check::{self, ClusterReport};
use xtask::observation::{Look, Observation};
use xtask::plan::Plan;
use xtask::ui::WIDTH;
use xtask::ui::verify::{json, junit, table};

use crate::support::{pipe, project};
use crate::verify_support::{exit, healthy, status, three, without, without_quorum};

fn golden(name: &str, actual: &str) {
    let path = project().join("tests/golden/verify").join(name);
    expect_file![path].assert_eq(actual);
}

fn plain(plan: &Plan, seen: &Observation, report: &ClusterReport) -> String {
    anstream::adapter::strip_str(&table::render(plan, seen, report, WIDTH)).to_string()
}

fn in_every_format(name: &str, plan: &Plan, seen: &Observation) {
    let report = check::judge(plan, seen);
    golden(&format!("{name}.txt"), &plain(plan, seen, &report));
    golden(
        &format!("{name}.json"),
        &json::render(plan, seen, &report, exit(&report) as u8),
    );
    golden(&format!("{name}.xml"), &junit::render(plan, &report));
}

#[test]
fn healthy_cluster_in_every_format() {
    let plan = three();
    in_every_format("healthy", &plan, &healthy(&plan));
}

#[test]
fn substituted_version_in_every_format() {
    let plan = three().run_by("3.4.23".parse().unwrap());
    in_every_format("stand-in", &plan, &healthy(&plan));
}

#[test]
fn one_member_down_in_every_format() {
    let plan = three();
    in_every_format("one-down", &plan, &without(healthy(&plan), 2));
}

#[test]
fn lost_quorum_in_every_format() {
    let plan = three();
    in_every_format("no-quorum", &plan, &without_quorum(&plan));
}

#[test]
fn suggested_explanation_is_of_the_first_worst_check() {
    let plan = three();
    let offered = |seen: &Observation| {
        let table = plain(&plan, seen, &check::judge(&plan, seen));
        let (_, name) = table.split_once("cargo xtask verify --explain ")?;
        Some(name.trim_end().trim_end_matches('`').to_owned())
    };
    let mut seen = healthy(&plan);
    assert_eq!(offered(&seen), None);
    status(&mut seen.members[1]).errors = vec!["etcdserver: something is odd".to_owned()];
    assert_eq!(offered(&seen).as_deref(), Some("reachable"), "a warning");
    status(&mut seen.members[2]).raft_index = Some(5000);
    assert_eq!(offered(&seen).as_deref(), Some("lag"), "what may yet hold");
    status(&mut seen.members[0]).version = "3.6.13".to_owned();
    assert_eq!(offered(&seen).as_deref(), Some("version"), "a failure");
}

/// Hostile text that a stranger at a member's address might send.
fn hostile(plan: &Plan) -> Observation {
    let mut seen = healthy(plan);
    let evil = "\u{1b}[2J]]>&\"'<x>\r\n\u{0}\u{202e}";
    status(&mut seen.members[0]).version = evil.to_owned();
    status(&mut seen.members[1]).errors = vec![evil.to_owned()];
    seen.members[2].status = Look::Failed(evil.to_owned());
    if let Look::Seen(list) = &mut seen.members[0].members {
        list[0].name = evil.to_owned();
        list[1].peer_urls = vec![evil.to_owned()];
    }
    seen
}

#[test]
fn hostile_answers_do_not_reach_the_terminal() {
    let plan = three();
    let seen = hostile(&plan);
    let table = plain(&plan, &seen, &check::judge(&plan, &seen));
    let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!table.contains(odd), "{table:?}");
    assert!(table.contains("\\u{1b}[2J"), "{table}");
    assert_eq!(
        table.matches("]]>").count(),
        table.matches("\\u{1b}[2J]]>").count()
    );
}

#[test]
fn hostile_answers_stay_inside_xml_and_json() {
    let plan = three();
    let seen = hostile(&plan);
    let report = check::judge(&plan, &seen);
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&plan, &seen, &report, exit(&report) as u8)).unwrap();
    assert_eq!(
        document["members"][0]["version"],
        "\u{1b}[2J]]>&\"'<x>\r\n\u{0}\u{202e}"
    );

    let read = "\
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
suite = root.find('testsuite')
print(root.tag, suite.get('tests'), suite.get('failures'), suite.get('skipped'))
print(json.dumps([failure.get('message') + failure.text for failure in suite.iter('failure')]))";
    let said = pipe(
        Command::new("/usr/bin/python3").args(["-c", read]),
        &junit::render(&plan, &report),
    );
    let mut lines = said.lines();
    assert_eq!(
        lines.next(),
        Some(&*format!("testsuites {} 3 6", report.checks.len()))
    );
    let failures: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert!(
        failures
            .concat()
            .contains("\u{fffd}[2J]]>&\"'<x>\r\n\u{fffd}\u{202e}"),
        "{failures:?}"
    );
}
/// Consumers rely on these names; renaming one is a new format.
#[test]
fn json_names_are_documented_in_the_help() {
    let plan = three();
    let seen = healthy(&plan);
    let report = check::judge(&plan, &seen);
    let document: serde_json::Value =
        serde_json::from_str(&json::render(&plan, &seen, &report, exit(&report) as u8)).unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["verify", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let objects = [
        &document,
        &document["quorum"],
        &document["members"][0],
        &document["checks"][0],
    ];
    for object in objects {
        for name in object.as_object().unwrap().keys() {
            let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(
                words.into_iter().any(|word| word == name),
                "{name} is not in the help"
            );
        }
    }
    assert_eq!(document["format"], 1);
}
