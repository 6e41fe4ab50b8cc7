//! A cluster in the list of all clusters.

use super::Snapshot;
use crate::report::Outcome;
use crate::values::ClusterName;

/// A cluster that is defined, or was started.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: ClusterName,
    /// Whether its definition exists.
    pub is_defined: bool,
    /// Whether its definition exists and has errors.
    pub has_errors: bool,
    /// What was seen of it; none if it has not been started.
    pub seen: Option<Outcome<Snapshot>>,
}
