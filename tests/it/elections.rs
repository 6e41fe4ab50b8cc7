//! The elections that follow from consecutive snapshots.

use std::time::Duration;

use test_attribute::test;
use xtask::elections::{Elections, Leadership};
use xtask::observation::{Condition, Look, MemberSnapshot, Snapshot, Status};
use xtask::plan::identity::EtcdId;
use xtask::values::{DriverName, EtcdVersion};

/// A member as it is seen: its term, and the number of the leader that it follows.
#[derive(Clone, Copy)]
pub(crate) enum Seen {
    Follows(u64, u64),
    /// A member that does not report its term, like etcd 2.0.0 before its first key is written.
    FollowsInSomeTerm(u64),
    NoLeader(u64),
    Silent,
    Stopped,
}
use Seen::{Follows, FollowsInSomeTerm, NoLeader, Silent, Stopped};

/// A snapshot of members that are seen like this. Their numbers are their IDs.
pub(crate) fn snapshot(members: &[Seen]) -> Snapshot {
    let member = |(number, seen): (u64, &Seen)| MemberSnapshot {
        name: format!("core-0{number}").parse().unwrap(),
        predicted_id: EtcdId(number),
        endpoint: format!("http://127.0.0.{number}:2379"),
        condition: Some(match seen {
            Stopped => Condition::Stopped,
            _ => Condition::Running(format!("process {number}00")),
        }),
        status: match *seen {
            Follows(term, leader) => Look::Seen(status(number, term, Some(EtcdId(leader)))),
            FollowsInSomeTerm(leader) => Look::Seen(Status {
                raft_term: None,
                ..status(number, 0, Some(EtcdId(leader)))
            }),
            NoLeader(term) => Look::Seen(status(number, term, None)),
            Silent => Look::Failed("no answer within 2 s".to_owned()),
            Stopped => Look::Failed("connection refused: nothing listens there".to_owned()),
        },
    };
    Snapshot {
        damaged: Vec::new(),
        unfinished: None,
        way_back: None,
        changes: Vec::new(),
        is_redefined: false,
        is_defined: true,
        cluster: "default".parse().unwrap(),
        driver: DriverName::Local,
        version: EtcdVersion::new(3, 6, 14),
        members: (1..).zip(members).map(member).collect(),
        lost: Vec::new(),
    }
}

fn status(member: u64, term: u64, leader: Option<EtcdId>) -> Status {
    Status {
        version: "3.6.14".to_owned(),
        cluster_id: EtcdId(0),
        member_id: EtcdId(member),
        leader,
        raft_term: Some(term),
        raft_index: Some(18),
        raft_applied_index: Some(18),
        revision: Some(5),
        db_size: Some(20480),
        db_size_quota: None,
        downgrade: None,
        is_learner: false,
        errors: Vec::new(),
    }
}

const fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// What is known after these snapshots, which were a second apart, the first at 1.
pub(crate) fn after(glances: &[&[Seen]]) -> Elections {
    let mut elections = Elections::default();
    for (at, members) in (1..).zip(glances) {
        elections.take_note(second(at), &snapshot(members));
    }
    elections
}

/// The last election: term, winner, when it had not happened yet, when it was reported.
#[track_caller]
fn last(elections: &Elections) -> (u64, String, Option<u64>, u64) {
    let last = elections.last().unwrap();
    (
        last.term.unwrap(),
        last.name.as_ref().unwrap().to_string(),
        last.after.map(|after| after.as_secs()),
        last.told.as_secs(),
    )
}

const FIRST_LEADS: &[Seen] = &[Follows(2, 1), Follows(2, 1), Follows(2, 1)];

#[test]
fn election_in_the_first_snapshot_was_before_watching() {
    let elections = after(&[FIRST_LEADS, FIRST_LEADS, FIRST_LEADS]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
    assert!(elections.was_before_watching(elections.last().unwrap()));
    assert_eq!(elections.leadership(), (Leadership::Held, second(1)));
}

#[test]
fn election_after_a_leader_stopped_is_known_to_the_second() {
    let elections = after(&[
        FIRST_LEADS,
        FIRST_LEADS,
        // The others have not noticed yet.
        &[Stopped, Follows(2, 1), Follows(2, 1)],
    ]);
    assert_eq!(elections.leadership(), (Leadership::Vacant, second(3)));
    let elections = after(&[
        FIRST_LEADS,
        FIRST_LEADS,
        &[Stopped, Follows(2, 1), Follows(2, 1)],
        &[Stopped, NoLeader(2), NoLeader(3)],
        // One of them knows it first.
        &[Stopped, NoLeader(3), Follows(3, 3)],
        &[Stopped, Follows(3, 3), Follows(3, 3)],
    ]);
    assert_eq!(last(&elections), (3, "core-03".to_owned(), Some(4), 5));
    assert!(!elections.was_before_watching(elections.last().unwrap()));
    assert_eq!(elections.leadership(), (Leadership::Held, second(5)));
}

#[test]
fn second_win_of_a_member_is_another_election() {
    let again: &[Seen] = &[Follows(4, 1), Follows(4, 1), Follows(4, 1)];
    let elections = after(&[FIRST_LEADS, again]);
    assert_eq!(last(&elections), (4, "core-01".to_owned(), Some(1), 2));
}

#[test]
fn election_of_an_unseen_winner_has_no_earliest_time() {
    let elections = after(&[
        &[Silent, Silent, Silent],
        &[Silent, NoLeader(2), NoLeader(2)],
        FIRST_LEADS,
    ]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 3));
    assert!(!elections.was_before_watching(elections.last().unwrap()));
}

#[test]
fn election_of_a_stopped_cluster_is_later() {
    let down: &[Seen] = &[Stopped, Stopped, Stopped];
    let elections = after(&[down, down]);
    assert!(elections.last().is_none());
    assert_eq!(elections.leadership(), (Leadership::Down, second(1)));
    let elections = after(&[down, down, &[Silent, Silent, Silent], FIRST_LEADS]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), Some(2), 4));
}

#[test]
fn leader_that_is_cut_off_no_longer_leads() {
    let elections = after(&[
        &[Silent, Follows(3, 2), Follows(3, 2)],
        // Now only the old leader is seen.
        &[Follows(2, 1), Silent, Silent],
    ]);
    assert_eq!(last(&elections), (3, "core-02".to_owned(), None, 1));
    assert_eq!(elections.leadership(), (Leadership::Vacant, second(2)));
    // Next to the new one it does not count either.
    let elections = after(&[&[Follows(2, 1), Follows(3, 2), Follows(3, 2)]]);
    assert_eq!(last(&elections), (3, "core-02".to_owned(), None, 1));
}

#[test]
fn recreated_cluster_starts_over() {
    let old: &[Seen] = &[Follows(9, 2), Follows(9, 2), Follows(9, 2)];
    let elections = after(&[old, FIRST_LEADS]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), Some(1), 2));
    assert_eq!(elections.leadership().0, Leadership::Held);
}

#[test]
fn new_leader_shown_before_its_term_does_not_end_the_old_one() {
    // Some name it already, but none of them has applied anything in its term.
    let moments: &[&[Seen]] = &[
        &[Stopped, Follows(2, 3), Follows(2, 3)],
        &[Follows(2, 1), Follows(2, 3), Follows(2, 3)],
        &[Silent, NoLeader(2), Follows(2, 3)],
    ];
    for between in moments {
        let elections = after(&[FIRST_LEADS, between]);
        assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
        let third: &[Seen] = &[Stopped, Follows(3, 3), Follows(3, 3)];
        let elections = after(&[FIRST_LEADS, between, third]);
        // It was reported when it was first named, and had happened since the snapshot before.
        assert_eq!(last(&elections), (3, "core-03".to_owned(), Some(1), 2));
        assert_eq!(elections.leadership().0, Leadership::Held);
    }
    // If watching begins right then, the leader of the term cannot be known, with the greatest ID or not.
    let elections = after(&[moments[1]]);
    assert!(elections.last().is_none());
    assert_eq!(elections.leadership().0, Leadership::Vacant);
}

#[test]
fn recreated_cluster_can_have_another_leader_in_the_term() {
    let third: &[Seen] = &[Follows(2, 3), Follows(2, 3), Follows(2, 3)];
    let elections = after(&[FIRST_LEADS, third]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
    // It stays so.
    let elections = after(&[FIRST_LEADS, third, third]);
    assert_eq!(last(&elections), (2, "core-03".to_owned(), Some(1), 2));
    assert_eq!(elections.leadership(), (Leadership::Held, second(3)));
}

#[test]
fn leader_in_the_higher_term_leads() {
    let leader = |members: &[Seen]| {
        let snapshot = snapshot(members);
        snapshot.leader().map(|leader| leader.name.to_string())
    };
    let cut_off = [Follows(2, 1), Follows(3, 3), Follows(3, 3)];
    assert_eq!(leader(&cut_off).as_deref(), Some("core-03"));
    let cut_off = [Follows(3, 1), Follows(3, 1), Follows(2, 3)];
    assert_eq!(leader(&cut_off).as_deref(), Some("core-01"));
    assert_eq!(leader(&[Silent, NoLeader(2), Follows(2, 1)]), None);
}

#[test]
fn cluster_without_claims_has_no_leader() {
    let elections = after(&[
        FIRST_LEADS,
        &[Silent, NoLeader(2), NoLeader(3)],
        &[Silent, NoLeader(3), NoLeader(4)],
        &[Silent, Silent, Silent],
        &[Silent, Silent, Silent],
    ]);
    assert_eq!(elections.leadership(), (Leadership::Unknown, second(4)));
    // The last leader is kept.
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
}

const FIRST_LEADS_IN_SOME_TERM: &[Seen] = &[
    FollowsInSomeTerm(1),
    FollowsInSomeTerm(1),
    FollowsInSomeTerm(1),
];

/// The last election: term, winner, when it had not happened yet, when it was reported.
fn last_in_some_term(elections: &Elections) -> (Option<u64>, EtcdId, Option<u64>, u64) {
    let last = elections.last().unwrap();
    (
        last.term,
        last.leader,
        last.after.map(|after| after.as_secs()),
        last.told.as_secs(),
    )
}

#[test]
fn leader_without_a_term_is_not_elected_at_every_look() {
    let elections = after(&[FIRST_LEADS_IN_SOME_TERM; 3]);
    assert_eq!(
        last_in_some_term(&elections),
        (None, EtcdId(1), None, 1),
        "{elections:?}"
    );
    assert!(elections.was_before_watching(elections.last().unwrap()));
    assert_eq!(elections.leadership(), (Leadership::Held, second(1)));
}

#[test]
fn late_term_belongs_to_the_known_election() {
    let elections = after(&[FIRST_LEADS_IN_SOME_TERM, FIRST_LEADS, FIRST_LEADS]);
    assert_eq!(last_in_some_term(&elections), (Some(2), EtcdId(1), None, 1));
    // A member that restarts does not report it for a moment.
    let elections = after(&[FIRST_LEADS, FIRST_LEADS_IN_SOME_TERM, FIRST_LEADS]);
    assert_eq!(last_in_some_term(&elections), (Some(2), EtcdId(1), None, 1));
}

#[test]
fn new_leader_without_a_term_is_a_new_election() {
    let second_leads: &[Seen] = &[Stopped, FollowsInSomeTerm(2), FollowsInSomeTerm(2)];
    let elections = after(&[FIRST_LEADS_IN_SOME_TERM, second_leads, second_leads]);
    assert_eq!(last_in_some_term(&elections), (None, EtcdId(2), Some(1), 2));
    assert_eq!(elections.leadership(), (Leadership::Held, second(1)));
}

#[test]
fn lag_is_counted_from_the_most_advanced_member() {
    let mut snapshot = snapshot(FIRST_LEADS);
    let set = |snapshot: &mut Snapshot, member: usize, index, applied, cluster| {
        let Look::Seen(status) = &mut snapshot.members[member].status else {
            panic!("it answers");
        };
        status.raft_index = Some(index);
        status.raft_applied_index = applied;
        status.cluster_id = EtcdId(cluster);
    };
    let lags = |snapshot: &Snapshot| {
        let members = snapshot.members.iter();
        members
            .map(|member| snapshot.lag(member))
            .collect::<Vec<_>>()
    };
    set(&mut snapshot, 0, 100, Some(98), 0);
    set(&mut snapshot, 1, 90, Some(70), 0);
    set(&mut snapshot, 2, 90, None, 0);
    assert_eq!(lags(&snapshot), [Some(2), Some(30), Some(10)]);
    // A member of another cluster is not compared with any member here.
    set(&mut snapshot, 2, 5000, Some(5000), 7);
    assert_eq!(lags(&snapshot), [Some(2), Some(30), Some(0)]);
    snapshot.members[0].status = Look::Failed("refused".to_owned());
    assert_eq!(lags(&snapshot), [None, Some(20), Some(0)]);
}
