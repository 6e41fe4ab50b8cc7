//! Decides what etcd's own downgrade (since 3.6) needs before a member gets another version.

use crate::facts::upgrades::Minor;
use crate::values::HostName;
use crate::wording::list;

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberState {
    /// Its name.
    pub name: HostName,
    /// The minor release that it runs.
    pub runs: Minor,
    /// The minor release whose format its data has, if it says so (since 3.6).
    pub storage: Option<Minor>,
    /// The minor release to which a downgrade is enabled, if it says so (since 3.6).
    pub downgrade: Option<Minor>,
    /// Whether it would say so: before 3.6, or without the gRPC gateway and with an older etcdctl, it does not.
    pub shows_downgrade: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparation {
    /// Nothing: the next member may get the version.
    Ready,
    /// Enable the downgrade to the minor release of the version.
    Enable,
    /// Cancel the downgrade to this minor release, which is earlier than that of the version.
    Cancel(Minor),
    /// Wait until this is so.
    Wait(String),
}

/// What a cluster needs before a member gets a version of this minor release. `cluster`: the minor release that it
/// speaks; none if unknown. `members`: those that answer.
///
/// Source: etcd's downgrade guides, <https://etcd.io/docs/v3.6/downgrades/downgrade_3_6/>.
pub fn preparation(wanted: Minor, cluster: Option<Minor>, members: &[MemberState]) -> Preparation {
    let enabled = members.iter().filter_map(|one| one.downgrade).min();
    let later: Vec<&MemberState> = members.iter().filter(|one| one.runs > wanted).collect();
    match enabled {
        // Until it is cancelled, the cluster speaks no later release, whatever its members run.
        Some(target) if target < wanted => return Preparation::Cancel(target),
        Some(_) if later.is_empty() => {
            return Preparation::Wait("etcd notices that its downgrade is complete".to_owned());
        }
        None if !later.is_empty() && later.len() == members.len() => return Preparation::Enable,
        _ => {}
    }
    // On the way up, it follows the members.
    let speaks = members.iter().map(|one| one.runs).min();
    let Some(speaks) = speaks.map(|lowest| lowest.min(wanted)) else {
        return Preparation::Ready;
    };
    let release = format!("{}.{}", speaks.0, speaks.1);
    if cluster != Some(speaks) {
        return Preparation::Wait(format!("the members agree that the cluster is {release}"));
    }
    let newer = later
        .iter()
        .filter(|one| one.storage.is_some_and(|has| has > wanted));
    let newer: Vec<&HostName> = newer.map(|one| &one.name).collect();
    if newer.is_empty() {
        return Preparation::Ready;
    }
    Preparation::Wait(format!(
        "the data of {} has the format of {release}",
        list(newer)
    ))
}
