//! What is left to do once all members are as defined.

use crate::facts::upgrades::Minor;
use crate::observation::VersionChange;
use crate::values::EtcdVersion;

/// Something that is done after the last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalTask {
    /// What is done.
    pub what: String,
    /// The reason.
    pub why: String,
}

/// What is left of changes of the version. `runs`: the version that all members run, as defined. `downgrade`: the minor
/// release to which etcd's own downgrade is enabled. `change`: what is recorded.
pub fn final_tasks(
    runs: EtcdVersion,
    downgrade: Option<Minor>,
    change: Option<VersionChange>,
) -> Vec<FinalTask> {
    let downgrade = downgrade.filter(|target| *target < runs.minor_release());
    let cancel = downgrade.map(|(major, minor)| FinalTask {
        what: format!("cancel etcd's downgrade to {major}.{minor}"),
        why: format!("it is enabled, and the members are to stay with etcd {runs}"),
    });
    let complete = change.map(|change| match change {
        VersionChange::Begun => FinalTask {
            what: format!("complete the change to etcd {runs}, and take a backup"),
            why: "all members run it, but the task that changed them was interrupted".to_owned(),
        },
        VersionChange::SetBack(to) => FinalTask {
            what: format!("record that the cluster stays with etcd {runs}"),
            why: format!("the change to {to} was set back before it was complete"),
        },
    });
    cancel.into_iter().chain(complete).collect()
}
