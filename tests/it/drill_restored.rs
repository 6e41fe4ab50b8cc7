//! What a drill claims across a restoration: nothing that a restored cluster can do is called a failure, and
//! what it cannot do is.

use std::cell::Cell;
use std::collections::BTreeMap;

use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use test_attribute::test;
use xtask::drill::Drill;
use xtask::drill::history::{Action, Answer, History, Operation};
use xtask::drill::registers::prove_restored;
use xtask::drill::restored::Restored;
use xtask::drill::summary::{Shortfall, Summary};

use crate::drill_support::{leader_killed, milliseconds, read, unknown, write};

/// A restoration at 100 ms of a snapshot of revision 3.
fn restored() -> Restored {
    Restored {
        survivor: None,
        snapshot: 3,
        revision: 3,
        at: milliseconds(100),
    }
}

fn at_revision(revision: u64, operation: Operation) -> Operation {
    Operation {
        revision: Some(revision),
        ..operation
    }
}

/// Why the operations of a register, of which these are before the restoration, fit no order.
fn clashes(after: &[Operation], left: &str) -> Vec<String> {
    let before = [
        at_revision(3, write(0, "kept", 0..5)),
        at_revision(4, write(0, "lost", 10..15)),
        at_revision(4, read(1, Some("lost"), 20..25)),
    ];
    let key = before[0].key.clone();
    let history = History {
        operations: [&before, after].concat(),
        left: Some([(key, left.to_owned())].into()),
    };
    let proof = prove_restored(&history, &restored());
    proof.violations.into_iter().map(|one| one.why).collect()
}

#[test]
fn restored_cluster_continues_at_the_snapshot() {
    let after = [
        at_revision(3, read(1, Some("kept"), 110..115)),
        at_revision(4, write(2, "new", 120..125)),
        at_revision(4, read(1, Some("new"), 130..135)),
    ];
    assert_eq!(clashes(&after, "new"), [] as [&str; 0]);
}

#[test]
fn lost_value_that_comes_back_is_found() {
    let after = [at_revision(3, read(1, Some("lost"), 110..115))];
    expect!["client 1 had got `lost` from core-02 by 0.115 s, a value that was never written"]
        .assert_eq(&clashes(&after, "kept").join("\n"));
}

#[test]
fn stale_value_after_a_restoration_is_found() {
    let after = [
        at_revision(4, write(2, "new", 120..125)),
        at_revision(4, read(1, Some("kept"), 130..135)),
    ];
    let found = clashes(&after, "new");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("asked core-02 at 0.130 s and got `kept`"),
        "{found:?}"
    );
}

#[test]
fn stale_value_before_the_loss_is_found() {
    let history = History {
        operations: vec![
            at_revision(3, write(0, "kept", 0..5)),
            at_revision(4, write(0, "lost", 10..15)),
            at_revision(4, read(1, Some("kept"), 20..25)),
        ],
        left: Some(BTreeMap::from([(
            "/registers/1".to_owned(),
            "kept".to_owned(),
        )])),
    };
    let proof = prove_restored(&history, &restored());
    assert_eq!(proof.violations.len(), 1, "{proof:#?}");
}

/// What a client asks, in a cluster that does it at some time until it answers.
#[derive(Debug, Clone)]
struct Asked {
    begun: u64,
    length: u64,
    /// When it takes effect, as a part of its length.
    effect: u64,
    key: &'static str,
    is_read: bool,
    /// How it is answered.
    kind: u8,
}

fn asked() -> impl Strategy<Value = Asked> {
    let key = prop::sample::select(&["/registers/1", "/registers/2", "/once"][..]);
    (
        0_u64..200,
        0_u64..30,
        0_u64..=4,
        key,
        any::<bool>(),
        0_u8..8,
    )
        .prop_map(|(begun, length, effect, key, is_read, kind)| Asked {
            begun,
            length,
            effect,
            key,
            is_read,
            kind,
        })
}

/// A cluster that does what it is asked and is restored at 100 ms, from a snapshot of this time.
fn served(asked: &[Asked], snapshot: u64) -> (History, u64) {
    let mut sent: Vec<(u64, Operation)> = Vec::new();
    for (number, one) in asked.iter().enumerate() {
        // Whatever was under way when the members were killed ends before the restoration.
        let end = one.begun + one.length;
        let end = if one.begun < 100 { end.min(99) } else { end };
        let effect = one.begun + (end - one.begun) * one.effect / 4;
        let times = one.begun..end;
        let is_register = one.key != "/once";
        let value = number.to_string();
        let operation = match (is_register && one.is_read, one.kind) {
            (true, _) => read(0, None, times),
            (false, 0 | 1) => unknown(0, &value, times),
            (false, _) => write(0, &value, times),
        };
        let is_done = !matches!(operation.answer, Answer::Unknown(_)) || one.kind == 0;
        let key = match is_register {
            true => one.key.to_owned(),
            false => format!("{}/{number}", one.key),
        };
        let effect = if is_done { effect } else { u64::MAX };
        sent.push((
            effect,
            Operation {
                key,
                is_register,
                ..operation
            },
        ));
    }
    sent.sort_by_key(|(effect, _)| *effect);
    let (mut left, mut revision) = (BTreeMap::new(), 1);
    let (mut kept, mut is_restored) = (None, false);
    for (effect, one) in &mut sent {
        if *effect >= snapshot {
            kept.get_or_insert_with(|| (BTreeMap::clone(&left), revision));
        }
        if let (true, false, Some(kept)) = (*effect >= 100, is_restored, &kept) {
            (left, revision) = kept.clone();
            is_restored = true;
        }
        match &one.action {
            Action::Write(value) if *effect < u64::MAX => {
                left.insert(one.key.clone(), value.clone());
                revision += 1;
            }
            Action::Read => one.answer = Answer::Value(left.get(&one.key).cloned()),
            Action::Write(_) => {}
        }
        let is_answered = !matches!(one.answer, Answer::Unknown(_));
        one.revision = is_answered.then_some(revision);
    }
    let (restored, at) = kept.unwrap_or_else(|| (left.clone(), revision));
    let history = History {
        operations: sent.into_iter().map(|(_, one)| one).collect(),
        left: Some(if is_restored { left } else { restored }),
    };
    (history, at)
}

#[test]
fn restored_cluster_is_never_called_wrong() {
    let cases = (prop::collection::vec(asked(), 1..40), 0_u64..100);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let before = Drill {
        history: History::default(),
        ..leader_killed()
    };
    let restorations = Cell::new(0);
    let tried = runner.run(&cases, |(asked, snapshot)| {
        let (history, revision) = served(&asked, snapshot);
        let drill = Drill {
            history,
            restored: Some(Restored {
                snapshot: revision,
                revision,
                ..restored()
            }),
            ..before.clone()
        };
        let summary = Summary::of(&drill);
        let lost = summary.restoration.unwrap().announced;
        restorations.set(restorations.get() + usize::from(lost > 0));
        let is_wrong = |reason: &&Shortfall| {
            matches!(
                reason,
                Shortfall::Lost(_) | Shortfall::NotTakenBack(_) | Shortfall::NotLinearizable(_)
            )
        };
        let wrong = summary.reasons.iter().find(is_wrong);
        prop_assert!(wrong.is_none(), "{wrong:?}: {:#?}", summary.registers);
        Ok(())
    });
    tried.unwrap();
    assert!(restorations.get() > 500, "nothing was lost");
}
