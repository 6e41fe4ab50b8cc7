//! Replaces a member: it leaves the cluster, and joins it again with a new ID and without data.

use crate::observation::ListedMember;
use crate::plan::Member;
use crate::plan::identity::EtcdId;

/// What is known of a member that is being replaced.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The member.
    pub member: &'a Member,
    /// The ID that it had before.
    pub old: EtcdId,
    /// The cluster's own list of members.
    pub listed: &'a [ListedMember],
    /// The other voters that do not answer. etcd adds no member while there are any.
    pub dead: &'a [EtcdId],
    /// Whether its process runs.
    pub is_running: bool,
    /// Whether a backup was taken.
    pub is_backed_up: bool,
    /// Whether its old data is out of the way.
    pub is_set_aside: bool,
}

/// One step of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Take a backup of the cluster.
    BackUp,
    /// Stop the member.
    Stop,
    /// Remove this member from the cluster's list: it, or another dead one.
    Remove(EtcdId),
    /// Move the member's data aside.
    SetAside,
    /// Add it to the list.
    Add,
    /// Start it, to join under this ID.
    Start(EtcdId),
    /// Give it its vote, once it has the others' data.
    Promote(EtcdId),
    /// It is replaced.
    Done,
}

impl Replacement<'_> {
    /// The next step.
    pub fn next(&self) -> Step {
        let url = self.member.peer_url();
        let is_it = |entry: &&ListedMember| entry.id == self.old || entry.peer_urls.contains(&url);
        // The old entry first: its peer URL may be wrong.
        let mut entries: Vec<&ListedMember> = self.listed.iter().filter(is_it).collect();
        entries.sort_by_key(|entry| entry.id != self.old);
        match entries.first() {
            Some(entry) if entry.id == self.old => self.next_of_old(),
            None if self.is_running => Step::Stop,
            None if !self.is_set_aside => Step::SetAside,
            None => self
                .dead
                .first()
                .map_or(Step::Add, |dead| Step::Remove(*dead)),
            // Somebody may have added it before its data was out of the way.
            Some(_) if !self.is_set_aside && self.is_running => Step::Stop,
            Some(_) if !self.is_set_aside => Step::SetAside,
            Some(entry) if !self.is_running => Step::Start(entry.id),
            Some(entry) if entry.is_learner => Step::Promote(entry.id),
            Some(_) => Step::Done,
        }
    }

    const fn next_of_old(&self) -> Step {
        if !self.is_backed_up {
            Step::BackUp
        } else if self.is_running {
            Step::Stop
        } else {
            Step::Remove(self.old)
        }
    }
}
