//! Which member leads, and since when, derived from consecutive snapshots of a cluster.
//!
//! etcd reports the leader and the term, but not since when. So an election can only be placed between two
//! snapshots, and only if its winner was seen not to lead before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::observation::Snapshot;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

/// What is known about elections so far. All moments are times since 1970.
#[derive(Debug, Default)]
pub struct Elections {
    first_snapshot: Option<Duration>,
    last: Option<Election>,
    /// Elections in the last snapshot whose term is not certain yet.
    pending: Vec<Election>,
    leadership: Option<(Leadership, Duration)>,
    /// When each member was last seen, answering or stopped.
    seen: BTreeMap<EtcdId, Duration>,
}

/// A won election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// The term that it began, if the members' version reports it.
    pub term: Option<u64>,
    /// The ID of the member that won it.
    pub leader: EtcdId,
    /// The winner's name; none if it is not one of the watched members.
    pub name: Option<HostName>,
    /// When a member first reported it.
    pub told: Duration,
    /// A time by which it had certainly not happened yet; none if it may have happened at any time before.
    pub after: Option<Duration>,
}

impl Election {
    /// Whether this election may have produced these leaders of this term. If a term is not reported, as by
    /// an etcd 2.0.0 to which nothing was written, the same leader means the same election.
    fn may_have_won(&self, term: Option<u64>, leaders: &BTreeSet<EtcdId>) -> bool {
        match (self.term, term) {
            (Some(known), Some(term)) => known == term,
            _ => leaders.contains(&self.leader),
        }
    }
}

/// Whether a member leads, according to the last snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// The winner of the last election leads.
    Held,
    /// Members answer, but none leads.
    Vacant,
    /// No member answers, but not all are known to be stopped.
    Unknown,
    /// All members are stopped.
    Down,
}

impl Elections {
    /// Adds a snapshot that was taken at this moment.
    pub fn take_note(&mut self, at: Duration, snapshot: &Snapshot) {
        self.first_snapshot.get_or_insert(at);
        let told = told_leaders(snapshot).filter(|(term, _)| !self.is_outdated(*term, snapshot));
        let leader = told.and_then(|(term, leaders)| self.learn(at, snapshot, term, &leaders));
        for member in &snapshot.members {
            if member.status.seen().is_some() || member.is_down() {
                self.seen.insert(member.id(), at);
            }
        }
        let leadership = match leader {
            Some(leader) if !leader_is_down(snapshot, leader) => Leadership::Held,
            _ if snapshot.answering() > 0 => Leadership::Vacant,
            _ if snapshot.is_down() => Leadership::Down,
            _ => Leadership::Unknown,
        };
        if self
            .leadership
            .is_none_or(|(before, _)| before != leadership)
        {
            self.leadership = Some((leadership, at));
        }
    }

    /// The last known election.
    pub const fn last(&self) -> Option<&Election> {
        self.last.as_ref()
    }

    /// Whether a member leads, and the moment of the first snapshot that showed it.
    pub fn leadership(&self) -> (Leadership, Duration) {
        self.leadership
            .unwrap_or((Leadership::Unknown, Duration::ZERO))
    }

    /// Whether this election happened before watching began.
    pub fn was_before_watching(&self, election: &Election) -> bool {
        election.after.is_none() && Some(election.told) == self.first_snapshot
    }

    /// Records the leaders that members report in the highest term, and returns the one that leads in it.
    ///
    /// etcd shows a new leader before its term, which follows with the first entry that is applied in it. So
    /// a claim to lead in a term that another member won is ignored: the member leads in a later term, which
    /// the next snapshot shows. If the next snapshot repeats the claim, the cluster was re-created. If
    /// several members claim a term without a known winner, it may be any of them.
    fn learn(
        &mut self,
        at: Duration,
        snapshot: &Snapshot,
        term: Option<u64>,
        leaders: &BTreeSet<EtcdId>,
    ) -> Option<EtcdId> {
        let last = self.last.as_ref();
        let known = last.filter(|last| last.may_have_won(term, leaders));
        let known = known.map(|last| last.leader);
        let others = leaders.iter().filter(|&&leader| Some(leader) != known);
        let told: Vec<Election> = others
            .map(|&leader| self.election(at, snapshot, term, leader))
            .collect();
        let pending = std::mem::take(&mut self.pending);
        let is_repeated = |election: &Election| {
            let mut before = pending.iter();
            before.any(|one| (one.term, one.leader) == (term, election.leader))
        };
        let leads = known.filter(|known| leaders.contains(known));
        if let (None, [election]) = (leads, told.as_slice())
            && (known.is_none() || is_repeated(election))
        {
            self.last = Some(election.clone());
            return Some(election.leader);
        }
        if let (Some(_), Some(last)) = (leads, &mut self.last) {
            last.term = last.term.or(term);
        }
        self.pending = told;
        leads
    }

    /// The election in which this leader is reported to have won this term.
    fn election(
        &self,
        at: Duration,
        snapshot: &Snapshot,
        term: Option<u64>,
        leader: EtcdId,
    ) -> Election {
        let winner = snapshot.members.iter().find(|member| member.id() == leader);
        let mut pending = self.pending.iter();
        let pending = pending.find(|election| election.leader == leader);
        Election {
            term,
            leader,
            name: winner.map(|member| member.name.clone()),
            told: pending.map_or(at, |election| election.told),
            // If it had led then, it would have reported it.
            after: match pending {
                Some(election) => election.after,
                None => self.seen.get(&leader).copied(),
            },
        }
    }

    /// Whether the leader of this term has since been replaced: a leader that is cut off may not know it yet.
    /// Terms never decrease, so if most members are in an earlier term, the cluster was re-created.
    fn is_outdated(&self, term: Option<u64>, snapshot: &Snapshot) -> bool {
        let last = self.last.as_ref().and_then(|last| last.term);
        let (Some(term), Some(last)) = (term, last) else {
            return false;
        };
        let terms = snapshot.members.iter().filter_map(|member| {
            let status = member.status.seen()?;
            status.raft_term
        });
        let earlier = terms.filter(|&term| term < last).count();
        term < last && earlier * 2 <= snapshot.members.len()
    }
}

/// The highest term for which a leader is reported, and all leaders reported for it.
fn told_leaders(snapshot: &Snapshot) -> Option<(Option<u64>, BTreeSet<EtcdId>)> {
    let seen = snapshot.members.iter().filter_map(|one| one.status.seen());
    let told = seen.filter_map(|status| Some((status.raft_term, status.leader?)));
    let (highest, _) = told.clone().max()?;
    let leaders = told.filter(|(term, _)| *term == highest);
    Some((highest, leaders.map(|(_, leader)| leader).collect()))
}

/// Whether the leader no longer runs, which the others have not noticed yet.
fn leader_is_down(snapshot: &Snapshot, leader: EtcdId) -> bool {
    let mut members = snapshot.members.iter();
    members.any(|member| member.id() == leader && member.is_down())
}
