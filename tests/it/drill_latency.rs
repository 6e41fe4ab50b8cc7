//! The latencies of a drill's requests, and how they are shown.

use std::time::Duration;

use expect_test::expect;
use test_attribute::test;
use xtask::drill::Drill;
use xtask::drill::history::{History, Operation};
use xtask::drill::latency::Latency;
use xtask::drill::summary::Summary;
use xtask::ui::drill::html;

use crate::drill_support::{
    leader_killed, milliseconds, quorum_lost, read, refused, run, unknown, write,
};

/// A drill of these requests, whose fault lasts from 5,000 ms (injecting) to 10,350 ms (healed).
fn drill(operations: Vec<Operation>) -> Drill {
    Drill {
        history: History {
            operations,
            left: None,
        },
        ..leader_killed()
    }
}

fn counts(summary: &Summary) -> [[usize; 3]; 2] {
    [&summary.latencies.writes, &summary.latencies.reads].map(|phases| {
        [phases.before, phases.during, phases.after]
            .map(|latency| latency.map_or(0, |latency| latency.count))
    })
}

#[test]
fn latency_percentiles_are_nearest_ranks() {
    // 1, 2, … 200 ms, in no order.
    let writes = (0..200).map(|number| write(0, "a", 0..(number * 77 % 200 + 1)));
    let summary = Summary::of(&drill(writes.collect()));
    let latency = Latency {
        count: 200,
        p50: milliseconds(100),
        p90: milliseconds(180),
        p99: milliseconds(198),
        max: milliseconds(200),
    };
    assert_eq!(summary.latencies.writes.before, Some(latency));
    let one = Summary::of(&drill(vec![write(0, "a", 3..10)]));
    let only = one.latencies.writes.before.unwrap();
    assert_eq!((only.p50, only.max), (milliseconds(7), milliseconds(7)));
}

#[test]
fn latency_counts_in_the_phase_of_the_fault() {
    let requests = vec![
        write(0, "a", 4_990..5_000),
        // Under way when the injection began, and when it was healed.
        write(0, "b", 4_990..5_001),
        read(0, None, 10_349..10_360),
        read(0, None, 10_350..10_360),
        // Not answered: their latencies are the clients' patience.
        refused(0, "c", 6_000..6_001),
        unknown(0, "d", 6_000..8_000),
    ];
    let summary = Summary::of(&drill(requests.clone()));
    assert_eq!(counts(&summary), [[1, 1, 0], [0, 1, 1]]);
    let mut never_injected = drill(requests.clone());
    never_injected.moments.clear();
    assert_eq!(
        counts(&Summary::of(&never_injected)),
        [[2, 0, 0], [2, 0, 0]]
    );
    let mut never_healed = drill(requests);
    never_healed.moments.truncate(2);
    assert_eq!(counts(&Summary::of(&never_healed)), [[1, 1, 0], [0, 2, 0]]);
}

#[test]
fn report_shows_latencies_of_each_phase() {
    let mut quorum_lost = quorum_lost();
    for one in &mut quorum_lost.history.operations {
        one.begun += Duration::from_micros(700);
    }
    let page = html::render(&run(), &[quorum_lost]);
    let (_, table) = page.split_once("<table class=\"list latency\">\n").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    let text = table.replace("</td>", " ").replace("</th>", " ");
    let text: String = text
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text))
        .collect();
    expect![[r#"
        Milliseconds until requests were answered
         answered p50 p90 p99 max 

        writes before the fault 671 6.3 9.3 10 10 
        writes during the fault 0 - - - - 
        writes after healing 530 6.3 10 10 1,353 
        reads before the fault 155 6.3 10 10 10 
        reads during the fault 0 - - - - 
        reads after healing 122 6.3 10 1,367 1,428 

    "#]]
    .assert_eq(&text);
}
