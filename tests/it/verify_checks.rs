//! Every check with every verdict that it can give.

use expect_test::expect;
use test_attribute::test;
use xtask::check::{self, CHECKS, Health};
use xtask::commands::Exit;
use xtask::hint::Hint;
use xtask::judgement::Verdict;
use xtask::observation::log::Cause;
use xtask::observation::{
    Alarm, AlarmKind, Condition, HalfRestored, ListedMember, Look, Observation, StartedWith,
};
use xtask::plan::Plan;
use xtask::plan::identity::EtcdId;

use crate::verify_support::{
    as_defined, checks_say, exit, failed, healthy, plan, recorded_cluster, says, says_for_each,
    status, three, unasked, without, without_quorum,
};

/// The verdict of every check, one line each.
fn verdicts(plan: &Plan, observation: &Observation) -> String {
    let report = check::judge(plan, observation);
    let checks = report.checks.iter();
    checks
        .map(|checked| format!("{} {:?}\n", checked.name, checked.judgement.verdict))
        .collect()
}

#[test]
fn healthy_cluster_passes_every_check() {
    let plan = three();
    let report = check::judge(&plan, &healthy(&plan));
    assert!(
        report
            .checks
            .iter()
            .all(|c| c.judgement.verdict == Verdict::Pass)
    );
    assert!(
        report
            .checks
            .iter()
            .all(|c| c.judgement.findings.is_empty())
    );
    assert_eq!(exit(&report), Exit::Success);
    assert_eq!(
        report.summary(&plan),
        "default is healthy: 3 of 3 members, leader core-01, 1 more may fail"
    );
}

#[test]
fn one_member_down_fails_only_reachable_and_skips_others() {
    let plan = three();
    let seen = without(healthy(&plan), 2);
    expect![[r#"
        definition Pass
        reachable Fail
        members Skipped
        identity Skipped
        leader Skipped
        quorum Warn
        peers Pass
        lag Skipped
        pace Skipped
        version Skipped
        flags Skipped
        alarms Skipped
        data Skipped
        database Skipped
        hash Skipped
        history Pass
        write Skipped
        unit Skipped
        user-data Skipped
        clock Skipped
        discovery Skipped
    "#]]
    .assert_eq(&verdicts(&plan, &seen));
    let report = check::judge(&plan, &seen);
    assert_eq!(exit(&report), Exit::Unhealthy);
    assert_eq!(
        report.summary(&plan),
        "default is unhealthy: 2 of 3 members, leader core-01, no more may fail"
    );
    checks_say(
        &plan,
        &seen,
        &["reachable", "quorum", "identity", "write"],
        expect![[r#"
            reachable
              Fail: 2 of 3 answer
              - core-03 does not answer at http://192.168.56.103:2379: connection refused: nothing listens there
                heals: read in its log why it stopped, then start it again: `cargo xtask logs core-03`, then `cargo xtask up`
            quorum
              Warn: 2 of 3 voters can agree, 2 are needed: no more may fail
            identity
              Skipped: cluster de56f893acc64f6d; core-01 and core-02 as predicted; not checked: core-03 does not answer
            write
              Skipped: written through 2 of 3, read from 2, all removed; not checked: core-03 does not answer
        "#]],
    );
}

#[test]
fn lost_quorum_leaves_nothing_proven() {
    let plan = three();
    let seen = without_quorum(&plan);
    expect![[r#"
        definition Pass
        reachable Fail
        members Skipped
        identity Skipped
        leader Fail
        quorum Fail
        peers Pass
        lag Skipped
        pace Skipped
        version Skipped
        flags Skipped
        alarms Skipped
        data Skipped
        database Skipped
        hash Skipped
        history Pass
        write Skipped
        unit Skipped
        user-data Skipped
        clock Skipped
        discovery Skipped
    "#]]
    .assert_eq(&verdicts(&plan, &seen));
    assert_eq!(
        check::judge(&plan, &seen).summary(&plan),
        "default is unhealthy: 1 of 3 members, no leader, no quorum"
    );
    checks_say(
        &plan,
        &seen,
        &["leader", "quorum", "hash", "members"],
        expect![[r#"
            leader
              Fail: no member has a leader; not checked: core-02 and core-03 do not answer
            quorum
              Fail: 0 of 3 voters can agree, 2 are needed
              - no quorum: nothing can be written, and reads may be stale, until 2 members agree
            hash
              Skipped: only one hash, and none to compare it with; not checked: core-02 and core-03 do not answer
            members
              Skipped: not checked: core-01 has no leader; core-02 and core-03 do not answer
        "#]],
    );
}

#[test]
fn cluster_without_answers_is_unhealthy() {
    let plan = three();
    let seen = without(without(without(healthy(&plan), 0), 1), 2);
    let report = check::judge(&plan, &seen);
    assert_eq!(exit(&report), Exit::Unhealthy);
    assert_eq!(
        report.summary(&plan),
        "default is unhealthy: no member answered"
    );
    // The check `definition` queries no member.
    for checked in &report.checks[1..] {
        assert!(checked.judgement.verdict >= Verdict::Skipped, "{checked:?}");
    }
}

#[test]
fn missing_etcdctl_leaves_health_unknown() {
    let plan = three();
    let mut seen = healthy(&plan);
    for member in &mut seen.members {
        member.status = unasked("could not be asked: `/opt/etcdctl` was not found on this host");
        member.members = unasked("could not be asked");
        member.alarms = unasked("could not be asked");
        member.hash = unasked("could not be asked");
        member.write = unasked("could not be asked");
        member.reads = unasked("could not be asked");
    }
    let report = check::judge(&plan, &seen);
    assert_eq!(report.health(), Health::NotProven);
    assert_eq!(exit(&report), Exit::CouldNotLook);
    // The processes can be inspected anyway.
    let asked = report.checks[..CHECKS.len()].iter();
    for checked in asked.filter(|checked| !["definition", "flags"].contains(&checked.name)) {
        assert_eq!(checked.judgement.verdict, Verdict::Skipped, "{checked:?}");
    }
    assert_eq!(
        report.summary(&plan),
        "default: health unknown: no member could be queried"
    );
    checks_say(
        &plan,
        &seen,
        &["reachable", "quorum"],
        expect![[r#"
        reachable
          Skipped: 0 of 3 answer; not checked: core-01, core-02 and core-03 could not be queried
          - members could not be asked: `/opt/etcdctl` was not found on this host
            heals: find a working etcdctl: `cargo xtask up`
        quorum
          Skipped: 0 of 3 voters can agree, 2 are needed; not checked: 3 members could not be queried
    "#]],
    );
}

#[test]
fn complaints_of_members_are_passed_on() {
    let plan = three();
    let mut seen = healthy(&plan);
    status(&mut seen.members[1]).errors = vec!["etcdserver: something is odd".to_owned()];
    says(
        &plan,
        &seen,
        "reachable",
        expect![[r#"
            Warn: 3 of 3 answer
            - core-02 complains: etcdserver: something is odd
              informs: read its log: `cargo xtask logs core-02`
        "#]],
    );
}

#[test]
fn undefined_or_changed_members_are_named() {
    let plan = plan("five", "members = 5\n");
    let change = |change: &dyn Fn(&mut Vec<ListedMember>)| {
        let mut seen = healthy(&plan);
        for member in &mut seen.members {
            if let Look::Seen(list) = &mut member.members {
                change(list);
            }
        }
        seen
    };
    let missing = change(&|list| {
        list.remove(4);
    });
    let extra = change(&|list| {
        let mut extra = list[4].clone();
        extra.id = EtcdId(0xbeef);
        extra.name = "core-06".to_owned();
        extra.peer_urls = vec!["http://192.168.56.106:2380".to_owned()];
        list.push(extra);
    });
    let unstarted = change(&|list| {
        list[4].name = String::new();
        list[4].client_urls = Vec::new();
    });
    let learner = change(&|list| list[4].is_learner = true);
    let moved = change(&|list| {
        list[4].peer_urls = vec!["http://10.0.0.1:2380".to_owned()];
        list[4].client_urls = vec!["http://10.0.0.1:2379".to_owned()];
    });
    says_for_each(
        &plan,
        "members",
        &[
            ("missing", missing),
            ("extra", extra),
            ("unstarted", unstarted),
            ("learner", learner),
            ("moved", moved),
        ],
        expect![[r#"
            missing
              Fail: 5 members defined, 4 listed
              - core-05 is defined but not a member of the cluster
                heals: add it again, without its old data: `cargo xtask replace core-05 --cluster five`
            extra
              Fail: 5 members defined, 6 listed
              - member beef named `core-06` at http://192.168.56.106:2380 is not defined
                heals: remove it: `cargo xtask etcdctl --cluster five -- member remove beef`
            unstarted
              NotYet: 5 members defined, 5 listed
              - core-05 was added to the cluster but has never started
                heals: let it join, without its old data: `cargo xtask replace core-05 --cluster five`
            learner
              Fail: 5 members defined, 5 listed
              - core-05 is a learner: it receives the data but has no vote
                heals: let it join, or join again: `cargo xtask replace core-05 --cluster five`
            moved
              Fail: 5 members defined, 5 listed
              - core-05 has the peer URL http://10.0.0.1:2380, not http://192.168.56.105:2380
                heals: correct the URL in the cluster's member list: `cargo xtask etcdctl --cluster five -- member update b022b8edfd57a6a2 --peer-urls=http://192.168.56.105:2380`
              - core-05 advertises the client URL http://10.0.0.1:2379, not http://192.168.56.105:2379
                heals: its `advertise-client-urls` differs from the definition; restart the members: `cargo xtask down five`, then `cargo xtask up five`
        "#]],
    );
}

#[test]
fn second_member_with_a_planned_name_is_extra() {
    let plan = three();
    let listed = |at: usize, change: &dyn Fn(&mut ListedMember)| {
        let mut seen = healthy(&plan);
        for member in &mut seen.members {
            if let Look::Seen(list) = &mut member.members {
                let mut second = list[2].clone();
                second.id = EtcdId(0xbeef);
                second.peer_urls = vec!["http://192.168.56.109:2380".to_owned()];
                change(&mut second);
                list.insert(at, second);
            }
        }
        seen
    };
    // In either order, the planned member is identified by its peer URL.
    for at in [0, 3] {
        says(
            &plan,
            &listed(at, &|_| {}),
            "members",
            expect![[r#"
                Fail: 3 members defined, 4 listed
                - member beef at http://192.168.56.109:2380 is an extra member named `core-03`
                  heals: remove it: `cargo xtask etcdctl -- member remove beef`
            "#]],
        );
    }
    let unstarted = listed(3, &|second| {
        second.name = String::new();
        second.client_urls = Vec::new();
    });
    says(
        &plan,
        &unstarted,
        "members",
        expect![[r#"
            Fail: 3 members defined, 4 listed
            - member beef at http://192.168.56.109:2380 was added but has never started, and is not defined
              heals: remove it: `cargo xtask etcdctl -- member remove beef`
        "#]],
    );
}

#[test]
fn conflicting_member_lists_name_their_source() {
    let plan = three();
    let mut seen = healthy(&plan);
    if let Look::Seen(list) = &mut seen.members[1].members {
        list[2].name = String::new();
    }
    says(
        &plan,
        &seen,
        "members",
        expect![[r#"
            NotYet: 3 members defined, 3 listed
            - core-03 was added to the cluster but has never started, according to core-02
              heals: let it join, without its old data: `cargo xtask replace core-03`
        "#]],
    );
    let mut seen = healthy(&plan);
    seen.members[1].members = failed("no answer in time");
    says(
        &plan,
        &seen,
        "members",
        expect![[r#"
            Skipped: core-01 and core-03 list 3 members as defined; not checked: core-02 did not report its member list
            - core-02 did not report its member list: no answer in time
              informs: a busy or slow member may answer next time: verify again
        "#]],
    );
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::CouldNotLook);
}

#[test]
fn foreign_identities_are_explained() {
    let first = plan("default", "members = 3\n[etcd]\ngeneration = 1\n");
    let second = plan("default", "members = 3\n[etcd]\ngeneration = 2\n");
    let default_token = plan("default", "members = 3\n[etcd]\ntoken = \"etcd-cluster\"\n");
    let stranger = plan("default", "members = 3\n[etcd]\ntoken = \"stranger\"\n");
    let mut others = healthy(&first);
    for member in &mut others.members {
        status(member).cluster_id = EtcdId(0xabcd);
    }
    let mut replaced = healthy(&first);
    status(&mut replaced.members[2]).member_id = EtcdId(0x1234);
    says_for_each(
        &second,
        "identity",
        &[
            ("another generation", healthy(&first)),
            ("the usual token", healthy(&default_token)),
            ("a stranger", healthy(&stranger)),
        ],
        expect![[r#"
            another generation
              Fail: expected cluster 2d6a8b62913fa861
              - core-01, core-02 and core-03 belong to cluster de56f893acc64f6d, which started with the token `default-1`, not `default-2`
                informs: its data is of another generation; if that is the right one, restore the token in cluster/default.toml
            the usual token
              Fail: expected cluster 2d6a8b62913fa861
              - core-01, core-02 and core-03 belong to cluster 71244d7bcaf30f8a, which started with the token `etcd-cluster`, not `default-2`
                informs: its data is of another generation; if that is the right one, restore the token in cluster/default.toml
            a stranger
              Fail: expected cluster 2d6a8b62913fa861
              - core-01, core-02 and core-03 belong to cluster a4cbf6f1d381ac78, which is foreign: neither their token nor their members are known here
                informs: find out who else uses its address, or whose data it runs on
        "#]],
    );
    says_for_each(
        &first,
        "identity",
        &[("other members", others), ("a replaced member", replaced)],
        expect![[r#"
            other members
              Fail: expected cluster de56f893acc64f6d
              - core-01, core-02 and core-03 belong to cluster abcd, which started with the same token but other members
                informs: compare the members of cluster/default.toml with that cluster's
            a replaced member
              Skipped: cluster de56f893acc64f6d, as predicted; not checked: core-03 has an ID that is not recorded
              - core-03 has the ID 1234, not the predicted ab3ccc2eb6162bd9: it was added while the cluster ran
                heals: if you added it, record its ID: `cargo xtask adopt`
        "#]],
    );
}

/// The member core-01 answers as core-02, and core-02 as core-01.
fn exchanged(plan: &Plan) -> Observation {
    let mut seen = healthy(plan);
    for (index, other) in [(0, 1), (1, 0)] {
        status(&mut seen.members[index]).member_id = plan.members[other].id;
    }
    seen
}

/// The same if each of the two reports its own name to the cluster, whatever data it has.
fn on_exchanged_data(plan: &Plan) -> Observation {
    let mut seen = exchanged(plan);
    for member in &mut seen.members {
        if let Look::Seen(list) = &mut member.members {
            let names = [1, 0].map(|other| list[other].name.clone());
            let urls = [1, 0].map(|other| list[other].client_urls.clone());
            for (index, (name, urls)) in names.into_iter().zip(urls).enumerate() {
                list[index].name = name;
                list[index].client_urls = urls;
            }
        }
    }
    seen
}

#[test]
fn swapped_members_are_told_apart() {
    let plan = three();
    let swapped = on_exchanged_data(&plan);
    let mut leaderless = exchanged(&plan);
    for member in &mut leaderless.members {
        status(member).leader = None;
        member.members = unasked("has no leader");
    }
    // The member whose address the other answers at does not answer itself.
    let mut moved = without(healthy(&plan), 1);
    status(&mut moved.members[0]).member_id = plan.members[1].id;
    checks_say(
        &plan,
        &swapped,
        &["members", "quorum"],
        expect![[r#"
        members
          Fail: 3 members defined, 3 listed
          - core-01 is listed under the name core-02
          - core-02 is listed under the name core-01
        quorum
          Pass: 3 of 3 voters can agree, 2 are needed: 1 more may fail
    "#]],
    );
    says_for_each(
        &plan,
        "identity",
        &[
            ("exchanged addresses", exchanged(&plan)),
            ("exchanged data", swapped),
            ("which of both is unknown", leaderless),
            ("a forwarded address", moved),
        ],
        expect![[r#"
            exchanged addresses
              Fail: expected cluster de56f893acc64f6d
              - core-01 and core-02 are swapped: each answers at the other's address
                informs: check what forwards or translates their addresses
            exchanged data
              Fail: expected cluster de56f893acc64f6d
              - core-01 and core-02 run on each other's data
                informs: give each its own data folder back while the cluster is stopped: `cargo xtask down`, then `cargo xtask up`
            which of both is unknown
              Fail: expected cluster de56f893acc64f6d
              - core-01 and core-02 answer in each other's place
                informs: their addresses or their data folders are swapped; which of the two is known once they have a leader: `cargo xtask verify --wait 60s`
            a forwarded address
              Fail: expected cluster de56f893acc64f6d; not checked: core-02 does not answer
              - core-01 answers as core-02
                informs: something forwards http://192.168.56.101:2379 to core-02: look for a port forward or a proxy in between
        "#]],
    );
}

/// The member core-02 also answers at the address of core-01; the third member leads.
fn one_at_two_addresses(plan: &Plan) -> Observation {
    let mut seen = healthy(plan);
    for member in &mut seen.members {
        status(member).leader = Some(plan.members[2].id);
    }
    seen.members[0].status = seen.members[1].status.clone();
    seen
}

#[test]
fn member_at_two_addresses_counts_once() {
    let plan = three();
    let seen = one_at_two_addresses(&plan);
    let report = check::judge(&plan, &seen);
    assert_eq!(
        report.summary(&plan),
        "default is unhealthy: 2 of 3 members, leader core-03, no more may fail"
    );
    assert_eq!(
        (report.quorum_state.able, report.quorum_state.may_fail()),
        (2, 0)
    );
    checks_say(
        &plan,
        &seen,
        &[
            "reachable",
            "quorum",
            "identity",
            "leader",
            "lag",
            "peers",
            "hash",
            "write",
        ],
        expect![[r#"
            reachable
              Fail: 2 of 3 answer
              - core-01 does not answer: core-02 answers at two addresses, http://192.168.56.102:2379 and http://192.168.56.101:2379
                informs: something forwards http://192.168.56.101:2379 to core-02: look for a port forward or a proxy in between
            quorum
              Warn: 2 of 3 voters can agree, 2 are needed: no more may fail
            identity
              Skipped: cluster de56f893acc64f6d; core-02 and core-03 as predicted; not checked: core-01 does not answer
            leader
              Skipped: core-03 leads in term 2; not checked: core-01 does not answer
            lag
              Skipped: at log entry 18, all applied; not checked: core-01 does not answer
            peers
              Skipped: 2 connections, counted at both ends; not checked: core-01 does not answer
            hash
              Skipped: 6d17d1e1 at revision 5; not checked: core-01 does not answer
            write
              Skipped: written through 2 of 3, read from 2, all removed; not checked: core-01 does not answer
        "#]],
    );
    let table = xtask::ui::verify::table::render;
    let once = seen.each_member_once(&plan.member_ids());
    let table =
        anstream::adapter::strip_str(&table(&plan, &once, &report, xtask::ui::WIDTH)).to_string();
    assert_eq!(table.matches(&plan.members[1].id.to_string()).count(), 1);

    // With a copy of the data, the copy's process answers there and reports its own name.
    let mut copied = one_at_two_addresses(&plan);
    for member in &mut copied.members {
        if let Look::Seen(list) = &mut member.members {
            list[1].name = "core-01".to_owned();
        }
    }
    says(
        &plan,
        &copied,
        "reachable",
        expect![[r#"
            Fail: 2 of 3 answer
            - core-01 does not answer: core-02 answers at two addresses, http://192.168.56.102:2379 and http://192.168.56.101:2379
              informs: core-01 runs on the data of core-02; give it its own data folder back while the cluster is stopped: `cargo xtask down`, then `cargo xtask up`
        "#]],
    );
}

#[test]
fn member_added_later_is_at_the_address_it_advertises() {
    let plan = three();
    let mut seen = healthy(&plan);
    let later = EtcdId(0x1234);
    for index in [0, 2] {
        status(&mut seen.members[index]).member_id = later;
    }
    for member in &mut seen.members {
        if let Look::Seen(list) = &mut member.members {
            list[2].id = later;
        }
    }
    says(
        &plan,
        &seen,
        "reachable",
        expect![[r#"
            Fail: 2 of 3 answer
            - core-01 does not answer: core-03 answers at two addresses, http://192.168.56.103:2379 and http://192.168.56.101:2379
              informs: something forwards http://192.168.56.101:2379 to core-03: look for a port forward or a proxy in between
        "#]],
    );
}

#[test]
fn hints_give_no_peer_url_to_two_members() {
    let plan = three();
    let mut seen = healthy(&plan);
    for member in &mut seen.members {
        if let Look::Seen(list) = &mut member.members {
            list[2].id = EtcdId(0xbeef);
            list[2].name = "stranger".to_owned();
        }
    }
    says(
        &plan,
        &seen,
        "members",
        expect![[r#"
            Fail: 3 members defined, 3 listed
            - core-03 is defined but not a member of the cluster
            - member beef named `stranger` at http://192.168.56.103:2380 is not defined
              heals: remove it: `cargo xtask etcdctl -- member remove beef`
        "#]],
    );
    for member in &mut seen.members {
        if let Look::Seen(list) = &mut member.members {
            list[0].peer_urls = vec!["http://192.168.56.109:2380".to_owned()];
            list[2].peer_urls = vec![plan.members[0].peer_url()];
        }
    }
    says(
        &plan,
        &seen,
        "members",
        expect![[r#"
            Fail: 3 members defined, 3 listed
            - core-01 has the peer URL http://192.168.56.109:2380, not http://192.168.56.101:2380
            - core-03 is defined but not a member of the cluster
              heals: add it again, without its old data: `cargo xtask replace core-03`
            - member beef named `stranger` at http://192.168.56.101:2380 is not defined
              heals: remove it: `cargo xtask etcdctl -- member remove beef`
        "#]],
    );
}

#[test]
fn different_leaders_and_different_terms_are_reported() {
    let plan = three();
    let mut electing = healthy(&plan);
    for member in &mut electing.members {
        status(member).leader = None;
    }

    // It calls elections of its own, in which no other member takes part.
    let mut cut_off = healthy(&plan);
    let alone = status(&mut cut_off.members[2]);
    (alone.leader, alone.raft_term) = (None, Some(7));
    let mut changing = healthy(&plan);
    status(&mut changing.members[2]).raft_term = Some(3);
    let mut split = healthy(&plan);
    let other = plan.members[2].id;
    status(&mut split.members[2]).leader = Some(other);
    let mut foreign = split.clone();
    status(&mut foreign.members[2]).cluster_id = EtcdId(7);
    let headless = without(healthy(&plan), 0);
    says_for_each(
        &plan,
        "quorum",
        &[("electing", electing.clone())],
        expect![[r#"
            electing
              NotYet: 0 of 3 voters can agree, 2 are needed
              - 0 of 3 voters followed a leader when queried, but members agreed on something right after
                informs: a leader was probably being elected; check again: `cargo xtask verify --wait 60s`
        "#]],
    );
    says_for_each(
        &plan,
        "leader",
        &[
            ("electing", electing),
            ("cut off", cut_off),
            ("changing", changing),
            ("split", split),
            ("split from a foreign cluster", foreign),
            ("headless", headless),
        ],
        expect![[r#"
            electing
              NotYet: no member has a leader
              - no leader is elected, although enough members answer
            cut off
              NotYet: core-01 leads in term 2
              - core-03 has no leader, but others have one
                informs: it may have just started; if this persists, it does not reach the others' peer port: `cargo xtask logs core-03`
            changing
              NotYet: core-01 leads
              - the members are in different terms: 2 and 3
                informs: an election is under way, or a member is cut off; check again: `cargo xtask verify --wait 60s`
            split
              NotYet: 2 leaders
              - the members follow different leaders: core-03 follows core-03; core-01 and core-02 follow core-01
                informs: an election is under way, or a member is cut off; check again: `cargo xtask verify --wait 60s`
            split from a foreign cluster
              Skipped: core-01 leads in term 2; not checked: core-03 belongs to another cluster
            headless
              NotYet: core-01 leads in term 2; not checked: core-01 does not answer
              - the members still follow core-01, which does not answer
                informs: the others will elect another leader; check again: `cargo xtask verify --wait 60s`
        "#]],
    );
}

#[test]
fn advice_for_a_silent_member_depends_on_its_condition() {
    let plan = three();
    let advice_of = |mut seen: Observation, why: &str, condition: Condition| {
        seen.members[2].status = failed(why);
        seen.conditions = vec![
            Condition::Running("process 1".to_owned()),
            Condition::Running("process 2".to_owned()),
            condition,
        ];
        let report = check::judge(&plan, &seen);
        let reachable = report.checks.iter().find(|one| one.name == "reachable");
        let findings = &reachable.unwrap().judgement.findings;
        let hint = &findings.last().unwrap().hint;
        hint.as_ref().unwrap().to_string()
    };
    let one_is_down = || without(healthy(&plan), 2);
    let advice_after = |why: &str, condition| advice_of(one_is_down(), why, condition);
    let advice = |condition| advice_after("connection refused", condition);
    assert_eq!(
        advice(Condition::Halted { id: 300 }),
        "its process is halted; continue it: `kill -CONT 300`"
    );
    let runs = advice(Condition::Running("process 300".to_owned()));
    assert!(runs.starts_with("it runs (process 300)"), "{runs}");
    assert!(!runs.contains("stopped"), "{runs}");
    let two_are_down = without(one_is_down(), 1);
    let waits = Condition::Running("process 300".to_owned());
    let waits = advice_of(two_are_down, "connection refused", waits);
    assert!(waits.contains("until a quorum runs"), "{waits}");
    let stopped = advice(Condition::Stopped);
    assert!(stopped.contains("why it stopped"), "{stopped}");
    let taken = advice_after("it is no etcd", Condition::Stopped);
    assert!(taken.contains("something else answers"), "{taken}");
    let absent = advice(Condition::Absent);
    assert!(absent.contains("it has no data yet; start it"), "{absent}");
}

#[test]
fn quorum_needs_more_than_answering_members() {
    let plan = three();
    let mut refusing = healthy(&plan);
    for member in &mut refusing.members {
        member.alarms = failed("no answer in time");
        member.write = failed("no answer in time");
        member.reads = failed("no answer in time");
    }
    let mut silent = healthy(&plan);
    for member in &mut silent.members {
        member.alarms = unasked("was not asked");
        member.write = unasked("was not asked");
        member.reads = unasked("was not asked");
    }

    // A fourth, unseen voter: three of four must agree, and just three can.
    let mut fourth = healthy(&plan);
    for member in &mut fourth.members {
        if let Look::Seen(list) = &mut member.members {
            let mut extra = list[0].clone();
            extra.id = EtcdId(4);
            extra.name = "core-04".to_owned();
            list.push(extra);
        }
    }
    says_for_each(
        &plan,
        "quorum",
        &[
            ("refusing", refusing),
            ("silent", silent),
            ("a fourth voter", fourth),
        ],
        expect![[r#"
            refusing
              NotYet: 3 of 3 voters can agree, 2 are needed; nothing was agreed on
              - every request that needs a quorum failed
                informs: members may have just failed; if this persists, they do not reach each other's peer port: `cargo xtask verify --wait 60s`
            silent
              Skipped: 3 of 3 voters can agree, 2 are needed; not checked: no query needed their agreement
            a fourth voter
              Warn: 3 of 4 voters can agree, 3 are needed: no more may fail
        "#]],
    );
    let single = crate::verify_support::plan("one", "members = 1\n");
    says(
        &single,
        &healthy(&single),
        "quorum",
        expect![[r#"
        Pass: 1 of 1 voter can agree, 1 is needed: no more may fail
    "#]],
    );
}

/// Moves a member to another cluster, which it leads alone and which is healthy.
fn leave(seen: &mut Observation, index: usize) {
    let member = &mut seen.members[index];
    status(member).cluster_id = EtcdId(0xabcd);
    let id = EtcdId(0xef + index as u64);
    status(member).member_id = id;
    status(member).leader = Some(id);
    member.write = unasked("belongs to another cluster");
    member.reads = unasked("belongs to another cluster");
}

#[test]
fn foreign_member_proves_nothing_about_the_quorum() {
    let plan = three();
    // It lists its alarms, but every request that needs the others' agreement fails.
    let mut refusing = healthy(&plan);
    for member in &mut refusing.members[..2] {
        member.alarms = failed("no answer in time");
        member.write = failed("no answer in time");
        member.reads = failed("no answer in time");
    }
    leave(&mut refusing, 2);
    says(
        &plan,
        &refusing,
        "quorum",
        expect![[r#"
            NotYet: 2 of 3 voters can agree, 2 are needed; nothing was agreed on
            - every request that needs a quorum failed
              informs: members may have just failed; if this persists, they do not reach each other's peer port: `cargo xtask verify --wait 60s`
        "#]],
    );
    assert!(!check::judge(&plan, &refusing).quorum_state.has_quorum());

    // It answers, but is not one of those that could elect a leader.
    let mut leaderless = without(healthy(&plan), 1);
    leave(&mut leaderless, 2);
    status(&mut leaderless.members[0]).leader = None;
    for name in ["leader", "quorum"] {
        let report = check::judge(&plan, &leaderless);
        let mut checks = report.checks.iter();
        let checked = checks.find(|checked| checked.name == name).unwrap();
        assert_eq!(checked.judgement.verdict, Verdict::Fail, "{checked:?}");
    }
    says(
        &plan,
        &leaderless,
        "quorum",
        expect![[r#"
            Fail: 0 of 3 voters can agree, 2 are needed
            - no quorum: nothing can be written, and reads may be stale, until 2 members agree
        "#]],
    );
    assert_eq!(
        check::judge(&plan, &leaderless).summary(&plan),
        "default is unhealthy: 1 of 3 members, no leader, no quorum"
    );
    // If all members are strangers, they are compared with each other.
    let mut foreign = healthy(&plan);
    for index in 0..3 {
        leave(&mut foreign, index);
    }
    assert_eq!(check::judge(&plan, &foreign).quorum_state.answering, 3);
}

#[test]
fn lag_covers_log_distance_and_unapplied_entries() {
    let plan = three();
    let mut behind = healthy(&plan);
    status(&mut behind.members[0]).raft_index = Some(5018);
    status(&mut behind.members[1]).raft_index = Some(5000);
    let mut close = healthy(&plan);
    status(&mut close.members[1]).raft_index = Some(20);
    let mut untold = healthy(&plan);
    for member in &mut untold.members {
        status(member).raft_index = None;
    }
    says_for_each(
        &plan,
        "lag",
        &[("behind", behind), ("close", close), ("untold", untold)],
        expect![[r#"
            behind
              NotYet: within 5000 log entries, the last is 5018, at most 5000 not applied
              - core-01 has 5000 unapplied log entries
                informs: its disk is too slow for the writes it gets; at 5,000 unapplied entries etcd refuses requests
              - core-02 has 4982 unapplied log entries
                informs: its disk is too slow for the writes it gets; at 5,000 unapplied entries etcd refuses requests
              - core-03 is 5000 log entries behind the member that is ahead
                informs: it is slow, or was cut off and is catching up; check again, and check its disk and network if the distance grows: `cargo xtask verify --wait 60s`
            close
              Pass: within 2 log entries, the last is 20, at most 2 not applied
            untold
              Skipped: not checked: core-01, core-02 and core-03 reported no log position
        "#]],
    );
}

#[test]
fn versions_are_compared_with_the_pinned_one() {
    let pinned = three();
    let stand_in = pinned.run_by("3.5.30".parse().unwrap());
    says(
        &stand_in,
        &healthy(&stand_in),
        "version",
        expect![[r#"
            Warn: etcd 3.5.30, standing in for the pinned 3.6.14
            - etcd 3.5.30 stands in for the pinned 3.6.14, so 3.6.14 itself is not proven
              informs: to change to 3.6.14, apply the definition with a folder that holds it (`--etcd-dir`)
        "#]],
    );
    assert_eq!(
        exit(&check::judge(&stand_in, &healthy(&stand_in))),
        Exit::Success
    );

    let downgrade = |target: &str| {
        let mut seen = healthy(&pinned);
        // The others have not applied it yet.
        status(&mut seen.members[1]).downgrade = Some(target.parse().unwrap());
        seen
    };
    let mut mixed = healthy(&pinned);
    status(&mut mixed.members[0]).version = "3.6.13".to_owned();
    let mut early = healthy(&pinned);
    status(&mut early.members[0]).version = "3.6.14-rc.1".to_owned();
    says_for_each(
        &pinned,
        "version",
        &[
            ("another version", healthy(&stand_in)),
            ("mixed", mixed),
            ("a release candidate", early),
            ("a downgrade", downgrade("3.5.0")),
            ("a downgrade that ends here", downgrade("3.6.0")),
        ],
        expect![[r#"
            another version
              Fail: etcd 3.5.30
              - core-01, core-02 and core-03 run etcd 3.5.30, not 3.6.14
                heals: bring all members to the defined version, one after another: `cargo xtask apply`
            mixed
              Fail: mixed: 3.6.13 on core-01; 3.6.14 on core-02 and core-03
              - core-01 runs etcd 3.6.13, not 3.6.14
                heals: bring all members to the defined version, one after another: `cargo xtask apply`
            a release candidate
              Fail: mixed: 3.6.14 on core-02 and core-03; 3.6.14-rc.1 on core-01
              - core-01 runs etcd 3.6.14-rc.1, not 3.6.14
                heals: bring all members to the defined version, one after another: `cargo xtask apply`
            a downgrade
              Warn: etcd 3.6.14
              - a downgrade to 3.5 is enabled: until it is cancelled, the cluster only offers what 3.5 can do
                heals: cancel it: `cargo xtask apply`
            a downgrade that ends here
              Pass: etcd 3.6.14
        "#]],
    );
}

#[test]
fn flags_are_compared_with_the_definition() {
    let plan = three();
    let with = |members: &[usize], change: &dyn Fn(&mut StartedWith)| {
        let mut seen = healthy(&plan);
        for &index in members {
            match &mut seen.started[index] {
                Look::Seen(started) => change(started),
                other => panic!("{other:?}"),
            }
        }
        seen
    };
    let set = |started: &mut StartedWith, name: &str, value: &str| {
        started.flags.insert(name.to_owned(), value.to_owned());
    };
    let slower = with(&[0, 1, 2], &|started| {
        set(started, "election-timeout", "3000");
    });
    let other = with(&[1], &|started| {
        set(started, "auto-compaction-retention", "2h");
        started.flags.remove("auto-compaction-mode");
    });
    // Other checks judge what etcd reads while it has no data, and a machine's addresses.
    let started_otherwise = with(&[0], &|started| {
        set(started, "initial-cluster-token", "other");
        set(started, "data-dir", "/elsewhere");
        set(started, "listen-client-urls", "http://0.0.0.0:2379");
    });
    assert!(plan.on_machines);
    says_for_each(
        &plan,
        "flags",
        &[
            ("as defined", healthy(&plan)),
            ("on all", slower),
            ("on one", other),
            ("of the first start, and addresses", started_otherwise),
        ],
        expect![[r#"
            as defined
              Pass: as defined on 3 of 3
            on all
              Fail: as defined on 0 of 3
              - core-01, core-02 and core-03 run with `--election-timeout=3000`, which is not defined
                informs: the user-data matches the definition, so the unit was changed on the machine; inspect it there: `cargo xtask ssh core-01`
            on one
              Fail: as defined on 2 of 3
              - core-02 runs without `--auto-compaction-mode=periodic` and with `--auto-compaction-retention=2h` instead of `--auto-compaction-retention=1h`
                informs: the user-data matches the definition, so the unit was changed on the machine; inspect it there: `cargo xtask ssh core-02`
            of the first start, and addresses
              Pass: as defined on 3 of 3
        "#]],
    );
    let local = plan.on_loopback();
    let mut by_process = healthy(&local);
    if let Look::Seen(started) = &mut by_process.started[0] {
        set(started, "advertise-client-urls", "http://127.0.0.9:2379");
    }
    // A member of another version has the flags of that version.
    let older = local.run_by("3.4.23".parse().unwrap());
    let mut mixed = healthy(&local);
    status(&mut mixed.members[2]).version = "3.4.23".to_owned();
    mixed.started[2] = Look::Seen(as_defined(&older, &older.members[2]));
    let down = without(healthy(&local), 2);
    let mut unseen = down.clone();
    unseen.started = Vec::new();
    says_for_each(
        &local,
        "flags",
        &[
            ("addresses of a process", by_process),
            ("mixed versions", mixed),
            ("one down", down),
            ("none looked at", unseen),
        ],
        expect![[r#"
            addresses of a process
              Fail: as defined on 2 of 3
              - core-01 runs with `--advertise-client-urls=http://127.0.0.9:2379` instead of `--advertise-client-urls=http://127.168.56.101:2379`
                heals: restart the members to apply the flags; the data is kept: `cargo xtask restart`
            mixed versions
              Pass: as defined on 3 of 3
            one down
              Skipped: as defined on 2 of 3; not checked: core-03 does not run
            none looked at
              Skipped: not checked: core-01, core-02 and core-03 were not inspected
        "#]],
    );
}

#[test]
fn command_lines_are_parsed_like_etcd_does() {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let read = |line: &str, environment: &str| {
        let started = StartedWith::read(&words(line), &words(environment));
        let flags = started.flags.iter();
        let flags = flags.map(|(name, value)| format!("{name}={value}"));
        flags.collect::<Vec<_>>().join(" ")
    };
    let shell = "/bin/sh -c become /pid /opt/etcd --name=a --enable-v2";
    assert_eq!(read(shell, "HOME=/"), "enable-v2=true name=a");
    let older = "etcd -name a -strict-reconfig-check=true -debug";
    assert_eq!(
        read(older, "X"),
        "debug=true name=a strict-reconfig-check=true"
    );
    let environment = "ETCD_NAME=b ETCD_SNAPSHOT_COUNT=5 ETCD_IMAGE_TAG=v3";
    assert_eq!(
        read("etcd --name a", environment),
        "name=a snapshot-count=5"
    );
}

#[test]
fn alarms_are_explained() {
    let plan = three();
    let mut alarmed = healthy(&plan);
    for member in &mut alarmed.members {
        member.alarms = Look::Seen(vec![
            Alarm {
                member: plan.members[1].id,
                kind: AlarmKind::NoSpace,
            },
            Alarm {
                member: plan.members[2].id,
                kind: AlarmKind::Corrupt,
            },
            Alarm {
                member: EtcdId(0x77),
                kind: AlarmKind::Other(9),
            },
        ]);
    }
    let mut silent = healthy(&plan);
    silent.members[0].alarms = failed("no answer in time");
    says_for_each(
        &plan,
        "alarms",
        &[("three kinds", alarmed), ("one silent", silent)],
        expect![[r#"
            three kinds
              Fail: NOSPACE, CORRUPT and number 9
              - member 77 raised the alarm number 9: this program does not know what it means
                informs: list all alarms: `cargo xtask etcdctl -- alarm list`
              - core-02 raised the alarm NOSPACE: its database reached the quota, and the whole cluster refuses writes
                heals: every database has room; disarm the alarm: `cargo xtask etcdctl -- alarm disarm`
              - core-03 raised the alarm CORRUPT: its data differs from the other members', and the whole cluster accepts only reads
                informs: the alarm prevents further damage: leave it raised until the member whose data differs is replaced; the check `hash` names it
            one silent
              Skipped: none; not checked: core-01 did not report its alarms
              - core-01 did not report its alarms: no answer in time
                informs: a busy or slow member may answer next time: verify again
        "#]],
    );
}

#[test]
fn databases_are_compared_with_their_quota() {
    let plan = three();
    let sized = |size: u64, quota: Option<u64>| {
        let mut seen = healthy(&plan);
        status(&mut seen.members[1]).db_size = Some(size);
        status(&mut seen.members[1]).db_size_quota = quota;
        seen
    };
    let mut untold = healthy(&plan);
    status(&mut untold.members[1]).db_size = None;
    says_for_each(
        &plan,
        "database",
        &[
            ("below 80 %", sized(1_717_986_917, None)),
            ("above 80 %", sized(1_717_986_919, None)),
            ("full", sized(1 << 20, Some(1 << 20))),
            ("untold", untold),
        ],
        expect![[r#"
            below 80 %
              Pass: at most 1.5 GiB of 2 GiB
            above 80 %
              Warn: at most 1.6 GiB of 2 GiB
              - core-02 uses 80 % of the quota: 1.6 GiB of 2 GiB
                makes-safer: etcd refuses writes once it is full; delete what is not needed or raise `quota` in cluster/default.toml, then drop the history: `cargo xtask defrag --compact`
            full
              Fail: at most 1 MiB of 1 MiB
              - core-02 uses 100 % of the quota: 1 MiB of 1 MiB
                makes-safer: etcd refuses writes once it is full; delete what is not needed or raise `quota` in cluster/default.toml, then drop the history: `cargo xtask defrag --compact`
            untold
              Skipped: at most 20 KiB of 2 GiB, but not every member reported its size
        "#]],
    );

    // What runs counts, not what the definition has now.
    let raised = crate::verify_support::plan(
        "default",
        "members = 3\n[etcd]\nversion = \"3.4.23\"\nquota = \"64MiB\"\n",
    );
    let mut seen = healthy(&raised);
    for member in &mut seen.members {
        status(member).db_size_quota = None;
        status(member).db_size = Some(19 << 20);
    }
    for started in &mut seen.started {
        if let Look::Seen(started) = started {
            let flag = ("quota-backend-bytes".to_owned(), (20 << 20).to_string());
            started.flags.extend([flag]);
        }
    }
    let mut by_default = seen.clone();
    for started in &mut by_default.started {
        if let Look::Seen(started) = started {
            started.flags.remove("quota-backend-bytes");
        }
    }
    let mut unknown = seen.clone();
    unknown.started.clear();
    says_for_each(
        &raised,
        "database",
        &[
            ("started with a quota", seen),
            ("started with none", by_default),
            ("start unknown", unknown),
        ],
        expect![[r#"
            started with a quota
              Warn: at most 19 MiB of 20 MiB
              - core-01, core-02 and core-03 use 95 % of the quota: 19 MiB of 20 MiB
                makes-safer: etcd refuses writes once it is full; delete what is not needed or raise `quota` in cluster/default.toml, then drop the history: `cargo xtask defrag --compact`
            started with none
              Pass: at most 19 MiB of 2 GiB
            start unknown
              Pass: at most 19 MiB of 64 MiB
        "#]],
    );
}

#[test]
fn only_comparable_hashes_are_compared() {
    let plan = three();
    let hashed = |hashes: [(u64, u64, i64); 3]| {
        let mut seen = healthy(&plan);
        for (member, (hash, revision, compact_revision)) in seen.members.iter_mut().zip(hashes) {
            member.hash = Look::Seen(xtask::observation::Hash {
                hash,
                revision,
                compact_revision,
            });
        }
        seen
    };
    let mut mixed = hashed([(1, 5, -1), (1, 5, -1), (2, 5, -1)]);
    status(&mut mixed.members[2]).version = "3.6.13".to_owned();
    says_for_each(
        &plan,
        "hash",
        &[
            ("one differs", hashed([(1, 5, -1), (1, 5, -1), (2, 5, -1)])),
            ("all differ", hashed([(1, 5, -1), (3, 5, -1), (2, 5, -1)])),
            (
                "compacted differently",
                hashed([(1, 5, -1), (1, 5, -1), (2, 5, 3)]),
            ),
            (
                "no common revision",
                hashed([(1, 5, -1), (1, 5, -1), (2, 6, -1)]),
            ),
            ("mixed versions", mixed),
        ],
        expect![[r#"
            one differs
              Fail: 00000001 on core-01 and core-02 and 00000002 on core-03 at revision 5
              - core-03 holds different data from core-01 and core-02
                heals: stop all writes, then give it the data of the others: `cargo xtask replace core-03`
            all differ
              Fail: 00000001 on core-01, 00000003 on core-02 and 00000002 on core-03 at revision 5
              - the members hold different data, and no majority agrees
                heals: stop all writes, and find out which data is right; then give it to every member, for example that of core-01: `cargo xtask restore default --from-member core-01`
            compacted differently
              NotYet: compaction is under way
              - the members are compacted at different revisions, so their hashes cannot be compared
                informs: compaction takes a moment to reach every member; check again: `cargo xtask verify --wait 60s`
            no common revision
              Skipped: the members have no revision in common
            mixed versions
              Skipped: 00000001 on core-01 and core-02 and 00000002 on core-03 at revision 5; not comparable between different versions of etcd
        "#]],
    );
}

/// The member core-02 has reported its status with these revisions and log entries, twice, after it had read
/// what was written at revision 6.
fn later_told(plan: &Plan, told: [(u64, u64); 2]) -> Observation {
    let mut seen = healthy(plan);
    if let Look::Seen(later) = &mut seen.members[1].later {
        for (status, (revision, entry)) in later.iter_mut().zip(told) {
            status.revision = Some(revision);
            status.raft_index = Some(entry);
            status.raft_applied_index = Some(entry);
        }
    }
    seen
}

#[test]
fn different_revisions_at_one_log_entry_prove_divergence() {
    let plan = three();
    let mut unapplied = later_told(&plan, [(7, 19), (7, 19)]);
    if let Look::Seen(later) = &mut unapplied.members[1].later {
        for status in later {
            status.raft_index = Some(20);
        }
    }
    // The others are at revision 6 with entry 19.
    says_for_each(
        &plan,
        "hash",
        &[
            ("more", later_told(&plan, [(26, 19), (26, 19)])),
            (
                "less than it has just read",
                later_told(&plan, [(4, 19), (4, 19)]),
            ),
            (
                "less, and written to",
                later_told(&plan, [(4, 19), (4, 21)]),
            ),
            // A member that is being written to reads its revision first, and the entry later.
            ("written to between", later_told(&plan, [(6, 19), (7, 20)])),
            ("written to twice", later_told(&plan, [(7, 19), (8, 20)])),
            ("entry told later", later_told(&plan, [(7, 19), (7, 20)])),
            ("not applied yet", unapplied),
        ],
        expect![[r#"
            more
              Fail: revision 26 on core-02 and revision 6 on core-01 and core-03, although all have applied the log up to entry 19
              - core-02 holds different data from core-01 and core-03
                heals: stop all writes, then give it the data of the others: `cargo xtask replace core-02`
            less than it has just read
              Fail: revision 6 on core-01 and core-03 and revision 4 on core-02, although all have applied the log up to entry 19
              - core-02 holds different data from core-01 and core-03
                heals: stop all writes, then give it the data of the others: `cargo xtask replace core-02`
            less, and written to
              Fail: revision 6 on core-01 and core-03 and an earlier revision on core-02, although all have read the last write
              - core-02 holds different data from core-01 and core-03
                heals: stop all writes, then give it the data of the others: `cargo xtask replace core-02`
            written to between
              Pass: 6d17d1e1 at revision 5
            written to twice
              Pass: 6d17d1e1 at revision 5
            entry told later
              Pass: 6d17d1e1 at revision 5
            not applied yet
              Pass: 6d17d1e1 at revision 5
        "#]],
    );
    // Two against two.
    let four = crate::verify_support::plan("four", "members = 4\n[etcd]\nversion = \"3.6.14\"\n");
    let mut split = later_told(&four, [(26, 19), (26, 19)]);
    split.members[0].later = split.members[1].later.clone();
    says(
        &four,
        &split,
        "hash",
        expect![[r#"
            Fail: revision 26 on core-01 and core-02 and revision 6 on core-03 and core-04, although all have applied the log up to entry 19
            - the members hold different data, and no majority agrees
              heals: stop all writes, and find out which data is right; then give it to every member, for example that of core-01: `cargo xtask restore four --from-member core-01`
        "#]],
    );
}

#[test]
fn writes_are_read_back_from_every_member() {
    let plan = three();
    let mut refused = healthy(&plan);
    refused.members[1].write = failed("no answer in time");
    let mut lost = healthy(&plan);
    lost.members[2].reads = Look::Seen(vec![plan.members[2].name.clone()]);
    let mut unread = healthy(&plan);
    unread.members[0].reads = failed("no answer in time");
    let mut left = healthy(&plan);
    left.probe.removed = failed("no answer in time");
    let mut full = healthy(&plan);
    for member in &mut full.members {
        member.alarms = Look::Seen(vec![Alarm {
            member: plan.members[1].id,
            kind: AlarmKind::NoSpace,
        }]);
        member.write = unasked("was not tried after core-01 failed");
        member.reads = unasked("was not tried after core-01 failed");
    }
    full.members[0].write = failed("etcdserver: mvcc: database space exceeded");
    full.probe.removed = unasked("nothing was written");
    says_for_each(
        &plan,
        "write",
        &[
            ("refused", refused),
            ("lost", lost),
            ("unread", unread),
            ("left behind", left),
            ("full", full),
        ],
        expect![[r#"
            refused
              Fail: written through 2 of 3, read from 3, all removed
              - core-02 accepted no write: no answer in time
                informs: if a member has just failed, verify again; otherwise read its log: `cargo xtask logs core-02`
            lost
              Fail: written through 3 of 3, read from 3, all removed
              - core-03 does not have the values written through core-01 and core-02
                informs: acknowledged writes must be readable everywhere: these members are not one cluster, or their data is damaged; see `identity` and `hash`
            unread
              Fail: written through 3 of 3, read from 2, all removed
              - core-01 could not read the values back: no answer in time
                informs: if a member has just failed, verify again; otherwise read its log: `cargo xtask logs core-01`
            left behind
              Warn: written through 3 of 3, read from 3
              - the values under `/xtask-verify-default-1-0-1` could not be removed: no answer in time
                informs: nothing to do: they expire within a minute
            full
              Fail: nothing was written; not checked: core-02 and core-03 were not tried after core-01 failed
              - core-01 accepted no write: etcdserver: mvcc: database space exceeded
        "#]],
    );
}

/// etcd 2.0.0 reports neither before it has applied the first write.
#[test]
fn missing_term_or_log_position_is_not_checked() {
    let plan = three();
    let mut seen = healthy(&plan);
    (
        status(&mut seen.members[2]).raft_term,
        status(&mut seen.members[2]).raft_index,
    ) = (None, None);
    checks_say(
        &plan,
        &seen,
        &["leader", "lag"],
        expect![[r#"
            leader
              Skipped: core-01 leads in term 2; not checked: core-03 reported no term
            lag
              Skipped: at log entry 18; not checked: core-03 reported no log position
        "#]],
    );
    for member in &mut seen.members {
        (status(member).raft_term, status(member).raft_index) = (None, None);
    }
    checks_say(
        &plan,
        &seen,
        &["leader", "lag"],
        expect![[r#"
            leader
              Skipped: core-01 leads; not checked: core-01, core-02 and core-03 reported no term
            lag
              Skipped: not checked: core-01, core-02 and core-03 reported no log position
        "#]],
    );
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::CouldNotLook);
}

/// `member update` came with 2.2, and nothing before 3.0 has `--peer-urls`.
#[test]
fn member_hints_match_the_etcd_version() {
    let mut hints = String::new();
    for version in ["2.0.0", "2.1.3", "2.2.0", "2.3.8", "3.0.17", "3.6.14"] {
        let plan = recorded_cluster(version);
        let mut seen = healthy(&plan);
        for member in &mut seen.members {
            let Look::Seen(list) = &mut member.members else {
                panic!("it is seen");
            };
            list[1].peer_urls = vec!["http://10.0.0.1:2380".to_owned()];
            list.pop();
        }
        let report = check::judge(&plan, &seen);
        let members = report.checks.iter();
        let mut members = members.filter(|checked| checked.name == "members");
        for finding in &members.next().unwrap().judgement.findings {
            let hint = finding.hint.as_ref().unwrap();
            hints += &format!("{version}: {hint}\n");
        }
    }
    expect![[r#"
        2.0.0: correct the URL in the cluster's member list: `curl -f -X PUT http://172.17.8.101:2379/v2/members/25d6ce33763c5524 -H 'Content-Type: application/json' -d '{"peerURLs":["http://172.17.8.102:2380"]}'`
        2.0.0: no task adds it back here, and until it runs it would count against the quorum: leave it out, and keep the others' data
        2.1.3: correct the URL in the cluster's member list: `curl -f -X PUT http://172.17.8.101:2379/v2/members/25d6ce33763c5524 -H 'Content-Type: application/json' -d '{"peerURLs":["http://172.17.8.102:2380"]}'`
        2.1.3: no task adds it back here, and until it runs it would count against the quorum: leave it out, and keep the others' data
        2.2.0: correct the URL in the cluster's member list: `cargo xtask etcdctl --cluster recorded -- member update 25d6ce33763c5524 http://172.17.8.102:2380`
        2.2.0: no task adds it back here, and until it runs it would count against the quorum: leave it out, and keep the others' data
        2.3.8: correct the URL in the cluster's member list: `cargo xtask etcdctl --cluster recorded -- member update 25d6ce33763c5524 http://172.17.8.102:2380`
        2.3.8: no task adds it back here, and until it runs it would count against the quorum: leave it out, and keep the others' data
        3.0.17: correct the URL in the cluster's member list: `cargo xtask etcdctl --cluster recorded -- member update 25d6ce33763c5524 --peer-urls=http://172.17.8.102:2380`
        3.0.17: add it again, without its old data: `cargo xtask replace core-03 --cluster recorded`
        3.6.14: correct the URL in the cluster's member list: `cargo xtask etcdctl --cluster recorded -- member update 25d6ce33763c5524 --peer-urls=http://172.17.8.102:2380`
        3.6.14: add it again, without its old data: `cargo xtask replace core-03 --cluster recorded`
    "#]].assert_eq(&hints);
}

#[test]
fn checks_that_etcd_2_lacks_do_not_apply() {
    let plan = plan(
        "old",
        "members = 3\n[etcd]\nversion = \"2.3.8\"\n[machine]\nprofile = \"coreos\"\n",
    );
    let mut seen = healthy(&plan);
    for member in &mut seen.members {
        member.alarms = unasked("has no alarms before etcd 3.0");
        member.hash = unasked("cannot hash its keys before etcd 3.3");
        status(member).db_size = None;
        status(member).db_size_quota = None;
        status(member).raft_applied_index = None;
    }
    expect![[r#"
        definition Pass
        reachable Pass
        members Pass
        identity Pass
        leader Pass
        quorum Pass
        peers NotApplicable
        lag Pass
        pace NotApplicable
        version Pass
        flags Pass
        alarms NotApplicable
        data Pass
        database NotApplicable
        hash NotApplicable
        history NotApplicable
        write Pass
        unit Pass
        user-data Pass
        clock Pass
        discovery Pass
    "#]]
    .assert_eq(&verdicts(&plan, &seen));
    assert_eq!(exit(&check::judge(&plan, &seen)), Exit::Success);
}

/// Every hint of a look at this cluster, with its check.
fn hints(plan: &Plan, seen: &Observation) -> Vec<String> {
    let report = check::judge(plan, seen);
    let hints = report.checks.iter().flat_map(|checked| {
        let findings = checked.judgement.findings.iter();
        findings.filter_map(|finding| {
            let hint = finding.hint.as_ref()?;
            Some(format!("{}: {}: {hint}", checked.name, hint.effect))
        })
    });
    hints.collect()
}

/// `up` refuses such a definition, and a member added to a single one takes its quorum.
#[test]
fn changed_definition_has_the_only_hint() {
    let one = plan("grow", "members = 1\n");
    let grown = plan("grow", "members = 3\n");
    let mut seen = without(without(healthy(&grown), 1), 2);
    let Look::Seen(list) = &mut seen.members[0].members else {
        panic!("it is seen");
    };
    list.truncate(1);
    status(&mut seen.members[0]).cluster_id = one.cluster_id;
    seen.conditions = vec![
        Condition::Running("process 1".to_owned()),
        Condition::Absent,
        Condition::Absent,
    ];
    seen.recorded.changes = vec!["`core-02` at 192.168.56.102 is new".to_owned()];
    seen.recorded.is_redefined = true;
    seen.recorded.new = vec![grown.members[1].name.clone(), grown.members[2].name.clone()];
    says(
        &grown,
        &seen,
        "definition",
        expect![[r#"
            Fail: members, ports, version or token differ
            - cluster/grow.toml differs from the cluster that was started: `core-02` at 192.168.56.102 is new
              informs: undo the change, because other findings may follow from it; or see why it cannot be applied: `cargo xtask plan grow`
        "#]],
    );
    let hints = hints(&grown, &seen);
    assert!(hints[0].starts_with("definition: "), "{hints:#?}");
    assert_eq!(hints.len(), 1, "{hints:#?}");
}

#[test]
fn lost_quorum_has_only_hints_that_bring_members_back() {
    let plan = three();
    let hints = hints(&plan, &without_quorum(&plan));
    let bring_back = |hint: &String| hint.starts_with("reachable: heals: ");
    assert_eq!(hints.len(), 2, "{hints:#?}");
    assert!(hints.iter().all(bring_back), "{hints:#?}");
}

/// `up` does not start it.
#[test]
fn member_without_data_is_not_started_again() {
    let plan = three();
    let mut seen = without(healthy(&plan), 2);
    seen.conditions = vec![
        Condition::Running("process 1".to_owned()),
        Condition::Running("process 2".to_owned()),
        Condition::Absent,
    ];
    seen.recorded.had_data = plan.members.iter().map(|one| one.name.clone()).collect();
    expect![[r#"
        [
            "reachable: heals: its data is lost; replace it, while the others serve: `cargo xtask replace core-03`",
        ]
    "#]]
    .assert_debug_eq(&hints(&plan, &seen));
}

/// Restoring is advised only where snapshots exist, and nothing beside it; after an interrupted
/// restoration, nothing but its completion.
#[test]
fn lost_majority_has_one_hint() {
    let mut told = String::new();
    for (what, version) in [
        ("3.6", "3.6.14"),
        ("2.3", "2.3.8"),
        ("half restored", "3.6.14"),
    ] {
        let plan = three().run_by(version.parse().unwrap());
        let mut seen = without_quorum(&plan);
        seen.conditions = vec![
            Condition::Running("process 1".to_owned()),
            Condition::Absent,
            Condition::Absent,
        ];
        seen.recorded.had_data = plan.members.iter().map(|one| one.name.clone()).collect();
        seen.recorded.half_restored = (what == "half restored").then(|| HalfRestored {
            what: "a restoration of `default` was interrupted".to_owned(),
            hint: Some(Hint::heals("complete it", ["cargo xtask up default"])),
        });
        told += &format!("{what}\n");
        let mut hints = hints(&plan, &seen);
        hints.dedup();
        for hint in hints {
            told += &format!("  {hint}\n");
        }
    }
    expect![[r#"
        3.6
          quorum: heals: the data of core-02 and core-03 is lost; rebuild the cluster from the data of core-01: `cargo xtask restore default --from-member core-01`
        2.3
          reachable: informs: its data is lost, and no task gives it new data here; keep the others' data
          version: informs: to change to 3.6.14, apply the definition with a folder that holds it (`--etcd-dir`)
        half restored
          history: heals: complete it: `cargo xtask up default`
    "#]].assert_eq(&told);
}

/// The history is dropped before an existing revision, and only once.
#[test]
fn full_database_is_compacted_to_a_seen_revision() {
    let plan = three();
    let mut seen = healthy(&plan);
    for member in &mut seen.members {
        let alarm = Alarm {
            member: plan.members[0].id,
            kind: AlarmKind::NoSpace,
        };
        member.alarms = Look::Seen(vec![alarm]);
        status(member).db_size = status(member).db_size_quota;
        status(member).revision = Some(1000);
    }
    let before = hints(&plan, &seen);
    for member in &mut seen.members {
        if let Look::Seen(hash) = &mut member.hash {
            hash.compact_revision = 1000;
        }
    }
    expect![[r#"
        (
            [
                "alarms: makes-safer: delete what is not needed, then drop the history and disarm the alarm: `cargo xtask defrag --compact`",
            ],
            [
                "alarms: makes-safer: delete what is not needed, then drop the history and disarm the alarm: `cargo xtask defrag --compact`",
            ],
        )
    "#]]
    .assert_debug_eq(&(before, hints(&plan, &seen)));
}

/// With its data, it exits whenever it is started.
#[test]
fn member_with_damaged_data_is_not_started_again() {
    let mut advice = Vec::new();
    for (members, ended) in [
        (3, Cause::WriteAheadLog),
        (3, Cause::Database),
        (3, Cause::DiskFull),
        (3, Cause::Certificate),
        (1, Cause::Database),
    ] {
        let plan = plan("default", &format!("members = {members}\n"));
        let last = members - 1;
        let mut seen = without(healthy(&plan), last);
        seen.conditions = vec![Condition::Running("process 1".to_owned()); members];
        seen.conditions[last] = Condition::Stopped;
        seen.ended = vec![None; members];
        seen.ended[last] = Some(ended);
        let hints = hints(&plan, &seen);
        advice.extend(
            hints
                .into_iter()
                .map(|hint| format!("{members}: {ended:?}: {hint}")),
        );
    }
    expect![[r#"
        [
            "3: WriteAheadLog: reachable: heals: its write-ahead log is damaged; replace it, while the others serve: `cargo xtask replace core-03`",
            "3: Database: reachable: heals: its database is damaged; replace it, while the others serve: `cargo xtask replace core-03`",
            "3: DiskFull: reachable: heals: the disk that holds its data is full; free some space there, then start it again: `cargo xtask up`",
            "3: Certificate: reachable: heals: renew the certificates, then start the members that do not serve: `cargo xtask certs --renew default`, then `cargo xtask up default`",
            "1: Database: reachable: informs: its database is damaged, and there is no backup to restore; its data stays in its folder until you destroy the cluster: `cargo xtask logs core-01`",
        ]
    "#]].assert_debug_eq(&advice);
}

/// As after `--force-new-cluster` (etcd issue 8169): a member that is alone agrees with itself.
#[test]
fn quorum_without_defined_members_does_not_pass() {
    let plan = three();
    let mut told = String::new();
    for left in [2, 1] {
        let mut seen = healthy(&plan);
        for gone in left..3 {
            seen = without(seen, gone);
        }
        for member in &mut seen.members[..left] {
            let Look::Seen(list) = &mut member.members else {
                unreachable!()
            };
            list.truncate(left);
        }
        let report = check::judge(&plan, &seen);
        let quorum = report.checks.iter();
        let quorum = quorum.filter(|checked| checked.name == "quorum");
        for judgement in quorum.map(|checked| &checked.judgement) {
            told += &format!("{:?}: {}\n", judgement.verdict, judgement.evidence());
            told += &format!("  {}\n", judgement.findings[0].text);
        }
    }
    expect![[r#"
        Warn: 2 of 2 voters can agree, 2 are needed: no more may fail
          core-03 is defined but cannot vote: the quorum is not that of the 3 defined members
        Fail: 1 of 1 voter can agree, 1 is needed: no more may fail
          core-02 and core-03 are defined but cannot vote: the quorum is not that of the 3 defined members
    "#]].assert_eq(&told);
}

#[test]
fn summary_names_no_silent_leader() {
    let plan = three();
    let mut seen = healthy(&plan);
    for index in [0, 1] {
        seen.members[index].status = Look::Failed("connection refused".to_owned());
        seen.members[index].nothing_was_asked("does not answer");
    }
    let leads = status(&mut seen.members[2]).leader == Some(plan.members[0].id);
    assert!(leads);
    assert_eq!(
        check::judge(&plan, &seen).summary(&plan),
        "default is unhealthy: 1 of 3 members, no leader, no quorum"
    );
}

#[test]
fn redefined_cluster_is_not_called_foreign() {
    let plan = three();
    let mut seen = healthy(&plan);
    seen.recorded.changes = vec!["the token was `old` and is now `default-1`".to_owned()];
    seen.recorded.is_redefined = true;
    for (index, id) in [0x10, 0x11, 0x12].into_iter().enumerate() {
        let status = status(&mut seen.members[index]);
        status.cluster_id = EtcdId(0xc1);
        status.member_id = EtcdId(id);
    }
    says(
        &plan,
        &seen,
        "identity",
        expect![[r#"
            Fail: expected cluster de56f893acc64f6d
            - core-01, core-02 and core-03 belong to cluster c1, not to the one that is now defined
        "#]],
    );
}

#[test]
fn running_member_without_data_is_not_restarted() {
    let plan = three();
    let mut seen = healthy(&plan);
    seen.data[1] = Look::Seen(false);
    says(
        &plan,
        &seen,
        "data",
        expect![[r#"
            Fail: 2 of 3 on disk
            - core-02 runs, but its data is gone, or a part of it: do not restart it
              heals: replace it while the others serve: `cargo xtask replace core-02 --yes`
        "#]],
    );
    // Without it, the others are no quorum.
    seen.data[0] = Look::NotAsked("could not be inspected".to_owned());
    seen.members[2].status = Look::Failed("connection refused".to_owned());
    says(
        &plan,
        &seen,
        "data",
        expect![[r#"
            Fail: 0 of 1 on disk; not checked: core-03 does not answer; core-01 could not be inspected
            - core-02 runs, but its data is gone, or a part of it: do not restart it
              makes-safer: copy its keys and values while it serves: it cannot send a snapshot: `cargo xtask etcdctl -- get --prefix ''`
        "#]],
    );
}
