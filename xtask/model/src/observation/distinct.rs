//! Counts members by their IDs, not by their answers: one member may answer at several members' addresses,
//! because of an outdated port forward, a proxy, or a copy of its data.

use super::{Look, MemberObservation, Observation, Snapshot, Status};
use crate::plan::identity::EtcdId;

/// A member that answers at another member's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    /// The member that answers.
    pub by: EtcdId,
    /// The other URL that it answers at: its own, as far as known.
    pub elsewhere: String,
}

impl Observation {
    /// The same observation with each member counted once: if another member answers at an address, the
    /// address's own member does not. `predicted` holds the IDs of a static bootstrap, in the order of the
    /// members.
    #[must_use]
    pub fn each_member_once(&self, predicted: &[EtcdId]) -> Self {
        let statuses: Vec<Option<&Status>> =
            self.members.iter().map(|one| one.status.seen()).collect();
        let at_home = |id| {
            let predicted = predicted.iter().position(|known| *known == id);
            predicted.or_else(|| self.advertised(id))
        };
        let repeated = repeated(&statuses, at_home);
        let mut once = self.clone();
        for (index, home) in repeated.into_iter().enumerate() {
            if let (Some(home), Some(status)) = (home, statuses[index]) {
                let elsewhere = &self.members[home].endpoint;
                once.members[index].is_answered_by(status.member_id, elsewhere);
            }
        }
        once
    }

    /// The member whose client URL the member with this ID advertises, according to any member's list.
    fn advertised(&self, id: EtcdId) -> Option<usize> {
        let lists = self.members.iter().filter_map(|one| one.members.seen());
        let mut entries = lists.flatten().filter(|listed| listed.id == id);
        entries.find_map(|listed| {
            let mut members = self.members.iter();
            members.position(|member| listed.client_urls.contains(&member.endpoint))
        })
    }
}

impl MemberObservation {
    fn is_answered_by(&mut self, by: EtcdId, elsewhere: &str) {
        self.status = Look::Failed(repeats(elsewhere));
        self.repeated = Some(Repeated {
            by,
            elsewhere: elsewhere.to_owned(),
        });
        self.took = None;
        self.nothing_was_asked("does not answer");
    }
}

impl Snapshot {
    /// The same snapshot with each member counted once.
    #[must_use]
    pub fn each_member_once(mut self) -> Self {
        let statuses: Vec<Option<&Status>> =
            self.members.iter().map(|one| one.status.seen()).collect();
        let at_home = |id| self.members.iter().position(|one| one.predicted_id == id);
        let homes = repeated(&statuses, at_home);
        for (index, home) in homes.into_iter().enumerate() {
            if let Some(home) = home {
                let elsewhere = self.members[home].endpoint.clone();
                self.members[index].status = Look::Failed(repeats(&elsewhere));
            }
        }
        self
    }
}

fn repeats(elsewhere: &str) -> String {
    format!("the member at {elsewhere} answers there")
}

/// For each answer, the answer that it only repeats. Of several answers from one member, the one at its own
/// address counts, or else the first.
fn repeated(
    statuses: &[Option<&Status>],
    at_home: impl Fn(EtcdId) -> Option<usize>,
) -> Vec<Option<usize>> {
    let identity = |status: &Status| (status.cluster_id, status.member_id);
    let homes = statuses.iter().enumerate().map(|(index, status)| {
        let own = identity((*status)?);
        let is_same = |other: &usize| {
            let other = statuses.get(*other).copied().flatten();
            other.is_some_and(|other| identity(other) == own)
        };
        let first = || (0..statuses.len()).find(is_same);
        let home = at_home(own.1).filter(is_same).or_else(first)?;
        (home != index).then_some(home)
    });
    homes.collect()
}
