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
        if !self.is_backed_up {
            return Step::BackUp;
        }
        let url = self.member.peer_url();
        let mut listed = self.listed.iter();
        if listed.any(|entry| entry.id == self.old) {
            return if self.is_running {
                Step::Stop
            } else {
                Step::Remove(self.old)
            };
        }
        let mut listed = self.listed.iter();
        let new = listed.find(|entry| entry.peer_urls.contains(&url));
        match new {
            // Also if somebody has added it before its data was out of the way.
            _ if !self.is_set_aside && self.is_running => Step::Stop,
            _ if !self.is_set_aside => Step::SetAside,
            None => self
                .dead
                .first()
                .map_or(Step::Add, |dead| Step::Remove(*dead)),
            Some(new) if !self.is_running => Step::Start(new.id),
            Some(new) if new.is_learner => Step::Promote(new.id),
            Some(_) => Step::Done,
        }
    }
}
