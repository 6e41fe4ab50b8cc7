//! What runs a cluster's members.

use crate::etcd::tools::Tools;
use crate::plan::Plan;

/// A cluster that `up` has started and `destroy` has not yet removed.
#[derive(Debug, Clone)]
pub struct Running {
    /// The plan with the addresses and the version that it really has.
    pub plan: Plan,
    /// The etcdctl that fits it, and the etcd that runs it.
    pub tools: Tools,
}
