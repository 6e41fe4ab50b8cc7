//! Linearizability of registers: cases that are known to be right or wrong, and a search of all orders as the
//! judge of everything else.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use test_attribute::test;
use xtask::drill::history::{Action, Answer, History, Operation};
use xtask::drill::registers::{RegisterProof, prove};

use crate::drill_support::{milliseconds, read, refused, unknown, write};

/// The history of operations on one register, with this final value.
fn history(operations: &[Operation], left: Option<&str>) -> History {
    let left = left.map(|value| (operations[0].key.clone(), value.to_owned()));
    History {
        operations: operations.to_vec(),
        left: Some(left.into_iter().collect()),
    }
}

#[track_caller]
fn holds(operations: &[Operation], left: Option<&str>, counted: usize) {
    let proof = prove(&history(operations, left));
    assert!(proof.holds(), "{:#?}", proof.violations);
    assert_eq!(proof.operations(), counted);
}

#[track_caller]
fn clashes(operations: &[Operation], left: Option<&str>, expected: Expect) -> RegisterProof {
    let proof = prove(&history(operations, left));
    assert!(!proof.holds());
    let [violation] = proof.violations.as_slice() else {
        panic!("{proof:#?}");
    };
    assert_eq!(violation.key, operations[0].key);
    expected.assert_eq(&violation.why);
    proof
}

#[test]
fn sequential_reads_return_the_last_write() {
    let operations = [
        read(0, None, 0..5),
        write(1, "a", 10..15),
        read(0, Some("a"), 20..25),
        write(2, "b", 30..35),
        read(1, Some("b"), 40..45),
    ];
    holds(&operations, Some("b"), 6);
}

#[test]
fn concurrent_operations_can_take_either_order() {
    let operations = [
        write(0, "a", 0..10),
        write(1, "b", 20..60),
        read(2, Some("a"), 25..30),
        read(2, Some("b"), 35..40),
    ];
    holds(&operations, Some("b"), 5);
}

#[test]
fn stale_read_is_found() {
    let operations = [
        write(0, "a", 0..10),
        write(1, "b", 20..30),
        read(2, Some("a"), 40..45),
    ];
    let proof = clashes(
        &operations,
        Some("b"),
        expect![
            "client 2 asked core-03 at 0.040 s and got `a`, although client 1 had written `b` through core-02 by 0.030 s, and `b` came after `a`: client 0 had written `a` through core-01 by 0.010 s, client 1 began to write `b` through core-02 at 0.020 s"
        ],
    );
    assert_eq!(proof.violations[0].operations, operations);
}

#[test]
fn returning_value_is_found() {
    let operations = [
        write(0, "a", 0..50),
        write(1, "b", 0..50),
        read(2, Some("a"), 5..10),
        read(2, Some("b"), 15..20),
        read(2, Some("a"), 25..30),
    ];
    let proof = clashes(
        &operations,
        Some("b"),
        expect![
            "client 2 asked core-03 at 0.025 s and got `a`, although client 2 had got `b` from core-03 by 0.020 s, and `b` came after `a`: client 2 had got `a` from core-03 by 0.010 s, client 2 asked core-03 at 0.015 s and got `b`"
        ],
    );
    assert_eq!(proof.violations[0].operations, operations[2..]);
}

#[test]
fn register_that_becomes_empty_is_found() {
    let operations = [write(0, "a", 0..10), read(2, None, 20..25)];
    clashes(
        &operations,
        Some("a"),
        expect![
            "client 2 asked core-03 at 0.020 s and got nothing, although client 0 had written `a` through core-01 by 0.010 s, and no value is ever deleted"
        ],
    );
    clashes(
        &operations[..1],
        None,
        expect![
            "nothing was there at the end, although client 0 had written `a` through core-01 by 0.010 s, and no value is ever deleted"
        ],
    );
}

#[test]
fn lost_update_is_found_by_the_final_read() {
    let operations = [write(0, "a", 0..10), write(1, "b", 20..30)];
    clashes(
        &operations,
        Some("a"),
        expect![
            "`a` was there at the end, although client 1 had written `b` through core-02 by 0.030 s, and `b` came after `a`: client 0 had written `a` through core-01 by 0.010 s, client 1 began to write `b` through core-02 at 0.020 s"
        ],
    );
    // Either of two concurrent writes may be the last.
    let operations = [write(0, "a", 0..10), write(1, "b", 5..15)];
    holds(&operations, Some("a"), 3);
    holds(&operations, Some("b"), 3);
}

#[test]
fn unwritten_value_is_found() {
    let operations = [write(0, "a", 0..10), read(1, Some("x"), 20..25)];
    clashes(
        &operations,
        Some("a"),
        expect!["client 1 had got `x` from core-02 by 0.025 s, a value that was never written"],
    );
    clashes(
        &operations[..1],
        Some(&"x".repeat(1_000)),
        expect![
            "`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` was there at the end, a value that was never written"
        ],
    );
}

#[test]
fn refused_value_is_found() {
    let operations = [refused(0, "a", 0..10), read(1, Some("a"), 20..25)];
    let proof = clashes(
        &operations,
        Some("a"),
        expect![
            "client 1 had got `a` from core-02 by 0.025 s, although client 0's write of it through core-01 was refused at 0.010 s"
        ],
    );
    assert_eq!(proof.violations[0].operations, operations);
    // A refused client may send the same value again.
    let operations = [
        refused(0, "a", 0..10),
        write(0, "a", 12..15),
        read(1, Some("a"), 20..25),
    ];
    holds(&operations, Some("a"), 3);
}

#[test]
fn read_before_its_write_is_found() {
    let operations = [read(1, Some("a"), 0..5), write(0, "a", 10..20)];
    let proof = clashes(
        &operations,
        Some("a"),
        expect![
            "client 1 had got `a` from core-02 by 0.005 s, although client 0 began to write `a` through core-01 at 0.010 s"
        ],
    );
    assert_eq!(proof.violations[0].operations, operations);
}

#[test]
fn unknown_write_can_take_effect_late_or_never() {
    let operations = [
        unknown(0, "a", 0..10),
        write(1, "b", 20..30),
        read(2, Some("b"), 40..45),
    ];
    // Never, as far as is known: it does not count.
    holds(&operations, Some("b"), 3);
    // Late: after everything.
    holds(&operations, Some("a"), 4);
    // Between the operations that followed it.
    let late = [
        operations.as_slice(),
        &[read(2, Some("a"), 50..55), write(1, "c", 60..70)],
    ]
    .concat();
    holds(&late, Some("c"), 6);
    // But once it has taken effect, it is replaced like any other.
    clashes(
        &late,
        Some("a"),
        expect![
            "`a` was there at the end, although client 1 had written `c` through core-02 by 0.070 s, and `c` came after `a`: client 2 had got `a` from core-03 by 0.055 s, client 1 began to write `c` through core-02 at 0.060 s"
        ],
    );
    // And not before it began.
    let early = [read(2, Some("a"), 0..5), unknown(0, "a", 10..20)];
    clashes(
        &early,
        Some("a"),
        expect![
            "client 2 had got `a` from core-03 by 0.005 s, although client 0 began to write `a` through core-01 at 0.010 s"
        ],
    );
}

#[test]
fn touching_operations_can_take_either_order() {
    let operations = [
        write(0, "a", 0..10),
        write(1, "b", 10..20),
        read(2, Some("a"), 20..25),
    ];
    holds(&operations, Some("b"), 4);
    let later = read(2, Some("a"), 21..25);
    let proof = prove(&history(
        &[operations[0].clone(), operations[1].clone(), later],
        Some("b"),
    ));
    assert!(!proof.holds());
}

#[test]
fn registers_are_judged_separately() {
    let of = |key: &str, operations: &[Operation]| {
        let with_key = operations.iter().map(|one| Operation {
            key: key.to_owned(),
            ..one.clone()
        });
        with_key.collect::<Vec<_>>()
    };
    let good = [write(0, "a", 0..10), read(1, Some("a"), 20..25)];
    let bad = [write(0, "a", 0..10), read(1, None, 20..25)];
    let once = Operation {
        is_register: false,
        ..write(3, "a", 0..1)
    };
    let operations = [
        of("/b", &bad),
        of("/c", &good),
        of("/a", &bad),
        of("/d", &[once]),
    ];
    let proof = prove(&History {
        operations: operations.concat(),
        left: None,
    });
    assert_eq!(proof.registers, 3);
    assert_eq!((proof.writes, proof.reads), (1, 1));
    let violated: Vec<&str> = proof
        .violations
        .iter()
        .map(|one| one.key.as_str())
        .collect();
    assert_eq!(violated, ["/a", "/b"]);
}

#[test]
fn nothing_is_proven_without_operations() {
    assert!(!prove(&History::default()).holds());
    let twice = [write(0, "a", 0..10), write(1, "a", 20..30)];
    let proof = prove(&history(&twice, Some("a")));
    assert!(!proof.holds());
    assert_eq!(proof.ambiguous, [twice[0].key.clone()]);
    assert_eq!(proof.operations(), 0);
}

/// The judge: tries every order.
#[test]
fn verdict_matches_a_search_of_all_orders() {
    let [linearizable, not] = [Cell::new(0_u32), Cell::new(0_u32)];
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let tried = runner.run(&histories(), |history| {
        let expected = has_an_order(&history);
        let proof = prove(&history);
        prop_assert_eq!(proof.violations.is_empty(), expected, "{:#?}", proof);
        let counter = if expected { &linearizable } else { &not };
        counter.set(counter.get() + 1);
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
    let [linearizable, not] = [linearizable.get(), not.get()];
    assert!(
        linearizable > 500 && not > 500,
        "{linearizable} have an order, {not} have none"
    );
}

/// Histories for a search: at most seven operations, not counting the final read, close together and with
/// every kind of answer. In some, reads return anything; in others they return what they would in some order,
/// perhaps except for one.
fn histories() -> impl Strategy<Value = History> {
    let operations = prop::collection::vec(operation(), 1..=7);
    let effects = prop::collection::vec(0_u64..10, 8);
    let left = prop::option::weighted(0.7, select(VALUES));
    let changed = prop::option::of((0_usize..8, select(VALUES)));
    let follows = any::<bool>();
    let parts = (operations, effects, left, changed, follows);
    parts.prop_filter_map(
        "written twice",
        |(operations, effects, left, changed, follows)| {
            let mut written = BTreeSet::new();
            let is_unique = operations.iter().all(|one| match &one.action {
                Action::Write(value) => written.insert(value.clone()),
                Action::Read => true,
            });
            let history = History {
                left: left.map(|value| {
                    let key = operations[0].key.clone();
                    something(value)
                        .map(|value| (key, value))
                        .into_iter()
                        .collect()
                }),
                operations,
            };
            let history = if follows {
                in_some_order(history, &effects, changed)
            } else {
                history
            };
            is_unique.then_some(history)
        },
    )
}

fn something(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// The same, with the values that the reads would return if each operation took effect at a moment of its
/// own, and writes of unknown outcome perhaps later; except for the one that is changed.
fn in_some_order(
    mut history: History,
    effects: &[u64],
    changed: Option<(usize, &'static str)>,
) -> History {
    let moments = history.operations.iter().zip(effects).map(|(one, part)| {
        let length = match one.answer {
            Answer::Unknown(_) => milliseconds(40),
            _ => one.ended - one.begun,
        };
        one.begun + length.mul_f64(*part as f64 / 9.0)
    });
    let moments: Vec<Duration> = moments.collect();
    let mut order: Vec<usize> = (0..moments.len()).collect();
    order.sort_by_key(|&at| moments[at]);
    let mut holds = None;
    for at in order {
        let one = &mut history.operations[at];
        match (&one.action, &mut one.answer) {
            (_, Answer::Refused(_)) => {}
            (Action::Write(value), _) => holds = Some(value.clone()),
            (Action::Read, Answer::Value(value)) => value.clone_from(&holds),
            (Action::Read, _) => {}
        }
    }
    if let Some(left) = &mut history.left {
        let key = history.operations[0].key.clone();
        *left = holds.map(|value| (key, value)).into_iter().collect();
    }
    if let Some((at, other)) = changed
        && let Some(one) = history.operations.get_mut(at)
        && let Answer::Value(value) = &mut one.answer
    {
        *value = something(other);
    }
    history
}

/// Nothing, and the values that are written; few, so that they often collide.
const VALUES: &[&str] = &["", "a", "b", "c", "d"];

fn operation() -> impl Strategy<Value = Operation> {
    let times = (0_u64..12, 0_u64..8).prop_map(|(begun, length)| begun..begun + length);
    let writes =
        (times.clone(), select(&VALUES[1..]), 0..8).prop_map(|(times, value, kind)| match kind {
            0 => refused(0, value, times),
            1 | 2 => unknown(0, value, times),
            _ => write(0, value, times),
        });
    let reads = (times, select(VALUES), 0..12).prop_map(|(times, value, kind)| {
        let one = read(1, something(value).as_deref(), times);
        match kind {
            0 => Operation {
                answer: Answer::Unknown("timed out".to_owned()),
                ..one
            },
            _ => one,
        }
    });
    prop_oneof![writes, reads]
}

/// Whether some order of these operations explains what was read. Tries them all.
fn has_an_order(history: &History) -> bool {
    let mut left: Vec<Tried> = history
        .operations
        .iter()
        .filter_map(|one| {
            let ended = Some(one.ended.as_millis());
            let (action, ended, may_be_left_out) = match (&one.action, &one.answer) {
                (Action::Write(value), Answer::Acknowledged) => {
                    (Does::Write(value.clone()), ended, false)
                }
                (Action::Write(value), Answer::Unknown(_)) => {
                    (Does::Write(value.clone()), None, true)
                }
                (Action::Read, Answer::Value(value)) => (Does::Read(value.clone()), ended, false),
                _ => return None,
            };
            Some(Tried {
                begun: one.begun.as_millis(),
                ended,
                does: action,
                may_be_left_out,
            })
        })
        .collect();
    if let Some(found) = &history.left {
        left.push(Tried {
            begun: 1_000,
            ended: Some(1_000),
            does: Does::Read(found.get(&history.operations[0].key).cloned()),
            may_be_left_out: false,
        });
    }
    can_end(&left, None)
}

#[derive(Clone)]
struct Tried {
    begun: u128,
    /// None if it may last forever.
    ended: Option<u128>,
    does: Does,
    may_be_left_out: bool,
}

#[derive(Clone)]
enum Does {
    Write(String),
    Read(Option<String>),
}

fn can_end(left: &[Tried], value: Option<&str>) -> bool {
    if left.iter().all(|one| one.may_be_left_out) {
        return true;
    }
    (0..left.len()).any(|at| {
        let next = &left[at];
        let is_preceded = left
            .iter()
            .any(|other| other.ended.is_some_and(|ended| ended < next.begun));
        let others = || [&left[..at], &left[at + 1..]].concat();
        !is_preceded
            && match &next.does {
                Does::Write(written) => can_end(&others(), Some(written)),
                Does::Read(read) => read.as_deref() == value && can_end(&others(), value),
            }
    })
}

/// A register with many writes and reads, far beyond what could be searched, is judged in a moment.
#[test]
fn long_history_is_checked_fast() {
    let mut operations = Vec::new();
    for number in 0..40_000_u64 {
        let at = number * 10;
        operations.push(write(0, &number.to_string(), at..at + 4));
        operations.push(read(1, Some(&number.to_string()), at + 5..at + 8));
    }
    holds(&operations, Some("39999"), 80_001);
    let stale = read(2, Some("0"), 500_000..500_001);
    operations.push(stale);
    let proof = prove(&history(&operations, Some("39999")));
    assert_eq!(proof.violations.len(), 1);
    assert_eq!(
        milliseconds(500_000),
        proof.violations[0].operations.last().unwrap().begun
    );
}
