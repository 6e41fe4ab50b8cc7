//! What follows of elections from one snapshot after the other.

use std::time::Duration;

use test_attribute::test;
use xtask::elections::{Elections, Leadership};
use xtask::observation::{Condition, Look, MemberSnapshot, Snapshot, Status};
use xtask::plan::identity::EtcdId;
use xtask::values::{DriverName, EtcdVersion};

/// A member as it is seen: the term it is in, and the number of the leader that it follows.
#[derive(Clone, Copy)]
pub(crate) enum Seen {
    Follows(u64, u64),
    /// One that does not tell its term, as etcd 2.0.0 before its first key is written.
    FollowsInSomeTerm(u64),
    NoLeader(u64),
    Silent,
    Stopped,
}
use Seen::{Follows, FollowsInSomeTerm, NoLeader, Silent, Stopped};

/// A snapshot of members that are seen so. Their numbers are their IDs.
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
        is_drilled: false,
        is_redefined: false,
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
        is_learner: false,
        errors: Vec::new(),
    }
}

const fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// What is known after these glances, which were a second apart, the first at 1.
pub(crate) fn after(glances: &[&[Seen]]) -> Elections {
    let mut elections = Elections::default();
    for (at, members) in (1..).zip(glances) {
        elections.take_note(second(at), &snapshot(members));
    }
    elections
}

/// The last election: term, who won, when it had not been yet, when it was told.
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
fn one_that_is_told_at_first_was_before_watching() {
    let elections = after(&[FIRST_LEADS, FIRST_LEADS, FIRST_LEADS]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
    assert!(elections.was_before_watching(elections.last().unwrap()));
    assert_eq!(elections.leadership(), (Leadership::Held, second(1)));
}

#[test]
fn one_that_follows_a_leaders_end_is_known_to_the_second() {
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
fn one_that_the_same_member_wins_again_is_another() {
    let again: &[Seen] = &[Follows(4, 1), Follows(4, 1), Follows(4, 1)];
    let elections = after(&[FIRST_LEADS, again]);
    assert_eq!(last(&elections), (4, "core-01".to_owned(), Some(1), 2));
}

#[test]
fn one_whose_winner_was_not_seen_before_may_have_been_at_any_time() {
    let elections = after(&[
        &[Silent, Silent, Silent],
        &[Silent, NoLeader(2), NoLeader(2)],
        FIRST_LEADS,
    ]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 3));
    assert!(!elections.was_before_watching(elections.last().unwrap()));
}

#[test]
fn one_of_a_cluster_that_did_not_run_was_since() {
    let down: &[Seen] = &[Stopped, Stopped, Stopped];
    let elections = after(&[down, down]);
    assert!(elections.last().is_none());
    assert_eq!(elections.leadership(), (Leadership::Down, second(1)));
    let elections = after(&[down, down, &[Silent, Silent, Silent], FIRST_LEADS]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), Some(2), 4));
}

#[test]
fn a_leader_that_is_cut_off_and_does_not_know_it_leads_no_more() {
    let elections = after(&[
        &[Silent, Follows(3, 2), Follows(3, 2)],
        // Now only the old leader is seen.
        &[Follows(2, 1), Silent, Silent],
    ]);
    assert_eq!(last(&elections), (3, "core-02".to_owned(), None, 1));
    assert_eq!(elections.leadership(), (Leadership::Vacant, second(2)));
    // Beside the new one it does not count either.
    let elections = after(&[&[Follows(2, 1), Follows(3, 2), Follows(3, 2)]]);
    assert_eq!(last(&elections), (3, "core-02".to_owned(), None, 1));
}

#[test]
fn a_cluster_made_anew_begins_anew() {
    let old: &[Seen] = &[Follows(9, 2), Follows(9, 2), Follows(9, 2)];
    let elections = after(&[old, FIRST_LEADS]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), Some(1), 2));
    assert_eq!(elections.leadership().0, Leadership::Held);
}

#[test]
fn a_new_leader_that_is_told_before_its_term_is_no_election_of_the_old_one() {
    // Some name it already, and none of them has applied anything in its term.
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
        // It was told when it was first named, and had been since the snapshot before.
        assert_eq!(last(&elections), (3, "core-03".to_owned(), Some(1), 2));
        assert_eq!(elections.leadership().0, Leadership::Held);
    }
    // Who begins to watch right then cannot know who leads in which term, the greatest ID or not.
    let elections = after(&[moments[1]]);
    assert!(elections.last().is_none());
    assert_eq!(elections.leadership().0, Leadership::Vacant);
}

#[test]
fn a_cluster_made_anew_may_have_another_leader_in_the_same_term() {
    let third: &[Seen] = &[Follows(2, 3), Follows(2, 3), Follows(2, 3)];
    let elections = after(&[FIRST_LEADS, third]);
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
    // It stays so.
    let elections = after(&[FIRST_LEADS, third, third]);
    assert_eq!(last(&elections), (2, "core-03".to_owned(), Some(1), 2));
    assert_eq!(elections.leadership(), (Leadership::Held, second(3)));
}

#[test]
fn of_two_that_say_they_lead_the_one_in_the_higher_term_does() {
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
fn nobody_leads_where_nobody_says_so() {
    let elections = after(&[
        FIRST_LEADS,
        &[Silent, NoLeader(2), NoLeader(3)],
        &[Silent, NoLeader(3), NoLeader(4)],
        &[Silent, Silent, Silent],
        &[Silent, Silent, Silent],
    ]);
    assert_eq!(elections.leadership(), (Leadership::Unknown, second(4)));
    // Who led last is kept.
    assert_eq!(last(&elections), (2, "core-01".to_owned(), None, 1));
}

const FIRST_LEADS_IN_SOME_TERM: &[Seen] = &[
    FollowsInSomeTerm(1),
    FollowsInSomeTerm(1),
    FollowsInSomeTerm(1),
];

/// The last election: term, who won, when it had not been yet, when it was told.
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
fn term_told_later_belongs_to_the_election_known_before() {
    let elections = after(&[FIRST_LEADS_IN_SOME_TERM, FIRST_LEADS, FIRST_LEADS]);
    assert_eq!(last_in_some_term(&elections), (Some(2), EtcdId(1), None, 1));
    // One that starts again does not tell it for a moment.
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
fn how_far_a_member_lags_is_counted_from_the_furthest_of_its_cluster() {
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
    // One that belongs elsewhere is compared with nobody here.
    set(&mut snapshot, 2, 5000, Some(5000), 7);
    assert_eq!(lags(&snapshot), [Some(2), Some(30), Some(0)]);
    snapshot.members[0].status = Look::Failed("refused".to_owned());
    assert_eq!(lags(&snapshot), [None, Some(20), Some(0)]);
}
