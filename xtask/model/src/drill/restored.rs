//! A restoration within a drill: the cluster continues from a snapshot, so later writes are lost, as announced.
//!
//! The revision in each answer tells which operations the snapshot holds. A write at its revision or before
//! must still be there. One after it must be gone: if it were there, the cluster would not be the restored one.
//!
//! **Registers.** The history before the loss must be linearizable, and so must the history of the restored
//! cluster: what the snapshot holds, and everything after the restoration. The operations that the snapshot does
//! not hold are left out of the second one. They are the end of the first one's order, because revisions
//! increase along it, so the rest of an order that was valid stays valid.

use std::time::Duration;

use super::history::{Action, Answer, History, Operation};
use crate::values::HostName;

/// What a drill restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The member that survived and was copied; none if a backup was restored.
    pub survivor: Option<HostName>,
    /// The revision of the snapshot.
    pub snapshot: u64,
    /// The revision at which the restored cluster began, which may have been raised.
    pub revision: u64,
    /// When the data had been replaced and no member had been started yet. No request was under way.
    pub at: Duration,
}

impl Restored {
    /// Whether the cluster before the loss was asked.
    fn is_before(&self, operation: &Operation) -> bool {
        operation.begun < self.at
    }

    /// Whether an answered operation took effect in the cluster before the loss, after the snapshot.
    pub fn lacks(&self, operation: &Operation) -> bool {
        let is_later = |revision| revision > self.snapshot;
        self.is_before(operation) && operation.revision.is_some_and(is_later)
    }

    /// What happened before the loss. Its final values are not known.
    pub(super) fn before(&self, history: &History) -> History {
        let operations = history.operations.iter();
        History {
            operations: operations
                .filter(|one| self.is_before(one))
                .cloned()
                .collect(),
            left: None,
        }
    }

    /// What happened in the order that the restored cluster continues.
    pub(super) fn kept(&self, history: &History) -> History {
        // Nobody knows whether the snapshot holds what a read without a revision has seen.
        let is_unclear = |one: &Operation| {
            let is_read = one.action == Action::Read && matches!(one.answer, Answer::Value(_));
            self.is_before(one) && is_read && one.revision.is_none()
        };
        let operations = history.operations.iter();
        History {
            operations: operations
                .filter(|one| !self.lacks(one) && !is_unclear(one))
                .cloned()
                .collect(),
            left: history.left.clone(),
        }
    }
}
