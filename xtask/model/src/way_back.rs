//! The way back for a cluster whose majority has lost its data: a restoration from a member that still has
//! data, or from a backup.

use crate::advice::Unusable;
use crate::backup::Restorable;
use crate::hint::Hint;
use crate::observation::log::Cause;
use crate::observation::{Condition, Status};
use crate::values::{ClusterName, HostName};
use crate::wording::list;

/// What is left of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// It cannot be started with its data, or has none any more.
    Unusable(Unusable),
    /// It never had data, so `up` creates it.
    New,
    /// It runs, or may run, but does not answer.
    Silent,
    /// It has data and does not run.
    Stopped,
    /// It answers.
    Serves {
        /// The revision of its keys.
        revision: Option<u64>,
        /// The last entry of its log that it has applied.
        applied: Option<u64>,
    },
}

impl Remains {
    /// What is left of a member in this condition. `status`: its answer as a member of this cluster.
    pub fn of(
        condition: Option<&Condition>,
        status: Option<&Status>,
        ended: Option<Cause>,
        had_data: bool,
    ) -> Self {
        match (status, condition) {
            (Some(status), _) => Self::Serves {
                revision: status.revision,
                applied: status.raft_applied_index.or(status.raft_index),
            },
            (None, Some(Condition::Stopped)) => {
                let why = ended.and_then(Unusable::because_of);
                why.map_or(Self::Stopped, Self::Unusable)
            }
            (None, Some(Condition::Absent)) if had_data => Self::Unusable(Unusable::Lost),
            (None, Some(Condition::Absent)) => Self::New,
            (None, _) => Self::Silent,
        }
    }

    /// How good a source of a restoration it is; none if it has no usable data.
    fn rank(&self) -> Option<(u8, Option<u64>, Option<u64>)> {
        match *self {
            Self::Unusable(_) | Self::New => None,
            Self::Silent => Some((0, None, None)),
            Self::Stopped => Some((1, None, None)),
            Self::Serves { revision, applied } => Some((2, revision, applied)),
        }
    }
}

/// A cluster whose majority has lost its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// The members that cannot be started, and why.
    unusable: Vec<(HostName, Unusable)>,
    /// The member to restore from, and whether it must be stopped before; none if no member has usable data.
    survivor: Option<(HostName, bool)>,
}

impl WayBack {
    /// Finds the way back; `None` if `up` can start a majority. The caller knows that there is no quorum.
    pub fn find(members: &[(HostName, Remains)], on_machines: bool) -> Option<Self> {
        let unusable = members.iter().filter_map(|(name, remains)| match remains {
            Remains::Unusable(why) => Some((name.clone(), *why)),
            _ => None,
        });
        let unusable: Vec<(HostName, Unusable)> = unusable.collect();
        let removed = unusable.iter().filter(|(_, why)| is_removed(*why)).count();
        let usable = members.len() - unusable.len();
        let voters = members.len() - removed;
        if usable * 2 > voters {
            return None;
        }
        // Of equal members, the first.
        let best = members.iter().rev().max_by_key(|(_, one)| one.rank());
        let survivor = best.filter(|(_, remains)| remains.rank().is_some());
        Some(Self {
            unusable,
            survivor: survivor.map(|(name, remains)| {
                // A machine may run without its etcd.
                let must_stop = *remains == Remains::Silent && !on_machines;
                (name.clone(), must_stop)
            }),
        })
    }

    /// Whether nothing but a backup is left.
    pub const fn needs_backup(&self) -> bool {
        self.survivor.is_none()
    }

    /// What to do. None if neither a member nor a backup is left.
    pub fn hint(&self, cluster: &ClusterName, backup: Option<&Restorable>) -> Option<Hint> {
        let restore = format!("cargo xtask restore {cluster}");
        let why = self.in_words();
        let from = |survivor| format!("{restore} --from-member {survivor}");
        Some(match (&self.survivor, backup) {
            (Some((survivor, false)), _) => Hint::heals(
                format!("{why}; rebuild the cluster from the data of {survivor}"),
                [from(survivor)],
            ),
            (Some((survivor, true)), _) => Hint::heals(
                format!("{why}; stop {survivor}, then rebuild the cluster from its data"),
                [format!("cargo xtask down {cluster}"), from(survivor)],
            ),
            (None, Some(backup)) => Hint::heals(
                format!("{why}; restore the newest backup"),
                [format!("{restore} --from {}", backup.file)],
            ),
            (None, None) => return None,
        })
    }

    fn in_words(&self) -> String {
        let all = |is: fn(Unusable) -> bool| self.unusable.iter().all(|(_, why)| is(*why));
        let state = if all(|why| why == Unusable::Lost) {
            "is lost"
        } else if all(|why| why != Unusable::Lost && !is_removed(why)) {
            "is damaged"
        } else if all(|why| !is_removed(why)) {
            "is lost or damaged"
        } else {
            "cannot be used"
        };
        let members = list(self.unusable.iter().map(|(name, _)| name));
        format!("the data of {members} {state}")
    }
}

fn is_removed(why: Unusable) -> bool {
    why == Unusable::Ends(Cause::Removed)
}
