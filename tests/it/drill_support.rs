//! Handmade drills for the tests of proofs and reports.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use xtask::drill::history::{Action, Answer, History, Operation};
use xtask::drill::restored::Restored;
use xtask::drill::run::Run;
use xtask::drill::{Disturbance, Drill, Event, Moment};
use xtask::values::{DriverName, HostName};

/// This many milliseconds.
pub(crate) const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A client's acknowledged write of a register, from and to these milliseconds.
pub(crate) fn write(client: usize, value: &str, times: Range<u64>) -> Operation {
    Operation {
        client,
        through: format!("core-0{}", client + 1).parse().unwrap(),
        key: "/registers/1".to_owned(),
        is_register: true,
        action: Action::Write(value.to_owned()),
        begun: milliseconds(times.start),
        ended: milliseconds(times.end),
        answer: Answer::Acknowledged,
        revision: None,
    }
}

/// A write that was certainly not carried out.
pub(crate) fn refused(client: usize, value: &str, times: Range<u64>) -> Operation {
    Operation {
        answer: Answer::Refused("connection refused".to_owned()),
        ..write(client, value, times)
    }
}

/// A write of unknown outcome.
pub(crate) fn unknown(client: usize, value: &str, times: Range<u64>) -> Operation {
    Operation {
        answer: Answer::Unknown("context deadline exceeded".to_owned()),
        ..write(client, value, times)
    }
}

/// A client's read that returned this.
pub(crate) fn read(client: usize, value: Option<&str>, times: Range<u64>) -> Operation {
    Operation {
        action: Action::Read,
        answer: Answer::Value(value.map(str::to_owned)),
        ..write(client, "", times)
    }
}

/// How a member treats a request at some moment.
#[derive(Clone)]
pub(crate) enum Served {
    /// It answers after its usual few milliseconds.
    Soon,
    /// It answers when it can: a little after this moment, in milliseconds.
    From(u64),
    /// Nothing listens.
    Refuses,
    /// Its connection breaks at this moment, in milliseconds.
    Breaks(u64),
    /// It does not answer, and its client gives up.
    Silent,
    /// It is not queried until this moment, in milliseconds.
    Unasked(u64),
}

/// How long a client waits.
const PATIENCE: u64 = 2_000;

/// How long a client rests after a refusal.
const REST: u64 = 100;

/// Clients at work until this moment, two per member, whose treatment this function decides. Everything takes
/// effect in one order, including every third of the requests that are never answered.
pub(crate) fn at_work(
    members: &[HostName],
    until: u64,
    served: impl Fn(&str, u64) -> Served,
) -> History {
    at_work_until_restored(members, until, u64::MAX..u64::MAX, served).0
}

/// The same, but what took effect at this time or later is lost when the time is over. Also returns the
/// revision of what is kept.
pub(crate) fn at_work_until_restored(
    members: &[HostName],
    until: u64,
    lost: Range<u64>,
    served: impl Fn(&str, u64) -> Served,
) -> (History, u64) {
    let mut random = Random(1);
    let mut sent: Vec<(u64, Operation)> = Vec::new();
    for client in 0..members.len() * 2 {
        let through = &members[client % members.len()];
        let mut at = client as u64 * 3;
        for number in 0.. {
            if at >= until {
                break;
            }
            if let Served::Unasked(until) = served(through.as_str(), at) {
                at = until + random.below(20);
                continue;
            }
            let takes = 3 + random.below(9);
            let (ended, effect, answer) = match served(through.as_str(), at) {
                Served::Soon => (at + takes, at + takes / 2, Answer::Acknowledged),
                Served::From(from) if from + takes > at + PATIENCE => {
                    (at + PATIENCE, from, timed_out())
                }
                Served::From(from) => (from + takes, from + takes / 2, Answer::Acknowledged),
                Served::Refuses => {
                    let why = "dial tcp: connect: connection refused".to_owned();
                    (at + 1, u64::MAX, Answer::Refused(why))
                }
                Served::Breaks(moment) => {
                    let why = "read: connection reset by peer".to_owned();
                    (moment, moment, Answer::Unknown(why))
                }
                Served::Silent | Served::Unasked(_) => (at + PATIENCE, at + PATIENCE, timed_out()),
            };
            let is_lost = matches!(answer, Answer::Unknown(_)) && number % 3 != 0;
            let effect = if is_lost { u64::MAX } else { effect };
            let rest = match answer {
                Answer::Refused(_) => REST,
                _ => 20 + random.below(20),
            };
            sent.push((
                effect,
                Operation {
                    client,
                    through: through.clone(),
                    begun: milliseconds(at),
                    ended: milliseconds(ended),
                    answer,
                    ..asked_for(client, number, random.below(100))
                },
            ));
            at = ended + rest;
        }
    }
    // A read returns what had taken effect by then.
    sent.sort_by_key(|(effect, operation)| (*effect, operation.begun, operation.client));
    let mut left = BTreeMap::new();
    let mut revision = 1;
    let mut kept = None;
    let mut is_restored = false;
    for (effect, operation) in &mut sent {
        if *effect >= lost.start {
            let (kept, at) = kept.get_or_insert_with(|| (left.clone(), revision));
            if *effect >= lost.end && !is_restored {
                (left, revision) = (kept.clone(), *at);
                is_restored = true;
            }
        }
        if matches!(operation.action, Action::Write(_)) && *effect < u64::MAX {
            revision += 1;
        }
        if operation.answer == Answer::Acknowledged {
            operation.revision = Some(revision);
        }
        match &operation.action {
            Action::Write(value) if *effect < u64::MAX => {
                left.insert(operation.key.clone(), value.clone());
            }
            Action::Read if operation.answer == Answer::Acknowledged => {
                operation.answer = Answer::Value(left.get(&operation.key).cloned());
            }
            _ => {}
        }
    }
    let mut operations: Vec<Operation> = sent.into_iter().map(|(_, operation)| operation).collect();
    operations.sort_by_key(|operation| (operation.begun, operation.client));
    let history = History {
        operations,
        left: Some(left),
    };
    (history, kept.map_or(revision, |(_, at)| at))
}

fn timed_out() -> Answer {
    Answer::Unknown("context deadline exceeded".to_owned())
}

/// Of ten requests, seven write a key of their own, two read a register and one writes it.
fn asked_for(client: usize, number: u64, chance: u64) -> Operation {
    let register = format!("/drill/registers/{}", chance % 2);
    let value = format!("{client}-{number}");
    match chance {
        0..70 => Operation {
            key: format!("/drill/once/{client}/{number}"),
            is_register: false,
            ..write(client, &value, 0..0)
        },
        70..90 => Operation {
            key: register,
            ..read(client, None, 0..0)
        },
        _ => Operation {
            key: register,
            ..write(client, &value, 0..0)
        },
    }
}

/// The same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// This many members.
pub(crate) fn members(count: usize) -> Vec<HostName> {
    let names = (1..=count).map(|number| format!("core-{number:02}").parse().unwrap());
    names.collect()
}

/// These events at these milliseconds.
pub(crate) fn moments(events: &[(u64, Event)]) -> Vec<Moment> {
    let moments = events.iter().map(|(at, event)| Moment {
        at: milliseconds(*at),
        event: event.clone(),
    });
    moments.collect()
}

pub(crate) fn new_leader(name: &str, term: u64) -> Event {
    Event::NewLeader {
        leader: name.parse().unwrap(),
        term,
    }
}

/// A run of drills on a made-up host.
pub(crate) fn run() -> Run {
    Run {
        started: Duration::from_secs(1_785_402_300),
        host: "workbench".to_owned(),
        kernel: "6.1.0-40-amd64".to_owned(),
        processors: Some(2),
        driver: DriverName::Local,
        xtask: "0.2.0".to_owned(),
        command: "cargo xtask drill leader-killed --hold 5s".to_owned(),
        hold: Some(Duration::from_secs(5)),
        rate: 100,
    }
}

/// The leader of three was killed: nothing could be written for 1.4 s.
pub(crate) fn leader_killed() -> Drill {
    let members = members(3);
    let history = at_work(&members, 15_000, |through, at| match (through, at) {
        ("core-02", 4_960..5_004) => Served::Breaks(5_004),
        ("core-02", 5_004..10_900) => Served::Refuses,
        (_, 4_990..6_395) => Served::From(6_395),
        _ => Served::Soon,
    });
    Drill {
        cluster: "default".parse().unwrap(),
        version: "3.6.14".parse().unwrap(),
        members,
        disturbance: Disturbance::Fault("kill-leader"),
        done: "core-02, the leader, was killed".to_owned(),
        moments: moments(&[
            (5_000, Event::Injecting),
            (5_004, Event::Injected),
            (5_790, Event::Found),
            (6_312, new_leader("core-01", 3)),
            (10_000, Event::Healing),
            (10_350, Event::Healed),
            (11_210, Event::Healthy),
        ]),
        expected: vec!["reachable: core-02".to_owned()],
        reported: vec!["reachable: core-02".to_owned()],
        afterwards: "default is healthy: 3 of 3 members, leader core-01, 1 more may fail"
            .to_owned(),
        history,
        restored: None,
    }
}

/// All members were restarted by `apply`, one after another.
pub(crate) fn restarted() -> Drill {
    let members = members(3);
    let history = at_work(&members, 8_000, |through, at| match (through, at) {
        ("core-01", 1_100..1_700) | ("core-03", 3_000..3_600) => Served::Refuses,
        ("core-02", 5_100..5_700) => Served::Refuses,
        (_, 5_020..5_230) => Served::From(5_230),
        _ => Served::Soon,
    });
    let step = |member: &str| Event::Step {
        short: format!("restart {member}"),
        what: format!("restart {member}"),
    };
    Drill {
        disturbance: Disturbance::Change("apply"),
        done: "restarted core-01, core-03 and core-02".to_owned(),
        moments: moments(&[
            (1_000, Event::Changing),
            (1_002, step("core-01")),
            (2_900, step("core-03")),
            (5_000, step("core-02")),
            (5_210, new_leader("core-01", 3)),
            (6_600, Event::Changed),
            (6_800, Event::Healthy),
        ]),
        expected: Vec::new(),
        reported: Vec::new(),
        history,
        members,
        ..leader_killed()
    }
}

/// Two of three were killed: requests sent meanwhile have an unknown outcome.
pub(crate) fn quorum_lost() -> Drill {
    let members = members(3);
    let history = at_work(&members, 18_000, |through, at| match (through, at) {
        ("core-02" | "core-03", 5_000..5_011) => Served::Breaks(5_011),
        ("core-02" | "core-03", 5_011..12_600) => Served::Refuses,
        (_, 4_990..12_150) => Served::Silent,
        (_, 12_150..14_040) => Served::From(14_040),
        _ => Served::Soon,
    });
    let found = ["reachable: core-02, core-03", "leader", "quorum", "write"];
    Drill {
        disturbance: Disturbance::Fault("kill-majority"),
        done: "core-02 and core-03 were killed".to_owned(),
        moments: moments(&[
            (5_000, Event::Injecting),
            (5_011, Event::Injected),
            (6_420, Event::Found),
            (12_000, Event::Healing),
            (12_590, Event::Healed),
            (13_980, new_leader("core-03", 4)),
            (14_900, Event::Healthy),
        ]),
        expected: found.map(str::to_owned).to_vec(),
        reported: found.map(str::to_owned).to_vec(),
        history,
        members,
        ..leader_killed()
    }
}

/// A follower lost its data, and the cluster lost writes with it: made up, because etcd does not do so.
pub(crate) fn write_lost() -> Drill {
    let members = members(3);
    let mut history = at_work(&members, 12_000, |through, at| match (through, at) {
        ("core-03", 5_000..5_020) => Served::Breaks(5_020),
        ("core-03", 5_020..8_300) => Served::Refuses,
        _ => Served::Soon,
    });
    let left = history.left.as_mut().unwrap();
    let once = history.operations.iter().filter(|one| {
        let is_it = one.ended > milliseconds(4_850) && one.through.as_str() == "core-03";
        is_it && !one.is_register && one.answer == Answer::Acknowledged
    });
    let lost: Vec<String> = once.map(|one| one.key.clone()).take(3).collect();
    left.remove(&lost[0]);
    left.remove(&lost[1]);
    left.insert(lost[2].clone(), "something else".to_owned());
    // A register that answered with a replaced value.
    let is_it = |one: &&mut Operation| one.key.ends_with("registers/0");
    let mut replaced = Vec::new();
    for one in history.operations.iter_mut().filter(is_it) {
        match &one.action {
            Action::Write(value) => replaced.push(value.clone()),
            Action::Read if one.begun > milliseconds(6_000) => {
                one.answer = Answer::Value(Some(replaced[replaced.len() - 4].clone()));
                break;
            }
            Action::Read => {}
        }
    }
    Drill {
        disturbance: Disturbance::Fault("wipe-follower"),
        done: "core-03 lost its data".to_owned(),
        moments: moments(&[
            (5_000, Event::Injecting),
            (5_020, Event::Injected),
            (8_000, Event::Healing),
            (8_100, Event::Healed),
        ]),
        expected: vec!["reachable: core-03".to_owned()],
        reported: vec![
            "reachable: core-03".to_owned(),
            "hash: core-01, core-02".to_owned(),
        ],
        afterwards: "default is unhealthy: 2 of 3 members, leader core-01, none more may fail"
            .to_owned(),
        history,
        members,
        ..leader_killed()
    }
}

/// Two of three lost their data after a backup, from which the cluster was restored.
pub(crate) fn majority_lost() -> Drill {
    let members = members(3);
    let served = |through: &str, at| match (through, at) {
        ("core-01" | "core-02", 5_000..5_020) => Served::Breaks(5_020),
        ("core-03", 4_995..7_900) => Served::Breaks((at + PATIENCE).min(7_900)),
        (_, 5_020..9_000) => Served::Refuses,
        _ => Served::Soon,
    };
    let (history, snapshot) = at_work_until_restored(&members, 15_000, 3_000..8_200, served);
    let found = [
        "leader",
        "quorum",
        "reachable: core-01",
        "reachable: core-02",
    ];
    Drill {
        disturbance: Disturbance::Fault("majority-lost-for-good"),
        done: "core-01 and core-02 were killed and lost their data".to_owned(),
        moments: moments(&[
            (3_310, Event::BackedUp),
            (5_000, Event::Injecting),
            (5_020, Event::Injected),
            (6_420, Event::Found),
            (7_800, Event::Healing),
            (8_200, Event::Restored),
            (8_950, new_leader("core-02", 2)),
            (9_010, Event::Healed),
            (9_400, Event::Healthy),
        ]),
        expected: found.map(str::to_owned).to_vec(),
        reported: found.map(str::to_owned).to_vec(),
        history,
        members,
        restored: Some(Restored {
            survivor: None,
            snapshot,
            revision: snapshot,
            at: milliseconds(8_200),
        }),
        ..leader_killed()
    }
}

/// A member's data was changed while the clients rested, because healing restores the old data.
pub(crate) fn data_diverged() -> Drill {
    let members = members(5);
    let history = at_work(&members, 12_000, |_, at| match at {
        1_030..9_400 => Served::Unasked(9_400),
        _ => Served::Soon,
    });
    Drill {
        disturbance: Disturbance::Fault("data-diverged"),
        done: "a key was changed in core-04's data".to_owned(),
        moments: moments(&[
            (2_050, Event::Injecting),
            (4_310, Event::Injected),
            (5_020, Event::Found),
            (8_020, Event::Healing),
            (9_390, Event::Healed),
            (9_910, Event::Healthy),
        ]),
        expected: vec!["hash: core-04".to_owned()],
        reported: vec!["hash: core-04".to_owned()],
        afterwards: "five is healthy: 5 of 5 members, leader core-01, 2 more may fail".to_owned(),
        history,
        members,
        ..leader_killed()
    }
}
