//! The member that a backup is taken from, and what etcd's programs say about a snapshot.

use test_attribute::test;
use xtask::backup::{choose_source, has_quorum};
use xtask::observation::{Look, Status, etcdctl};
use xtask::plan::identity::EtcdId;

const OURS: EtcdId = EtcdId(1);

/// A member that has applied this much of the log, in a cluster led by this member.
fn member(id: u64, leader: Option<u64>, applied: u64) -> Status {
    Status {
        version: "3.4.23".to_owned(),
        cluster_id: OURS,
        member_id: EtcdId(id),
        leader: leader.map(EtcdId),
        raft_term: Some(3),
        raft_index: Some(applied),
        raft_applied_index: Some(applied),
        revision: Some(applied),
        db_size: Some(20_480),
        db_size_quota: None,
        downgrade: None,
        is_learner: false,
        errors: Vec::new(),
    }
}

fn choose(members: impl IntoIterator<Item = Status>) -> Option<usize> {
    let looks: Vec<Look<Status>> = members.into_iter().map(Look::Seen).collect();
    choose_source(&looks, OURS)
}

#[test]
fn follower_that_has_applied_most_is_chosen() {
    let led = |applied: [u64; 3]| {
        choose([1, 2, 3].map(|id| member(id, Some(1), applied[id as usize - 1])))
    };
    assert_eq!(led([100, 90, 95]), Some(2));
    assert_eq!(led([100, 95, 95]), Some(1));
    // Followers that lag are not.
    assert_eq!(led([5000, 90, 95]), Some(0));
    assert_eq!(choose([member(1, Some(1), 7)]), Some(0));
}

#[test]
fn learners_and_other_clusters_are_not_chosen() {
    let learner = Status {
        is_learner: true,
        ..member(2, Some(1), 100)
    };
    assert_eq!(choose([member(1, Some(1), 100), learner.clone()]), Some(0));
    assert_eq!(choose([learner]), None);
    let foreign = Status {
        cluster_id: EtcdId(9),
        ..member(2, Some(1), 100)
    };
    assert_eq!(choose([foreign.clone(), member(3, Some(1), 100)]), Some(1));
    assert_eq!(choose([foreign]), None);
    let silent = Look::Failed("connection refused".to_owned());
    assert_eq!(
        choose_source(&[silent.clone(), Look::Seen(member(2, Some(1), 4))], OURS),
        Some(1)
    );
    assert_eq!(choose_source(&[silent], OURS), None);
}

#[test]
fn newest_log_is_chosen_without_a_leader() {
    let newer = Status {
        raft_term: Some(4),
        ..member(2, None, 80)
    };
    assert_eq!(
        choose([member(1, None, 100), newer, member(3, None, 90)]),
        Some(1)
    );
    // One that still knows a leader is preferred.
    assert_eq!(
        choose([member(1, None, 100), member(3, Some(2), 90)]),
        Some(1)
    );
}

#[test]
fn quorum_counts_members_and_not_answers() {
    let answers = |ids: [u64; 2]| ids.map(|id| Look::Seen(member(id, Some(1), 10)));
    let quorum = |ids| {
        let mut looks = answers(ids).to_vec();
        looks.push(Look::Failed("connection refused".to_owned()));
        has_quorum(&looks, OURS)
    };
    assert!(quorum([1, 2]));
    assert!(!quorum([1, 1]));
    let leaderless = [1, 2, 3].map(|id| Look::Seen(member(id, None, 10)));
    assert!(!has_quorum(&leaderless, OURS));
    assert!(!has_quorum(&answers([1, 2]), EtcdId(9)));
}

/// As etcdctl 3.4.23, etcdutl 3.5.30 and etcdutl 3.6.14 printed them.
#[test]
fn snapshot_status_of_every_version_is_read() {
    for status in [
        r#"{"hash":2274641245,"revision":51,"totalKey":57,"totalSize":28672}"#,
        r#"{"hash":2548079732,"revision":51,"totalKey":59,"totalSize":24576}"#,
        r#"{"hash":3531153757,"revision":51,"totalKey":50,"totalSize":24576,"version":"3.6.0"}"#,
    ] {
        assert_eq!(etcdctl::snapshot_revision(status), Ok(51));
    }
    let torn = etcdctl::reason("Error: file size too small 5000\n");
    assert_eq!(torn.as_deref(), Some("file size too small 5000"));
    assert!(etcdctl::snapshot_revision("").is_err());
    assert_eq!(etcdctl::key_count(r#"{"header":{"revision":1}}"#), Ok(0));
    assert_eq!(
        etcdctl::key_count(r#"{"kvs":[{"key":"YQ=="}],"count":7}"#),
        Ok(7)
    );
}
