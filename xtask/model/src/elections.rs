//! Who leads, and since when: what follows of a cluster's elections from one snapshot after the other.
//!
//! etcd tells who leads in which term, and not since when. So what can be known is between which two
//! glances an election was, and only where the member that won it was seen not to lead before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::observation::Snapshot;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

/// What has been seen of elections until now. All moments are times since 1970.
#[derive(Debug, Default)]
pub struct Elections {
    first_glance: Option<Duration>,
    last: Option<Election>,
    /// Elections of which was told last, and of which nobody knows in which term they were.
    foretold: Vec<Election>,
    leadership: Option<(Leadership, Duration)>,
    /// When each member was last seen: answering, or not running.
    seen: BTreeMap<EtcdId, Duration>,
}

/// An election that was won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// The term that it began, where the members' version tells.
    pub term: Option<u64>,
    /// The member that won it, by its ID.
    pub leader: EtcdId,
    /// The name of who won it; none where it is none of the members that are watched.
    pub name: Option<HostName>,
    /// When a member first told of it.
    pub told: Duration,
    /// When it had certainly not been yet; none where it may have been at any time before.
    pub after: Option<Duration>,
}

impl Election {
    /// Whether these leaders of this term may owe it to this election. Where a term is not told, as by an etcd
    /// 2.0.0 to which nothing was written, the same leader is no sign of another election.
    fn may_have_won(&self, term: Option<u64>, leaders: &BTreeSet<EtcdId>) -> bool {
        match (self.term, term) {
            (Some(known), Some(term)) => known == term,
            _ => leaders.contains(&self.leader),
        }
    }
}

/// Whether a member leads, as far as the last snapshot tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// The winner of the last election leads.
    Held,
    /// Members answer, and nobody leads them.
    Vacant,
    /// No member answers, and not all of them are known to be stopped.
    Unknown,
    /// All members are stopped.
    Down,
}

impl Elections {
    /// Takes note of a glance, which was at this moment.
    pub fn take_note(&mut self, at: Duration, snapshot: &Snapshot) {
        self.first_glance.get_or_insert(at);
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

    /// The last election that is known of.
    pub const fn last(&self) -> Option<&Election> {
        self.last.as_ref()
    }

    /// Whether somebody leads, and from which snapshot on that has been so.
    pub fn leadership(&self) -> (Leadership, Duration) {
        self.leadership
            .unwrap_or((Leadership::Unknown, Duration::ZERO))
    }

    /// Whether this election was before watching began.
    pub fn was_before_watching(&self, election: &Election) -> bool {
        election.after.is_none() && Some(election.told) == self.first_glance
    }

    /// Learns who is named as leader in the highest term, and returns who leads in it.
    ///
    /// etcd shows a new leader before its term, which follows with the first entry that is applied in it. So
    /// whoever is named in a term that another has won leads in a later one, which the next snapshot tells. If
    /// that tells the same once more, it is a cluster made anew. Of several in a term that nobody is known to
    /// have won, it may be any.
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
        let foretold = std::mem::take(&mut self.foretold);
        let is_repeated = |election: &Election| {
            let mut before = foretold.iter();
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
        self.foretold = told;
        leads
    }

    /// The election in which this leader was told to have won this term.
    fn election(
        &self,
        at: Duration,
        snapshot: &Snapshot,
        term: Option<u64>,
        leader: EtcdId,
    ) -> Election {
        let winner = snapshot.members.iter().find(|member| member.id() == leader);
        let mut foretold = self.foretold.iter();
        let foretold = foretold.find(|election| election.leader == leader);
        Election {
            term,
            leader,
            name: winner.map(|member| member.name.clone()),
            told: foretold.map_or(at, |election| election.told),
            // Had it led then, it would have told.
            after: match foretold {
                Some(election) => election.after,
                None => self.seen.get(&leader).copied(),
            },
        }
    }

    /// Whether who leads in this term has been followed by another: a leader that is cut off may not know
    /// it yet. Terms never fall, so where most members are in an earlier one, it is a cluster made anew.
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

/// The highest term in which a leader is named, and all that are named in it.
fn told_leaders(snapshot: &Snapshot) -> Option<(Option<u64>, BTreeSet<EtcdId>)> {
    let seen = snapshot.members.iter().filter_map(|one| one.status.seen());
    let told = seen.filter_map(|status| Some((status.raft_term, status.leader?)));
    let (highest, _) = told.clone().max()?;
    let leaders = told.filter(|(term, _)| *term == highest);
    Some((highest, leaders.map(|(_, leader)| leader).collect()))
}

/// Whether the leader does not run any more, and the others have not noticed yet.
fn leader_is_down(snapshot: &Snapshot, leader: EtcdId) -> bool {
    let mut members = snapshot.members.iter();
    members.any(|member| member.id() == leader && member.is_down())
}
