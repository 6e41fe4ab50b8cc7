//! The steps from a running cluster to its definition, without a cluster: each is taken on paper.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use test_attribute::test;
use xtask::change::apply::{
    Joining, Kind, Known, Leaving, Life, MemberSeen, Moving, Next, Obstacle, Seen, State, Step,
};
use xtask::observation::{ListedMember, StartedWith, Status};
use xtask::plan::flags::{self, InitialState, MemberFlags};
use xtask::plan::identity::EtcdId;
use xtask::plan::{Member, Plan};
use xtask::values::{Ports, Scheme};

use crate::verify_support;

/// A plan of these members: each a name and the last number of its address.
fn plan(members: &[(&str, u8)]) -> Plan {
    of_version("3.6.14", members)
}

fn of_version(version: &str, members: &[(&str, u8)]) -> Plan {
    let text = format!("members = 1\n[etcd]\nversion = \"{version}\"\n");
    let mut plan = verify_support::plan("default", &text).on_loopback();
    plan.members = members
        .iter()
        .map(|(name, last)| {
            let address = Ipv4Addr::new(127, 168, 56, *last);
            let name = name.parse().unwrap();
            Member::new(
                name,
                address,
                Ports::default(),
                Scheme::Http,
                &plan.etcd.token,
            )
        })
        .collect();
    plan
}

const THREE: &[(&str, u8)] = &[("core-01", 101), ("core-02", 102), ("core-03", 103)];

/// What is seen of a healthy cluster with this plan, the first member of which leads.
struct Cluster {
    recorded: Vec<Member>,
    listed: Vec<ListedMember>,
    seen: Vec<MemberSeen>,
}

impl Cluster {
    fn of(plan: &Plan) -> Self {
        let leader = plan.members[0].id;
        let listed = plan.members.iter().map(|member| ListedMember {
            id: member.id,
            name: member.name.to_string(),
            peer_urls: vec![member.peer_url()],
            client_urls: vec![member.client_url()],
            is_learner: false,
        });
        let seen = plan.members.iter().map(|member| MemberSeen {
            name: member.name.clone(),
            life: Life::Running,
            is_outdated: false,
            started: Some(started(plan, member)),
            status: Some(status(plan, member, leader)),
        });
        Self {
            recorded: plan.members.clone(),
            listed: listed.collect(),
            seen: seen.collect(),
        }
    }

    fn state(&self, defined: &Plan) -> State {
        State::of(&Seen {
            defined,
            recorded: &self.recorded,
            listed: &self.listed,
            members: &self.seen,
        })
    }

    fn member(&mut self, name: &str) -> &mut MemberSeen {
        let mut members = self.seen.iter_mut();
        members.find(|one| one.name.as_str() == name).unwrap()
    }

    /// The member does not run; without data if it is absent.
    fn end(&mut self, name: &str, life: Life) {
        let one = self.member(name);
        (one.life, one.started, one.status) = (life, None, None);
    }
}

fn started(plan: &Plan, member: &Member) -> StartedWith {
    let all = flags::flags(
        plan,
        &MemberFlags::at(plan, member, "data", InitialState::New),
    );
    StartedWith {
        program: None,
        trusts_former: false,
        flags: all.into_iter().map(|one| (one.name, one.value)).collect(),
    }
}

fn status(plan: &Plan, member: &Member, leader: EtcdId) -> Status {
    Status {
        version: plan.version().to_string(),
        cluster_id: plan.cluster_id,
        member_id: member.id,
        leader: Some(leader),
        raft_term: Some(2),
        raft_index: Some(10),
        raft_applied_index: Some(10),
        revision: Some(5),
        db_size: Some(1),
        db_size_quota: None,
        downgrade: None,
        is_learner: false,
        errors: Vec::new(),
    }
}

/// Takes every step on paper. Returns what each did, with its stages.
fn taken(mut state: State, defined: &Plan) -> Vec<Step> {
    let has_dead = state.voters().able < state.voters().all;
    let mut steps = Vec::new();
    loop {
        is_possible(&state);
        let step = match state.next() {
            Next::Done => break,
            Next::Blocked(obstacle) => panic!("{obstacle:?} after {steps:#?}"),
            Next::Step(step) => step,
        };
        let is_small = step.before.all <= 2;
        assert!(!step.interrupts() || is_small, "{step:?}");
        // Without learners, the second member counts before it runs.
        let joins_alone = !state.has_learners && is_small && matches!(step.kind, Kind::Add(_));
        if !joins_alone {
            assert!(step.before.have_quorum(), "{step:?}");
            assert!(step.after.have_quorum(), "{step:?}");
        }
        if step.kind == Kind::Add(Joining::Add) {
            // As etcd demands.
            assert_eq!(step.before.all, step.before.able, "{step:?}");
        }
        if !has_dead && step.before.all >= 3 {
            assert!(step.during.able + 1 >= step.before.able, "{step:?}");
        }
        state = state.after(&step);
        steps.push(step);
        assert!(steps.len() < 200, "{steps:#?}");
    }
    is_as_defined(&state, defined);
    steps
}

/// Nothing that etcd or the host would refuse.
fn is_possible(state: &State) {
    let entries = || state.members.iter().filter_map(|one| one.entry.as_ref());
    let urls: BTreeSet<&String> = entries().flat_map(|one| &one.peer_urls).collect();
    assert_eq!(urls.len(), entries().count(), "{state:#?}");
    assert!(entries().filter(|one| one.is_learner).count() <= 1);
    let running = state.members.iter().filter(|one| one.life == Life::Running);
    let sockets = running.filter_map(|one| one.place.as_ref());
    let sockets: Vec<_> = sockets
        .flat_map(|one| [one.client_socket(), one.peer_socket()])
        .collect();
    let distinct: BTreeSet<_> = sockets.iter().collect();
    assert_eq!(sockets.len(), distinct.len(), "{state:#?}");
}

fn is_as_defined(state: &State, defined: &Plan) {
    assert_eq!(state.members.len(), defined.members.len(), "{state:#?}");
    for member in &defined.members {
        let named = |one: &&Known| one.name == member.name.as_str();
        let one = state.members.iter().find(named).unwrap();
        let entry = one.entry.as_ref().unwrap();
        assert_eq!(entry.peer_urls, [member.peer_url()]);
        assert!(!entry.is_learner);
        let place = one.place.as_ref().unwrap();
        assert_eq!((place.address, place.ports), (member.address, member.ports));
        assert_eq!(one.life, Life::Running);
        assert!(one.is_recorded && one.is_able && one.differs.is_empty());
        assert!(one.version.is_none_or(|runs| runs == defined.version()));
    }
}

/// The steps as `plan` prints them.
fn printed(state: &State) -> Vec<String> {
    state.steps().steps.iter().map(Step::what).collect()
}

#[test]
fn apply_of_an_unchanged_definition_has_no_steps() {
    let plan = plan(THREE);
    assert_eq!(Cluster::of(&plan).state(&plan).next(), Next::Done);
}

#[test]
fn apply_grows_and_shrinks_one_member_at_a_time() {
    let three = plan(THREE);
    let mut five = THREE.to_vec();
    five.extend([("core-04", 104), ("core-05", 105)]);
    let five = plan(&five);
    let state = Cluster::of(&three).state(&five);
    let steps = state.steps().steps;
    assert_eq!(
        printed(&state),
        [
            "add core-04 at http://127.168.56.104:2380",
            "add core-05 at http://127.168.56.105:2380"
        ]
    );
    let voters = |step: &Step| {
        [step.before, step.during, step.after].map(|voters| (voters.able, voters.all))
    };
    assert_eq!(voters(&steps[0]), [(3, 3), (3, 3), (4, 4)]);
    taken(state, &five);
    let mut shrunk = Cluster::of(&five);
    // The leader goes last.
    shrunk.seen.iter_mut().for_each(|one| {
        one.status.as_mut().unwrap().leader = Some(five.members[3].id);
    });
    let state = shrunk.state(&three);
    assert_eq!(printed(&state), ["remove core-05", "remove core-04"]);
    taken(state, &three);
}

#[test]
fn apply_of_any_sizes_and_addresses_ends_as_defined() {
    let mut random = 7_u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005);
        random = random.wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) as usize) % below
    };
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    for case in 0..4000 {
        let (old, new) = (1 + case % 5, 1 + case / 5 % 5);
        let mut pick = |count: usize, first: usize| {
            let mut addresses: Vec<u8> = (101..=106).collect();
            let mut names: Vec<&str> = NAMES.to_vec();
            names.rotate_left(first);
            let mut picked = Vec::new();
            for name in names.into_iter().take(count) {
                picked.push((name, addresses.remove(next(addresses.len()))));
            }
            picked
        };
        let (old, new) = (pick(old, 0), pick(new, case % 4));
        let versions = [
            ("3.6.14", "3.6.14"),
            ("3.5.33", "3.6.14"),
            ("3.3.27", "3.3.27"),
        ];
        let (runs, version) = versions[next(3)];
        let has_learners = version != "3.3.27";
        let (running, mut defined) = (of_version(runs, &old), of_version(version, &new));
        if next(3) == 0 {
            let ports = Ports {
                client: [2379, 2390, 2380][next(3)],
                peer: [2381, 2391][next(2)],
            };
            defined = defined.served_at(Scheme::Http, ports);
        }
        if next(2) == 0 {
            defined.etcd.election_timeout = 2000;
        }
        let mut cluster = Cluster::of(&running);
        let leader = running.members[next(running.members.len())].id;
        for one in &mut cluster.seen {
            one.status.as_mut().unwrap().leader = Some(leader);
        }
        // Somebody is dead: a member that stays has its data.
        if old.len() >= 3 && next(2) == 0 {
            let dead = running.members[next(old.len())].clone();
            let stays = new.iter().any(|(name, _)| *name == dead.name.as_str());
            let life = match next(2) {
                0 if !stays => Life::Absent,
                _ => Life::Stopped,
            };
            if dead.id != leader {
                cluster.end(dead.name.as_str(), life);
            }
        }
        // Somebody has left a learner.
        if next(4) == 0 {
            cluster.listed.push(ListedMember {
                id: EtcdId(99),
                name: String::new(),
                peer_urls: vec!["http://127.168.56.120:2380".to_owned()],
                client_urls: Vec::new(),
                is_learner: true,
            });
        }
        let state = cluster.state(&defined);
        let (is_large, is_whole) = (old.len() >= 3, state.voters().able == state.voters().all);
        let steps = taken(state, &defined);
        let interrupted = steps.iter().find(|step| step.interrupts());
        assert!(
            !(is_large && is_whole && has_learners) || interrupted.is_none(),
            "{steps:#?}"
        );
    }
}

/// The leader comes last, and new members start with the new version.
#[test]
fn apply_changes_the_version_before_it_adds_members() {
    let running = of_version("3.5.33", THREE);
    let mut four = THREE.to_vec();
    four.push(("core-04", 104));
    let defined = of_version("3.6.14", &four);
    let mut cluster = Cluster::of(&running);
    let steps = [
        "restart core-02 with etcd 3.6.14",
        "restart core-03 with etcd 3.6.14",
        "restart core-01 with etcd 3.6.14",
        "add core-04 at http://127.168.56.104:2380",
    ];
    assert_eq!(printed(&cluster.state(&defined)), steps);
    taken(cluster.state(&defined), &defined);
    // Interrupted, and one member does not run.
    let upgraded = cluster.member("core-02");
    upgraded.status.as_mut().unwrap().version = "3.6.14".to_owned();
    upgraded.started = Some(started(&defined, &defined.members[1]));
    cluster.end("core-03", Life::Stopped);
    let rest = ["start core-03", steps[2], steps[3]];
    assert_eq!(printed(&cluster.state(&defined)), rest);
}

#[test]
fn apply_exchanges_addresses_over_a_free_one() {
    let running = plan(THREE);
    let defined = plan(&[("core-01", 102), ("core-02", 101), ("core-03", 103)]);
    let state = Cluster::of(&running).state(&defined);
    assert_eq!(
        printed(&state),
        [
            "move core-02 to http://127.168.56.250:2380",
            "move core-01 to http://127.168.56.102:2380",
            "move core-02 to http://127.168.56.101:2380"
        ]
    );
    assert_eq!(
        state.steps().steps[0].why,
        "core-01 is at its new address, and moves as well"
    );
}

#[test]
fn apply_of_new_names_at_the_same_addresses_removes_first() {
    let running = plan(THREE);
    let defined = plan(&[("db-01", 101), ("core-02", 102), ("core-03", 103)]);
    let state = Cluster::of(&running).state(&defined);
    assert_eq!(
        printed(&state),
        ["remove core-01", "add db-01 at http://127.168.56.101:2380"]
    );
    // The only member steps aside.
    let alone = plan(&[("core-01", 101)]);
    let renamed = plan(&[("db-01", 101)]);
    let state = Cluster::of(&alone).state(&renamed);
    assert_eq!(
        printed(&state),
        [
            "move core-01 to http://127.168.56.250:2380",
            "add db-01 at http://127.168.56.101:2380",
            "remove core-01"
        ]
    );
    assert!(state.steps().steps[0].interrupts());
}

#[test]
fn apply_restarts_for_flags_before_it_removes() {
    let running = plan(THREE);
    let mut defined = plan(&THREE[..1]);
    defined.etcd.election_timeout = 2000;
    let state = Cluster::of(&running).state(&defined);
    assert_eq!(
        printed(&state),
        ["restart core-01", "remove core-03", "remove core-02"]
    );
    let steps = state.steps().steps;
    assert!(steps.iter().all(|step| !step.interrupts()));
    let why = "it runs without `--election-timeout=2000`";
    assert_eq!(steps[0].why, why);
}

/// Each moment at which the task may have been killed.
#[test]
fn apply_continues_what_was_interrupted() {
    let three = plan(THREE);
    let four = plan(&[THREE, &[("core-04", 104)]].concat());
    let new = Member {
        id: EtcdId(4),
        ..four.members[3].clone()
    };
    let entry = ListedMember {
        id: new.id,
        name: String::new(),
        peer_urls: vec![new.peer_url()],
        client_urls: Vec::new(),
        is_learner: true,
    };
    // Added, and neither recorded nor started.
    let mut cluster = Cluster::of(&three);
    cluster.listed.push(entry.clone());
    let step = |cluster: &Cluster, plan: &Plan| match cluster.state(plan).next() {
        Next::Step(step) => (step.member, step.kind),
        other => panic!("{other:?}"),
    };
    let starts = ("core-04".to_owned(), Kind::Add(Joining::Start(new.id)));
    assert_eq!(step(&cluster, &four), starts);
    // The same after the record; it is recorded as one that is being added.
    cluster.recorded.push(new.clone());
    assert_eq!(step(&cluster, &four), starts);
    let (joined, in_transit) = cluster.state(&four).settled();
    assert_eq!((joined.len(), in_transit.len()), (3, 1));
    // Started, and a learner.
    cluster.listed[3].name = "core-04".to_owned();
    cluster.seen.push(MemberSeen {
        name: new.name.clone(),
        life: Life::Running,
        is_outdated: false,
        started: Some(started(&four, &new)),
        status: None,
    });
    let promotes = ("core-04".to_owned(), Kind::Add(Joining::Promote(new.id)));
    assert_eq!(step(&cluster, &four), promotes);
    // Killed with its data, and without.
    cluster.end("core-04", Life::Stopped);
    assert_eq!(
        step(&cluster, &four).1,
        Kind::Start(four.members[3].clone())
    );
    cluster.end("core-04", Life::Absent);
    let removes = Kind::Remove(Leaving::Remove(new.id));
    assert_eq!(
        step(&cluster, &four),
        ("core-04".to_owned(), removes.clone())
    );
    // Nobody wants it any more.
    assert_eq!(step(&cluster, &three), ("core-04".to_owned(), removes));

    // Removed, and still running; then stopped.
    let mut cluster = Cluster::of(&four);
    cluster.listed.pop();
    let stops = Kind::Remove(Leaving::Stop);
    assert_eq!(step(&cluster, &three), ("core-04".to_owned(), stops));
    cluster.end("core-04", Life::Stopped);
    let aside = Kind::Remove(Leaving::SetAside);
    assert_eq!(
        step(&cluster, &three),
        ("core-04".to_owned(), aside.clone())
    );
    // It is defined again meanwhile: its data must not come back.
    assert_eq!(step(&cluster, &four), ("core-04".to_owned(), aside));

    // The peer URL is updated, and the process at the old address; then stopped.
    let mut defined = plan(THREE);
    defined.members[2] = plan(&[("core-03", 109)]).members[0].clone();
    let mut cluster = Cluster::of(&three);
    cluster.listed[2].peer_urls = vec![defined.members[2].peer_url()];
    let to = defined.members[2].clone();
    let restarts = Kind::Move(to.clone(), Moving::Restart);
    assert_eq!(step(&cluster, &defined), ("core-03".to_owned(), restarts));
    cluster.end("core-03", Life::Stopped);
    let starts = Kind::Start(to);
    assert_eq!(step(&cluster, &defined), ("core-03".to_owned(), starts));
}

#[test]
fn apply_removes_the_dead_before_it_adds() {
    let running = plan(THREE);
    let defined = plan(&[("core-01", 101), ("core-02", 102), ("core-04", 104)]);
    let mut cluster = Cluster::of(&running);
    cluster.end("core-03", Life::Absent);
    let state = cluster.state(&defined);
    assert_eq!(
        printed(&state),
        [
            "remove core-03",
            "add core-04 at http://127.168.56.104:2380"
        ]
    );
    let after = state.steps().steps[0].after;
    assert_eq!((after.able, after.all), (2, 2));
}

#[test]
fn apply_says_what_keeps_it_from_a_step() {
    let running = plan(THREE);
    let mut defined = plan(THREE);
    defined.etcd.election_timeout = 2000;
    let blocked = |change: &dyn Fn(&mut Cluster)| {
        let mut cluster = Cluster::of(&running);
        change(&mut cluster);
        match cluster.state(&defined).next() {
            Next::Blocked(obstacle) => obstacle,
            other => panic!("{other:?}"),
        }
    };
    let name = || running.members[2].name.clone();
    assert_eq!(
        blocked(&|all| all.end("core-03", Life::Absent)),
        Obstacle::LostData(name())
    );
    assert_eq!(
        blocked(&|all| all.end("core-03", Life::Unusable)),
        Obstacle::LostData(name())
    );
    assert_eq!(
        blocked(&|all| all.end("core-03", Life::Halted)),
        Obstacle::Halted(name())
    );
    assert_eq!(
        blocked(&|all| all.member("core-03").status = None),
        Obstacle::DoesNotServe(name())
    );
    let two = |all: &mut Cluster| {
        all.end("core-03", Life::Absent);
        all.end("core-02", Life::Absent);
    };
    assert_eq!(blocked(&two), Obstacle::NoQuorum);
    // A member with its data is started.
    let mut cluster = Cluster::of(&running);
    cluster.end("core-03", Life::Stopped);
    assert_eq!(printed(&cluster.state(&defined))[0], "start core-03");
}

#[test]
fn apply_never_starts_a_new_member_with_old_data() {
    let three = plan(THREE);
    let four = plan(&[THREE, &[("core-04", 104)]].concat());
    let mut cluster = Cluster::of(&three);
    cluster.seen.push(MemberSeen {
        name: four.members[3].name.clone(),
        life: Life::Stopped,
        is_outdated: false,
        started: None,
        status: None,
    });
    let aside = Kind::Remove(Leaving::SetAside);
    let next = |cluster: &Cluster| match cluster.state(&four).next() {
        Next::Step(step) => step.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(next(&cluster), aside);
    // Also if it was added already.
    cluster.listed.push(ListedMember {
        id: EtcdId(4),
        name: String::new(),
        peer_urls: vec![four.members[3].peer_url()],
        client_urls: Vec::new(),
        is_learner: true,
    });
    assert_eq!(next(&cluster), aside);
    taken(cluster.state(&four), &four);
}

/// Replaced by hand and not recorded: it is what runs, and not a stranger.
#[test]
fn apply_knows_a_member_that_was_added_again_by_hand() {
    let running = plan(THREE);
    let mut cluster = Cluster::of(&running);
    cluster.listed[2].id = EtcdId(33);
    cluster.member("core-03").status.as_mut().unwrap().member_id = EtcdId(33);
    let state = cluster.state(&running);
    assert_eq!(state.next(), Next::Done);
    assert_eq!(state.settled().0[2].id, EtcdId(33));
}

#[test]
fn apply_says_what_is_done_before_the_first_step_of_a_version() {
    let first = |from: &str, to: &str| -> Vec<Option<String>> {
        let mut running = plan(THREE);
        running.etcd.version = from.parse().unwrap();
        let mut defined = running.clone();
        defined.etcd.version = to.parse().unwrap();
        let steps = Cluster::of(&running).state(&defined).steps().steps;
        steps.into_iter().map(|step| step.first).collect()
    };
    let only = |text: &str| vec![Some(text.to_owned()), None, None];
    let enabled = "etcd's own downgrade to 3.5 is enabled";
    assert_eq!(first("3.6.14", "3.5.33"), only(enabled));
    let saved = "every member saves a snapshot of its log";
    assert_eq!(first("3.6.14", "3.7.1"), only(saved));
    assert_eq!(first("3.5.33", "3.6.14"), [const { None }; 3]);
    assert_eq!(first("3.7.0", "3.7.1"), [const { None }; 3]);
}
