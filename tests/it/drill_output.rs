//! The output of `drill` in each format, for made-up drills.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{expect, expect_file};
use serde_json::Value;
use test_attribute::test;
use xtask::drill::history::{Answer, Operation};
use xtask::drill::{Disturbance, Drill, Event};
use xtask::ui::WIDTH;
use xtask::ui::drill::{closing, html, json, table};

use crate::drill_support::{
    leader_killed, majority_lost, milliseconds, quorum_lost, refused, restarted, run, write_lost,
};
use crate::support::project;

fn golden(name: &str, actual: &str) {
    let path = project().join("tests/golden/drill").join(name);
    expect_file![path].assert_eq(actual);
}

fn plain(drills: &[Drill]) -> String {
    anstream::adapter::strip_str(&table::render(drills, WIDTH)).to_string()
}

fn in_every_format(name: &str, drills: &[Drill]) {
    golden(&format!("{name}.txt"), &plain(drills));
    golden(&format!("{name}.json"), &json::render(&run(), drills));
}

#[test]
fn passed_drill_in_every_format() {
    in_every_format("leader-killed", &[leader_killed()]);
}

#[test]
fn failed_drill_in_every_format() {
    in_every_format("write-lost", &[write_lost()]);
}

#[test]
fn restoration_in_every_format() {
    in_every_format("majority-lost", &[majority_lost()]);
}

#[test]
fn restoration_among_others_is_explained() {
    let mut survived = majority_lost();
    survived.disturbance = Disturbance::Fault("majority-lost-survivor");
    let restored = survived.restored.as_mut().unwrap();
    restored.survivor = Some(survived.members[2].clone());
    let drills = [leader_killed(), majority_lost(), survived];
    golden("restored-among-others.txt", &plain(&drills));
}

#[test]
fn several_drills_in_every_format() {
    in_every_format("all", &[leader_killed(), quorum_lost(), write_lost()]);
}

#[test]
fn change_in_every_format() {
    in_every_format("changed", &[restarted()]);
}

#[test]
fn change_that_is_not_complete_is_no_success() {
    let mut half = restarted();
    let is_over = |event: &Event| matches!(event, Event::Changed | Event::Healthy);
    half.moments.retain(|one| !is_over(&one.event));
    half.done = "it is not complete".to_owned();
    golden("changes.txt", &plain(&[restarted(), half.clone()]));
    let document = json_of(&[half]);
    assert_eq!(document["passed"], false);
    let reasons = document["drills"][0]["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0]["name"], "not-changed");
}

#[test]
fn unknown_result_in_every_format() {
    let mut drill = quorum_lost();
    drill.history.left = None;
    drill
        .moments
        .retain(|moment| moment.event != Event::Healthy);
    drill.afterwards = "default is unhealthy: 1 of 3 members, no leader".to_owned();
    drill.history.operations.retain(|one| !one.is_register);
    in_every_format("not-read-back", &[drill]);
}

/// Separate tests check its looks in a browser.
#[test]
fn report_page_is_self_contained_and_runs_no_script() {
    for drills in [
        vec![],
        vec![leader_killed()],
        vec![write_lost(), quorum_lost()],
        vec![restarted()],
        vec![restarted(), restarted()],
    ] {
        let page = html::render(&run(), &drills);
        let tags = page
            .split('<')
            .skip(1)
            .filter_map(|part| part.split('>').next());
        for tag in tags {
            let name = tag.split([' ', '\n']).next().unwrap();
            let active = ["script", "link", "img", "iframe", "object", "base", "form"];
            assert!(!active.contains(&name), "{tag}");
            let fetches = ["://", " src=", "url(", " on"];
            assert!(!fetches.iter().any(|word| tag.contains(word)), "{tag}");
        }
        let (_, style) = page.split_once("<style>").unwrap();
        let (style, _) = style.split_once("</style>").unwrap();
        assert!(!style.contains("url(") && !style.contains("@import"));
        assert!(page.contains("default-src 'none'"));
        assert!(page.ends_with("</html>\n"));
        assert_eq!(page, html::render(&run(), &drills));
    }
}

#[test]
fn report_headlines_the_gap_of_the_fault() {
    let tile = "<dt>longest time without a write during the fault</dt><dd>1.41 s</dd>";
    let mut drill = leader_killed();
    assert!(html::render(&run(), &[drill.clone()]).contains(tile));
    // If no write before 4 s is acknowledged, another gap is longer.
    let early = |one: &&mut Operation| one.ended < milliseconds(4_000);
    for one in drill.history.operations.iter_mut().filter(early) {
        one.answer = Answer::Unknown("timeout".to_owned());
    }
    let shown = html::render(&run(), &[drill.clone()]);
    assert!(shown.contains(tile));
    assert!(shown.contains("at most 4.01 s without an acknowledged write"));
    assert!(
        shown.contains("</svg>longest time without an acknowledged write during the fault</li>")
    );
    let wide = table::render(&[drill, leader_killed()], 200);
    assert!(wide.contains("1.40 s       1.41 s"), "{wide}");
}

#[test]
fn report_names_no_gap_if_the_clients_rested() {
    let mut drill = leader_killed();
    let fault = milliseconds(4_900)..milliseconds(10_100);
    let is_in = |one: &Operation| fault.contains(&one.begun) || fault.contains(&one.ended);
    drill.history.operations.retain(|one| !is_in(one));
    let page = html::render(&run(), &[drill.clone()]);
    let tile = "<dt>time without a write: no client wrote during the fault</dt><dd>unknown</dd>";
    assert!(page.contains(tile));
    assert!(!page.contains("class=\"dry\""));
    let rest = "</svg>no requests were sent</li>";
    assert!(page.contains(rest));
}

#[test]
fn report_says_when_where_and_how_it_was_made() {
    let page = html::render(&run(), &[leader_killed()]);
    let (_, facts) = page.split_once("<dl class=\"run\">\n").unwrap();
    let (facts, _) = facts.split_once("</dl>").unwrap();
    expect![[r#"
        <div><dt>started</dt><dd><span class="whole">2026-07-30T09:05:00Z</span></dd></div>
        <div><dt>cluster</dt><dd>default: 3 members <span class="whole">(core-01,</span> <span class="whole">core-02</span> and <span class="whole">core-03)</span> with the local driver</dd></div>
        <div><dt>etcd</dt><dd>3.6.14</dd></div>
        <div><dt>host</dt><dd>workbench, Linux <span class="whole">6.1.0-40-amd64,</span> 2 processors</dd></div>
        <div><dt>xtask</dt><dd>0.2.0</dd></div>
        <div><dt>command</dt><dd><code>cargo xtask drill <span class="whole">leader-killed</span> <span class="whole">--hold</span> 5s</code></dd></div>
        <div><dt>clients</dt><dd>at most 100 requests per second; each fault is held for at least 5.00 s</dd></div>
        <div><dt>as JSON</dt><dd><code><span class="whole">--format</span> json</code> prints the same results for programs</dd></div>
    "#]].assert_eq(facts);
}

/// Text that is unexpected in a key, a value or an error, and dangerous for a terminal or a browser.
const EVIL: &str = "\u{1b}[2J</style><script>alert(1)</script>`&\"'\r\n\u{0}\u{202e}";

/// A drill in which every text from outside is hostile.
fn hostile() -> Drill {
    let mut drill = write_lost();
    drill.done = EVIL.to_owned();
    drill.expected = vec![EVIL.to_owned()];
    drill.afterwards = EVIL.to_owned();
    let left = drill.history.left.as_mut().unwrap();
    let holds: Vec<String> = left.keys().cloned().collect();
    for key in holds.into_iter().take(5) {
        left.insert(key, EVIL.to_owned());
    }
    for (number, one) in drill.history.operations.iter_mut().enumerate() {
        if number % 50 == 0 {
            one.key.push_str(EVIL);
        }
        match &mut one.answer {
            Answer::Refused(why) | Answer::Unknown(why) => EVIL.clone_into(why),
            Answer::Value(Some(value)) if number % 3 == 0 => value.push_str(EVIL),
            _ => {}
        }
    }
    drill
}

#[test]
fn hostile_answers_do_not_reach_the_terminal() {
    for drills in [vec![hostile()], vec![hostile(), hostile()]] {
        let table = plain(&drills);
        let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!table.contains(odd), "{table:?}");
        assert!(table.contains("\\u{1b}[2J"), "{table}");
    }
}

#[test]
fn hostile_answers_stay_inside_json() {
    let document = json_of(&[hostile()]);
    assert_eq!(document["drills"][0]["done"], EVIL);
    let lost = &document["drills"][0]["read_back"]["lost"];
    let mut holds = lost.as_array().unwrap().iter().map(|lost| &lost["holds"]);
    assert!(holds.any(|holds| holds == EVIL), "{lost}");
}

#[track_caller]
fn json_of(drills: &[Drill]) -> Value {
    serde_json::from_str(&json::render(&run(), drills)).unwrap()
}

/// Consumers rely on these names; renaming one is a new format.
#[test]
fn json_names_are_documented_in_the_help() {
    let mut drill = write_lost();
    drill.moments.push(leader_killed().moments[3].clone());
    let one = refused(0, "x", 0..10);
    drill
        .history
        .left
        .as_mut()
        .unwrap()
        .insert("/1".into(), "x".into());
    drill.history.operations.push(Operation {
        key: "/1".to_owned(),
        is_register: false,
        ..one
    });
    let document = json_of(&[drill, leader_killed(), majority_lost()]);
    let mut names = BTreeSet::new();
    names_of(&document, &mut names);
    for name in &names {
        let mut words = json::HELP.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        assert!(words.any(|word| word == name), "{name} is not in the help");
    }
    for reason in [
        "lost",
        "refused-and-there",
        "not-linearizable",
        "not-healthy",
    ] {
        let reasons = document["drills"][0]["reasons"].as_array().unwrap();
        assert!(reasons.iter().any(|one| one["name"] == reason), "{reason}");
        assert!(json::HELP.contains(reason), "{reason} is not in the help");
    }
    assert_eq!(document["format"], 1);
    let widest = json::HELP.lines().map(str::len).max();
    assert!(widest <= Some(100), "{widest:?}");
}

fn names_of(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            names.extend(object.keys().cloned());
            object.values().for_each(|value| names_of(value, names));
        }
        Value::Array(array) => array.iter().for_each(|value| names_of(value, names)),
        _ => {}
    }
}

#[test]
fn figures_say_what_is_known() {
    let unseen = Drill {
        expected: Vec::new(),
        reported: Vec::new(),
        ..leader_killed()
    };
    let mut unread = leader_killed();
    unread.history.left = None;
    expect!["0 faults injected, 0 found by `verify`, 0 acknowledged writes, 0 lost"]
        .assert_eq(&closing(&[]));
    expect!["2 faults injected, 1 found by `verify` (1 leaves nothing to find), 3,230 acknowledged writes, 0 lost"].assert_eq(&closing(&[unseen.clone(), leader_killed()]));
    expect!["2 faults injected, 2 found by `verify`, 3,230 acknowledged writes, 0 lost as far as known: after 1 drill nothing could be read back"].assert_eq(&closing(&[unread.clone(), leader_killed()]));
    expect!["1 fault injected, 1 found by `verify`, 1,615 acknowledged writes, losses unknown: nothing could be read back"].assert_eq(&closing(&[unread.clone()]));
    let restored = [leader_killed(), majority_lost()];
    expect!["2 faults injected, 2 found by `verify`, 3,059 acknowledged writes, 266 lost as announced, 0 beyond"].assert_eq(&closing(&restored));
    let page = html::render(&run(), &restored);
    assert!(page.contains("<dt>of them lost, beyond 266 as announced</dt><dd>0</dd>"));
    assert!(page.contains("<dt>lost, as announced</dt><dd>266</dd>"));
    let page = html::render(&run(), &[unread.clone(), unseen.clone()]);
    for tile in [
        "of 1 found by verify; 1 leaves nothing to find",
        "known to be lost; after 1 drill nothing could be read back",
    ] {
        assert!(page.contains(tile), "{tile}");
    }
    assert_eq!(
        json_of(&[unread, leader_killed()])["lost_writes"],
        Value::Null
    );
    assert_eq!(json_of(&[])["passed"], false);
    assert_eq!(json_of(&[unseen])["passed"], true);
}

#[test]
fn only_the_first_of_many_losses_are_shown() {
    let mut drill = leader_killed();
    drill.history.left = Some(BTreeMap::new());
    let table = plain(&[drill.clone()]);
    assert_eq!(table.matches(" is gone: ").count(), 10);
    assert!(table.contains("\n  and 1,379 more\n"), "{table}");
    let document = json_of(&[drill]);
    let lost = document["drills"][0]["read_back"]["lost"].as_array();
    assert_eq!(lost.unwrap().len(), 1_389);
}
