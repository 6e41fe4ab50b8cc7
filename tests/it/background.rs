//! Background queries: which answers are waited for.

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use test_attribute::test;
use xtask::background::Query;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn in_a_while() -> Instant {
    Instant::now() + LONG
}

/// Starts a query with the answers that the test sends.
fn ask_slow(question: &mut Query<u32>) -> Sender<u32> {
    let (give, given) = mpsc::channel();
    question.ask(move || given.recv().unwrap());
    give
}

#[test]
fn answer_in_time_is_waited_for() {
    let mut question = Query::default();
    for number in 0..3 {
        let give = ask_slow(&mut question);
        give.send(number).unwrap();
        assert_eq!(question.answer(in_a_while()), Some(number));
    }
    assert!(question.is_waited_for());
}

#[test]
fn late_answer_is_kept_but_not_waited_for_again() {
    let mut question = Query::default();
    let give = ask_slow(&mut question);
    assert_eq!(question.answer(Instant::now()), None);

    // While the first query runs, no other is started, and none is waited for.
    question.ask(|| panic!("asked once more"));
    assert_eq!(question.answer(in_a_while()), None);
    assert!(!question.is_waited_for());

    give.send(1).unwrap();
    let begun = Instant::now();
    let mut asked = Vec::new();
    let mut answer = None;
    while answer.is_none() && begun.elapsed() < LONG / 6 {
        // Once the first has answered, this starts a new one.
        asked.push(ask_slow(&mut question));
        answer = question.answer(in_a_while());
    }
    assert_eq!(answer, Some(1));
    assert!(!question.is_waited_for());

    // The answer may have come before or right after this call; in the second case no new query is
    // running yet. Either way, one of the prepared queries is started after this, and the others
    // never.
    asked.push(ask_slow(&mut question));
    let heard = asked.iter().filter(|give| give.send(2).is_ok()).count();
    assert_eq!(heard, 1);
    question.trust();
    assert_eq!(question.answer(in_a_while()), Some(2));
}

#[test]
fn crashed_query_is_repeated() {
    let mut question: Query<u32> = Query::default();
    question.ask(|| std::panic::panic_any("broken down"));
    assert_eq!(question.answer(in_a_while()), None);
    question.trust();
    question.ask(|| 4);
    assert_eq!(question.answer(in_a_while()), Some(4));
}
