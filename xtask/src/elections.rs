//! Who leads, and since when: what follows of a cluster's elections from one glance after the other.
//!
//! etcd tells who leads in which term, and not since when. So what can be known is between which two
//! glances an election was, and only where the member that won it was seen not to lead before.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::observation::Glance;
use crate::plan::identity::EtcdId;
use crate::values::HostName;

/// What has been seen of elections until now. All moments are times since 1970.
#[derive(Debug, Default)]
pub struct Elections {
    first_glance: Option<Duration>,
    last: Option<Election>,
    leadership: Option<(Leadership, Duration)>,
    /// When each member was last seen: answering, or not running.
    seen: BTreeMap<EtcdId, Duration>,
}

/// An election that was won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// The term that it began, where the members' version tells.
    pub term: Option<u64>,
    /// Who won it.
    pub leader: EtcdId,
    /// The name of who won it; none where it is none of the members that are watched.
    pub name: Option<HostName>,
    /// When a member first told of it.
    pub told: Duration,
    /// When it had certainly not been yet; none where it may have been at any time before.
    pub after: Option<Duration>,
}

/// Whether somebody leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// The winner of the last election leads.
    Held,
    /// Members answer, and nobody leads them.
    Vacant,
    /// No member answers.
    Unknown,
    /// No member runs.
    Down,
}

impl Elections {
    /// Takes note of a glance, which was at this moment.
    pub fn take_note(&mut self, at: Duration, glance: &Glance) {
        self.first_glance.get_or_insert(at);
        let told = told_leader(glance).filter(|(term, _)| !self.is_outdated(*term, glance));
        if let Some((term, leader)) = told
            && !self.is_last(term, leader)
        {
            let winner = glance.members.iter().find(|member| member.id() == leader);
            self.last = Some(Election {
                term,
                leader,
                name: winner.map(|member| member.name.clone()),
                told: at,
                // Had it led in this term then, it would have told.
                after: self.seen.get(&leader).copied(),
            });
        }
        for member in &glance.members {
            if member.status.seen().is_some() || member.is_down() {
                self.seen.insert(member.id(), at);
            }
        }
        let leadership = match told {
            Some((_, leader)) if !leader_is_down(glance, leader) => Leadership::Held,
            _ if glance.answering() > 0 => Leadership::Vacant,
            _ if glance.is_down() => Leadership::Down,
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

    /// Whether somebody leads, and from which glance on that has been so.
    pub fn leadership(&self) -> (Leadership, Duration) {
        self.leadership
            .unwrap_or((Leadership::Unknown, Duration::ZERO))
    }

    /// Whether this election was before watching began.
    pub fn was_before_watching(&self, election: &Election) -> bool {
        election.after.is_none() && Some(election.told) == self.first_glance
    }

    fn is_last(&self, term: Option<u64>, leader: EtcdId) -> bool {
        let last = self.last.as_ref();
        last.is_some_and(|last| (last.term, last.leader) == (term, leader))
    }

    /// Whether who leads in this term has been followed by another: a leader that is cut off may not know
    /// it yet. Terms never fall, so where most members are in an earlier one, it is a cluster made anew.
    fn is_outdated(&self, term: Option<u64>, glance: &Glance) -> bool {
        let last = self.last.as_ref().and_then(|last| last.term);
        let (Some(term), Some(last)) = (term, last) else {
            return false;
        };
        let terms = glance.members.iter().filter_map(|member| {
            let status = member.status.seen()?;
            status.raft_term
        });
        let earlier = terms.filter(|&term| term < last).count();
        term < last && earlier * 2 <= glance.members.len()
    }
}

/// The leader that is named in the highest term, and that term.
fn told_leader(glance: &Glance) -> Option<(Option<u64>, EtcdId)> {
    let seen = glance.members.iter().filter_map(|one| one.status.seen());
    seen.filter_map(|status| Some((status.raft_term, status.leader?)))
        .max()
}

/// Whether the leader does not run any more, and the others have not noticed yet.
fn leader_is_down(glance: &Glance, leader: EtcdId) -> bool {
    let mut members = glance.members.iter();
    members.any(|member| member.id() == leader && member.is_down())
}
