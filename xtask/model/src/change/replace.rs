//! Replaces a member: it leaves the cluster, and joins it again with a new ID and without data.

use crate::facts::upgrades;
use crate::observation::ListedMember;
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::values::EtcdVersion;

/// What is known of a member that is being replaced.
#[derive(Debug, Clone, Copy)]
pub struct Replacement<'a> {
    /// The member.
    pub member: &'a Member,
    /// The ID that it had before.
    pub old: EtcdId,
    /// The ID under which it was started since, if it was.
    pub joined: Option<EtcdId>,
    /// The cluster's own list of members.
    pub listed: &'a [ListedMember],
    /// Other voters that cannot be started. etcd adds no member while there are any.
    pub lost: &'a [EtcdId],
    /// Whether its process runs.
    pub is_running: bool,
    /// Whether it has data.
    pub has_data: bool,
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
    /// Remove this member from the cluster's list: it, or another one that cannot be started.
    Remove(EtcdId),
    /// Move the member's data aside.
    SetAside,
    /// Add it to the list.
    Add,
    /// Start it, to join under this ID.
    Start(EtcdId),
    /// Give it its vote, once it has the others' data.
    Promote(EtcdId),
    /// Forget that it has joined: the cluster no longer lists it under that ID.
    StartOver,
    /// It is replaced.
    Done,
}

impl Replacement<'_> {
    /// The next step.
    pub fn next(&self) -> Step {
        if !self.is_backed_up {
            return Step::BackUp;
        }
        let mut listed = self.listed.iter();
        if listed.any(|entry| entry.id == self.old) {
            return if self.is_running {
                Step::Stop
            } else {
                Step::Remove(self.old)
            };
        }
        let url = self.member.peer_url();
        let mut listed = self.listed.iter();
        let new = listed.find(|entry| entry.peer_urls.contains(&url));
        match (new, self.joined) {
            (_, Some(joined)) if new.map(|new| new.id) != Some(joined) => Step::StartOver,
            // It may have acknowledged what it received, so it must not come back empty under this ID.
            (Some(new), Some(_)) if !self.is_running && !self.has_data => Step::Remove(new.id),
            // Also if somebody has added it before its data was out of the way.
            _ if !self.is_set_aside && self.is_running => Step::Stop,
            _ if !self.is_set_aside => Step::SetAside,
            // Data that is no part of this replacement, such as that of a machine which was off before.
            (_, None) if self.has_data && !self.is_running => Step::SetAside,
            (None, _) => self
                .lost
                .first()
                .map_or(Step::Add, |lost| Step::Remove(*lost)),
            (Some(new), _) if !self.is_running => Step::Start(new.id),
            (Some(new), _) if new.is_learner => Step::Promote(new.id),
            (Some(_), _) => Step::Done,
        }
    }
}

/// The version with which a member joins: the lowest of the others', which the cluster speaks, if it is one of these that
/// were defined earlier. Other differences from the wanted version are no change of the definition.
pub fn version_to_join(
    wanted: EtcdVersion,
    defined_earlier: &[EtcdVersion],
    others: &[EtcdVersion],
) -> EtcdVersion {
    let lowest = others.iter().min().copied();
    let lowest = lowest.filter(|lowest| defined_earlier.contains(lowest));
    lowest.unwrap_or(wanted)
}

/// Whether a new member can join with the version of a change that is under way, before the others have it. From the next
/// minor release on, it may get entries of the log that it cannot read, until the others have saved snapshots.
pub fn can_join_early(wanted: EtcdVersion, others: &[EtcdVersion]) -> bool {
    let Some(lowest) = others.iter().min() else {
        return false;
    };
    let is_next = (wanted.major, wanted.minor) == (lowest.major, lowest.minor + 1);
    let is_prepared = || {
        let mut others = others.iter();
        others.any(|one| one.minor_release() == wanted.minor_release())
    };
    wanted.minor_release() == lowest.minor_release()
        || (is_next && (upgrades::old_entries(wanted.minor_release()).is_none() || is_prepared()))
}
