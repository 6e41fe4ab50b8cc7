//! What etcd's own downgrade needs before each step, against a model of etcd.

use test_attribute::test;
use xtask::change::downgrade::{MemberState, Preparation, preparation};
use xtask::facts::upgrades::Minor;

const OLD: Minor = (3, 5);
const NEW: Minor = (3, 6);

/// A cluster as far as its versions go.
#[derive(Debug, Clone)]
struct Cluster {
    speaks: Minor,
    members: Vec<MemberState>,
}

impl Cluster {
    fn of(members: usize, runs: Minor) -> Self {
        let member = |number| MemberState {
            name: format!("core-0{number}").parse().unwrap(),
            runs,
            storage: (runs >= NEW).then_some(runs),
            downgrade: None,
            shows_downgrade: runs >= NEW,
        };
        Self {
            speaks: runs,
            members: (1..=members).map(member).collect(),
        }
    }

    fn next(&self, wanted: Minor) -> Preparation {
        preparation(wanted, Some(self.speaks), &self.members)
    }

    fn enable(&mut self, downgrade: Option<Minor>) {
        for member in self.members.iter_mut().filter(|one| one.runs >= NEW) {
            member.downgrade = downgrade;
        }
    }

    fn waits_for(&self, wanted: Minor, expected: &str) {
        let expected = Preparation::Wait(expected.to_owned());
        assert_eq!(self.next(wanted), expected, "{self:?}");
    }

    fn restart(&mut self, at: usize, runs: Minor) {
        let member = &mut self.members[at];
        // Only from 3.6 on does a member tell.
        let downgrade = member.downgrade.filter(|_| runs >= NEW);
        let storage = (runs >= NEW).then_some(self.speaks);
        *member = MemberState {
            runs,
            storage,
            downgrade,
            shows_downgrade: runs >= NEW,
            ..member.clone()
        };
    }
}

#[test]
fn etcds_downgrade_is_enabled_before_the_first_member() {
    let mut cluster = Cluster::of(3, NEW);
    assert_eq!(cluster.next(OLD), Preparation::Enable);
    cluster.enable(Some(OLD));
    cluster.waits_for(OLD, "the members agree that the cluster is 3.5");
    cluster.speaks = OLD;
    cluster.members[1].storage = Some(OLD);
    let data = "the data of core-01 and core-03 has the format of 3.5";
    cluster.waits_for(OLD, data);
    for member in &mut cluster.members {
        member.storage = Some(OLD);
    }
    assert_eq!(cluster.next(OLD), Preparation::Ready);
    for at in 0..3 {
        cluster.restart(at, OLD);
        assert_eq!(cluster.next(OLD), Preparation::Ready, "{cluster:?}");
    }
}

/// Members of 3.6 go on telling of a downgrade to 3.6 until etcd itself ends it.
#[test]
fn etcds_downgrade_is_awaited_to_its_end() {
    let newest = (3, 7);
    let mut cluster = Cluster::of(3, newest);
    cluster.enable(Some(NEW));
    cluster.speaks = NEW;
    for at in 0..3 {
        cluster.restart(at, NEW);
    }
    cluster.waits_for(NEW, "etcd notices that its downgrade is complete");
    cluster.enable(None);
    assert_eq!(cluster.next(NEW), Preparation::Ready);
}

#[test]
fn etcds_downgrade_is_cancelled_to_go_up_again() {
    let mut cluster = Cluster::of(3, NEW);
    cluster.enable(Some(OLD));
    assert_eq!(cluster.next(NEW), Preparation::Cancel(OLD));
    cluster.speaks = OLD;
    cluster.restart(2, OLD);
    assert_eq!(cluster.next(NEW), Preparation::Cancel(OLD));
    cluster.enable(None);
    assert_eq!(cluster.next(NEW), Preparation::Ready);
    cluster.restart(2, NEW);
    // All members are new, and the cluster follows.
    cluster.waits_for(NEW, "the members agree that the cluster is 3.6");
    cluster.speaks = NEW;
    assert_eq!(cluster.next(NEW), Preparation::Ready);
    assert_eq!(cluster.next((3, 7)), Preparation::Ready);
}

/// An upgrade whose first members are taken back is no downgrade.
#[test]
fn etcds_downgrade_is_not_needed_to_take_an_upgrade_back() {
    let mut cluster = Cluster::of(3, OLD);
    assert_eq!(cluster.next(NEW), Preparation::Ready);
    cluster.restart(0, NEW);
    assert_eq!(cluster.next(NEW), Preparation::Ready);
    assert_eq!(cluster.next(OLD), Preparation::Ready);
    // No member answers.
    assert_eq!(preparation(OLD, None, &[]), Preparation::Ready);
}
