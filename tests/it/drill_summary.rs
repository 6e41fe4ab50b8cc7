//! The summary of a drill: losses, gaps, times and the verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};
use test_attribute::test;
use xtask::drill::history::{History, Operation};
use xtask::drill::restored::Restored;
use xtask::drill::summary::{Gap, Summary};
use xtask::drill::words::{moment, seconds, value};
use xtask::drill::{Drill, Event};
use xtask::wording::count;

use crate::drill_support::{
    at_work, leader_killed, majority_lost, members, milliseconds, moments, new_leader, quorum_lost,
    read, refused, unknown, write, write_lost,
};

/// A write of a key that no other write has.
fn once(operation: Operation, key: &str) -> Operation {
    Operation {
        key: key.to_owned(),
        is_register: false,
        ..operation
    }
}

/// A drill with these operations and these final values, which is fine otherwise.
fn drill(operations: &[Operation], left: Option<&[(&str, &str)]>) -> Drill {
    Drill {
        moments: moments(&[
            (100, Event::Injecting),
            (110, Event::Injected),
            (150, Event::Found),
            (200, Event::Healing),
            (230, Event::Healed),
            (290, Event::Healthy),
        ]),
        history: History {
            operations: operations.to_vec(),
            left: left.map(|left| {
                let pairs = left
                    .iter()
                    .map(|(key, value)| ((*key).into(), (*value).into()));
                pairs.collect()
            }),
        },
        ..leader_killed()
    }
}

/// Why a drill failed, one reason per line.
fn reasons_of(summary: &Summary) -> String {
    let reasons = summary.reasons.iter();
    reasons
        .map(|reason| format!("{}: {reason}\n", reason.name()))
        .collect()
}

#[track_caller]
fn reasons(drill: &Drill, expected: Expect) -> Summary {
    let summary = Summary::of(drill);
    expected.assert_eq(&reasons_of(&summary));
    assert_eq!(summary.is_passed(), summary.reasons.is_empty());
    summary
}

const REGISTER: &str = "/registers/1";

#[test]
fn drill_without_problems_passes() {
    let operations = [
        once(write(0, "x", 0..10), "/1"),
        write(1, "a", 20..30),
        read(2, Some("a"), 40..45),
        once(write(0, "y", 250..260), "/2"),
    ];
    let left = [("/1", "x"), ("/2", "y"), (REGISTER, "a")];
    let summary = reasons(&drill(&operations, Some(&left)), expect![[r#""#]]);
    assert_eq!(summary.span, milliseconds(260));
    assert_eq!(summary.writes.acknowledged, 3);
    assert_eq!(summary.writes.acknowledged_once, 2);
    assert_eq!(summary.writes.per_minute, 692);
    assert_eq!(summary.reads, 1);
    assert_eq!(summary.registers.operations(), 3);
    assert_eq!(summary.found_after, Some(milliseconds(50)));
    assert_eq!(summary.written_after, Some(milliseconds(160)));
    assert_eq!(summary.healthy_after, Some(milliseconds(90)));
    assert_eq!(summary.new_leader, None);
    assert!(summary.is_found());
}

#[test]
fn missing_or_replaced_acknowledged_write_is_lost() {
    let operations = [
        once(write(0, "x", 0..10), "/1"),
        once(write(1, "y", 20..30), "/2"),
        once(refused(1, "z", 30..40), "/3"),
        once(unknown(1, "z", 30..40), "/4"),
        write(2, "a", 50..60),
    ];
    let left = [("/2", "other"), (REGISTER, "a")];
    let summary = reasons(
        &drill(&operations, Some(&left)),
        expect![[r#"
        lost: 2 acknowledged writes lost
    "#]],
    );
    let lost = summary.read_back.unwrap().lost;
    let told = lost.iter().map(|lost| {
        let (key, value, through) = (&lost.key, &lost.value, &lost.through);
        format!(
            "{key}={value} {through} {:?} {:?}",
            lost.acknowledged, lost.holds
        )
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "/1=x core-01 10ms None",
            "/2=y core-02 30ms Some(\"other\")"
        ]
    );
}

#[test]
fn losses_are_unknown_without_reading_back() {
    let operations = [once(write(0, "x", 0..10), "/1"), write(1, "a", 20..30)];
    let summary = reasons(
        &drill(&operations, None),
        expect![[r#"
        not-read-back: the written values could not be read back, so losses are unknown
    "#]],
    );
    assert_eq!(summary.read_back, None);
    assert_eq!(summary.writes.unknown_that_took_effect, None);
}

#[test]
fn unknown_writes_that_took_effect_are_counted() {
    let operations = [
        once(unknown(0, "x", 0..10), "/1"),
        once(unknown(0, "y", 20..30), "/2"),
        unknown(1, "seen", 0..10),
        unknown(2, "never seen", 0..10),
        unknown(2, "last", 40..50),
        read(0, Some("seen"), 20..30),
        once(write(0, "z", 60..70), "/3"),
    ];
    let left = [("/1", "x"), ("/3", "z"), (REGISTER, "last")];
    let summary = reasons(&drill(&operations, Some(&left)), expect![[r#""#]]);
    assert_eq!(summary.writes.unknown, 5);
    assert_eq!(summary.writes.unknown_that_took_effect, Some(3));
    assert_eq!((summary.registers.writes, summary.registers.reads), (2, 2));
}

#[test]
fn refused_write_that_took_effect_fails() {
    let operations = [
        once(refused(0, "x", 0..10), "/1"),
        // This one was sent again.
        once(refused(0, "y", 20..30), "/2"),
        once(write(0, "y", 40..50), "/2"),
        write(1, "a", 20..30),
    ];
    let left = [("/1", "x"), ("/2", "y"), (REGISTER, "a")];
    let summary = reasons(
        &drill(&operations, Some(&left)),
        expect![[r#"
        refused-and-there: 1 write that was refused took effect
    "#]],
    );
    let there = summary.read_back.unwrap().refused_and_there;
    assert_eq!(there, operations[..1]);
    assert_eq!(summary.writes.refused, 2);
}

#[test]
fn impossible_final_value_is_not_linearizable() {
    let operations = [write(0, "a", 0..10), write(1, "b", 20..30)];
    reasons(
        &drill(&operations, Some(&[(REGISTER, "a")])),
        expect![[r#"
            not-linearizable: 1 register not linearizable
        "#]],
    );
}

#[test]
fn drill_without_fault_and_writes_fails() {
    reasons(
        &Drill {
            moments: Vec::new(),
            reported: Vec::new(),
            afterwards: "default is unhealthy: no leader".to_owned(),
            ..drill(&[], None)
        },
        expect![[r#"
            not-injected: the fault was not injected
            nothing-written: no write was acknowledged, so there was nothing to lose
            not-read-back: the written values could not be read back, so losses are unknown
            not-shown-linearizable: linearizability was not shown: no register was written or read
            not-found: `verify` did not report `reachable: core-02`
            not-healthy: the cluster was not healthy afterwards: default is unhealthy: no leader
        "#]],
    );
    let twice = [write(0, "a", 0..10), write(1, "a", 20..30)];
    reasons(
        &drill(&twice, Some(&[(REGISTER, "a")])),
        expect![[r#"
        not-shown-linearizable: linearizability was not shown: a value was written twice to one register
    "#]],
    );
}

#[test]
fn verify_must_report_exactly_what_was_expected() {
    let operations = [write(0, "a", 0..10)];
    let good = drill(&operations, Some(&[(REGISTER, "a")]));
    let two = ["leader".to_owned(), "reachable: core-02".to_owned()];
    let swapped = [two[1].clone(), two[0].clone()];
    let summary = reasons(
        &Drill {
            expected: two.to_vec(),
            reported: swapped.to_vec(),
            ..good.clone()
        },
        expect![[r#""#]],
    );
    assert!(summary.is_found());
    let summary = reasons(
        &Drill {
            reported: two.to_vec(),
            ..good.clone()
        },
        expect![[r#"
            not-found: `verify` reported `leader`, which was not expected
        "#]],
    );
    assert!(!summary.is_found());
    let without = |event: &Event, drill: &Drill| {
        let mut drill = drill.clone();
        drill.moments.retain(|moment| moment.event != *event);
        drill
    };
    reasons(
        &without(&Event::Found, &good),
        expect![[r#"
            not-found: `verify` did not report the expected findings in time
        "#]],
    );
    // If nothing is expected, nothing has to be found, and nothing is.
    let unseen = Drill {
        expected: Vec::new(),
        reported: Vec::new(),
        ..good
    };
    assert!(!reasons(&unseen, expect![[r#""#]]).is_found());
    reasons(&without(&Event::Found, &unseen), expect![[r#""#]]);
}

/// Writes that end at these milliseconds, and a read that ends at 1,000.
fn acknowledged_at(ends: &[u64]) -> Vec<Operation> {
    let writes = ends
        .iter()
        .map(|end| write(0, &end.to_string(), end - 1..*end));
    writes.chain([read(1, None, 0..1_000)]).collect()
}

fn gap(from: u64, to: u64) -> Gap {
    Gap {
        from: milliseconds(from),
        to: milliseconds(to),
    }
}

#[test]
fn longest_gap_includes_the_start_and_the_end() {
    let longest = |ends: &[u64]| Summary::of(&drill(&acknowledged_at(ends), None)).longest_gap;
    assert_eq!(longest(&[]), gap(0, 1_000));
    assert_eq!(longest(&[400, 500]), gap(500, 1_000));
    assert_eq!(longest(&[600, 700]), gap(0, 600));
    assert_eq!(longest(&[100, 700, 800]), gap(100, 700));
    // Requests are listed in the order of their start.
    let operations = [write(0, "a", 0..900), write(1, "b", 100..300)];
    assert_eq!(
        Summary::of(&drill(&operations, None)).longest_gap,
        gap(300, 900)
    );
    assert_eq!(gap(300, 900).length(), milliseconds(600));
    assert_eq!(Summary::of(&drill(&[], None)).longest_gap, Gap::default());
}

#[test]
fn gap_under_the_fault_is_reported_separately() {
    let under = |ends: &[u64]| Summary::of(&drill(&acknowledged_at(ends), None)).gap_under_fault;
    // The fault lasts from 100 to 200 ms.
    assert_eq!(under(&[90, 195, 990]), Some(gap(195, 990)));
    assert_eq!(under(&[90, 180, 210, 990]), Some(gap(90, 180)));
    assert_eq!(under(&[50, 100, 200, 990]), Some(gap(100, 200)));
    assert_eq!(under(&[95, 300, 400]), Some(gap(95, 300)));
    let mut without = drill(&acknowledged_at(&[100]), None);
    without.moments.clear();
    assert_eq!(Summary::of(&without).gap_under_fault, None);
}

#[test]
fn rests_of_clients_are_no_gaps() {
    let operations = [
        write(0, "a", 0..50),
        write(1, "b", 40..90),
        // Still under way, so it is not a rest.
        unknown(1, "c", 95..700),
        write(0, "d", 2_000..2_010),
        write(0, "e", 2_300..2_310),
        write(0, "f", 2_790..2_800),
    ];
    let summary = Summary::of(&drill(&operations, None));
    assert_eq!(summary.rests, [gap(700, 2_000)]);
    assert_eq!(summary.longest_gap, gap(90, 700));
    // Five in a second and a half.
    assert_eq!(summary.writes.per_minute, 200);
    assert_eq!(summary.written_after, None);
    // A rest before everything subtracts nothing.
    let later = operations.iter().map(|one| Operation {
        begun: one.begun + milliseconds(600),
        ended: one.ended + milliseconds(600),
        ..one.clone()
    });
    let mut later = drill(&later.collect::<Vec<_>>(), None);
    later.moments = moments(&[(600, Event::Injecting), (601, Event::Injected)]);
    let summary = Summary::of(&later);
    assert_eq!(summary.rests, [gap(0, 600), gap(1_300, 2_600)]);
    assert_eq!(summary.written_after, Some(milliseconds(90)));
}

#[test]
fn times_start_at_the_injection() {
    let mut drill = drill(
        &[
            // Sent before the fault was injected, so it says nothing about what came after.
            write(0, "a", 90..115),
            write(0, "b", 105..108),
            write(0, "c", 112..180),
            write(1, "d", 115..170),
        ],
        None,
    );
    drill.moments = moments(&[
        (50, new_leader("core-03", 2)),
        (100, Event::Injecting),
        (105, new_leader("core-01", 3)),
        (110, Event::Injected),
        (120, new_leader("core-03", 4)),
    ]);
    let summary = Summary::of(&drill);
    assert_eq!(summary.written_after, Some(milliseconds(70)));
    let leader = summary.new_leader.unwrap();
    assert_eq!((leader.after, leader.term), (milliseconds(5), 3));
    assert_eq!(leader.leader.as_str(), "core-01");
    assert_eq!(summary.found_after, None);
    assert_eq!(summary.healthy_after, None);
}

#[test]
fn recorded_drills_are_summarized() {
    let text = [
        ("a leader was killed", leader_killed()),
        ("a quorum was lost", quorum_lost()),
        ("a write was lost", write_lost()),
    ]
    .map(|(case, drill)| format!("{case}\n{}", told(&Summary::of(&drill))));
    expect![[r#"
        a leader was killed
        Writes { acknowledged: 1615, acknowledged_once: 1389, per_minute: 6459, refused: 97, unknown: 2, unknown_that_took_effect: Some(0) }
        380 reads, Some(0) lost
        2 registers, 226 writes, 382 reads, 0 violations
        Gap { from: 4.985s, to: 6.399s }
        Some(NewLeader { after: 1.312s, leader: HostName("core-01"), term: 3 })
        found Some(790ms), written Some(1.399s), healthy Some(1.21s)
        a quorum was lost
        Writes { acknowledged: 1201, acknowledged_once: 1019, per_minute: 4001, refused: 234, unknown: 9, unknown_that_took_effect: Some(3) }
        277 reads, Some(0) lost
        2 registers, 182 writes, 279 reads, 0 violations
        Gap { from: 4.995s, to: 14.045s }
        Some(NewLeader { after: 8.98s, leader: HostName("core-03"), term: 4 })
        found Some(1.42s), written Some(9.045s), healthy Some(2.9s)
        a write was lost
        lost: 3 acknowledged writes lost
        not-linearizable: 1 register not linearizable
        not-found: `verify` reported `hash: core-01, core-02`, which was not expected
        not-healthy: the cluster was not healthy afterwards: default is unhealthy: 2 of 3 members, leader core-01, none more may fail
        Writes { acknowledged: 1431, acknowledged_once: 1235, per_minute: 7152, refused: 58, unknown: 2, unknown_that_took_effect: Some(1) }
        350 reads, Some(3) lost
        2 registers, 95 writes, 183 reads, 1 violations
        Gap { from: 7.419s, to: 7.456s }
        None
        found None, written Some(37ms), healthy None
    "#]].assert_eq(&text.concat());
}

fn told(summary: &Summary) -> String {
    let Summary {
        writes,
        reads,
        read_back,
        registers,
        longest_gap,
        new_leader,
        found_after,
        written_after,
        healthy_after,
        ..
    } = summary;
    let lost = read_back.as_ref().map(|read_back| read_back.lost.len());
    format!(
        "{}{writes:?}\n{reads} reads, {lost:?} lost\n{} registers, {} writes, {} reads, {} violations\n\
         {longest_gap:?}\n{new_leader:?}\nfound {found_after:?}, written {written_after:?}, healthy {healthy_after:?}\n",
        reasons_of(summary),
        registers.registers,
        registers.writes,
        registers.reads,
        registers.violations.len()
    )
}

#[test]
fn empty_drill_is_summarized() {
    let history = at_work(&members(1), 0, |_, _| unreachable!());
    assert_eq!(history.operations, []);
    let mut drill = leader_killed();
    drill.history = History {
        left: Some(BTreeMap::new()),
        ..history
    };
    let summary = Summary::of(&drill);
    assert_eq!(summary.writes.per_minute, 0);
    assert_eq!(summary.span, Duration::ZERO);
}

#[test]
fn numbers_times_and_values_have_one_format() {
    assert_eq!(count(0), "0");
    assert_eq!(count(999), "999");
    assert_eq!(count(1_000), "1,000");
    assert_eq!(count(1_234_567), "1,234,567");
    assert_eq!(seconds(milliseconds(1_399)), "1.40 s");
    assert_eq!(seconds(milliseconds(4)), "0.00 s");
    assert_eq!(seconds(milliseconds(61_005)), "61.01 s");
    assert_eq!(moment(milliseconds(61_005)), "61.005 s");
    assert_eq!(value("a"), "`a`");
    assert_eq!(value(&"ä".repeat(60)), format!("`{}`", "ä".repeat(60)));
    assert_eq!(value(&"ä".repeat(61)), format!("`{}…`", "ä".repeat(60)));
}

/// The same operation with the revision of its answer.
fn at_revision(revision: u64, operation: Operation) -> Operation {
    Operation {
        revision: Some(revision),
        ..operation
    }
}

/// What a drill restores, at 250 ms, from a snapshot of revision 3.
fn restored(operations: &[Operation], left: &[(&str, &str)]) -> Drill {
    Drill {
        restored: Some(Restored {
            survivor: None,
            snapshot: 3,
            revision: 3,
            at: milliseconds(250),
        }),
        ..drill(operations, Some(left))
    }
}

/// Two writes that the snapshot holds, one that it does not hold, and one after the restoration.
fn around_a_restoration() -> [Operation; 5] {
    [
        at_revision(2, once(write(0, "x", 0..10), "/1")),
        at_revision(3, write(1, "a", 20..30)),
        at_revision(4, once(write(0, "y", 40..50), "/2")),
        at_revision(5, write(1, "b", 60..70)),
        // The revision is used again.
        at_revision(4, once(write(0, "z", 260..270), "/3")),
    ]
}

#[test]
fn writes_after_the_snapshot_are_lost_as_announced() {
    let left = [("/1", "x"), (REGISTER, "a"), ("/3", "z")];
    let drill = restored(&around_a_restoration(), &left);
    let summary = reasons(&drill, expect![[r#""#]]);
    let restoration = summary.restoration.unwrap();
    assert_eq!(restoration.announced, 2);
    assert_eq!(restoration.served_after, Some(milliseconds(70)));
    assert_eq!(summary.written_after, Some(milliseconds(170)));
    assert_eq!(summary.read_back.unwrap().announced, 1);
    assert_eq!(summary.registers.operations(), 3);
}

#[test]
fn other_losses_in_a_restoration_fail_the_drill() {
    for (left, why) in [
        // The snapshot held it.
        (
            &[(REGISTER, "a"), ("/3", "z")][..],
            "lost: 1 acknowledged write lost\n",
        ),
        // It was written to the restored cluster, at a revision that had been used.
        (
            &[("/1", "x"), (REGISTER, "a")],
            "lost: 1 acknowledged write lost\n",
        ),
        // The old data came back.
        (
            &[("/1", "x"), ("/2", "y"), (REGISTER, "a"), ("/3", "z")],
            "not-taken-back: 1 write after the snapshot is still there, so not only the restored data \
             is served\n",
        ),
        (
            &[("/1", "x"), (REGISTER, "b"), ("/3", "z")],
            "not-linearizable: 1 register not linearizable\n",
        ),
        // The register has neither value.
        (
            &[("/1", "x"), ("/3", "z")],
            "not-linearizable: 1 register not linearizable\n",
        ),
    ] {
        let drill = restored(&around_a_restoration(), left);
        assert_eq!(reasons_of(&Summary::of(&drill)), why, "{left:?}");
    }
}

#[test]
fn acknowledged_write_without_revision_is_never_excused() {
    let operations = [
        once(write(0, "x", 0..10), "/1"),
        at_revision(2, write(1, "a", 20..30)),
    ];
    let drill = restored(&operations, &[(REGISTER, "a")]);
    reasons(
        &drill,
        expect![[r#"
            lost: 1 acknowledged write lost
        "#]],
    );
}

#[test]
fn pause_of_a_restoration_is_part_of_the_outage() {
    let summary = reasons(&majority_lost(), expect![[r#""#]]);
    assert_eq!(summary.rests, []);
    let gap = summary.gap_under_fault.unwrap();
    assert!(
        gap.from < milliseconds(5_000) && gap.to > milliseconds(9_000),
        "{gap:?}"
    );
    assert!(summary.restoration.unwrap().announced > 100);
}
