//! The way back for a cluster whose majority has lost its data, as far as this host shows.

use super::backup;
use crate::driver::Driver;
use crate::etcd::observe;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::observation::{Condition, Look, Status};
use crate::plan::Member;
use crate::plan::identity::cluster_id;
use crate::values::{EtcdVersion, HostName};
use crate::way_back::{Remains, WayBack};
use crate::workspace::Home;

/// What to do if `up` cannot start a majority. `tools`: to ask members that run.
pub(super) fn now(
    home: &Home,
    driver: &dyn Driver,
    members: &[Member],
    tools: &Tools,
    had_data: &[HostName],
) -> Option<Hint> {
    let names: Vec<HostName> = members.iter().map(|member| member.name.clone()).collect();
    let conditions = driver.conditions(home, &names).ok()?;
    let statuses = if conditions.iter().any(Condition::is_running) {
        observe::statuses(members, tools, observe::PATIENCE)
    } else {
        Vec::new()
    };
    let cluster = cluster_id(members.iter().map(|member| member.id));
    let each = names.iter().enumerate().map(|(index, name)| {
        let status = statuses.get(index).and_then(Look::seen);
        let status = status.filter(|status| status.cluster_id == cluster);
        (name, conditions.get(index), status)
    });
    let remains = each.map(|(name, condition, status)| {
        let remains = remains(home, driver, name, condition, status, had_data);
        (name.clone(), remains)
    });
    hint(home, driver, tools.version, &remains.collect::<Vec<_>>())
}

/// What is left of a member.
pub(super) fn remains(
    home: &Home,
    driver: &dyn Driver,
    member: &HostName,
    condition: Option<&Condition>,
    status: Option<&Status>,
    had_data: &[HostName],
) -> Remains {
    let is_stopped = condition == Some(&Condition::Stopped);
    let ended = is_stopped.then(|| driver.ended(home, member)).flatten();
    Remains::of(condition, status, ended, had_data.contains(member))
}

/// What to do about a cluster of which this is left.
pub(super) fn hint(
    home: &Home,
    driver: &dyn Driver,
    version: EtcdVersion,
    members: &[(HostName, Remains)],
) -> Option<Hint> {
    if version.is_v2() {
        return None;
    }
    let way_back = WayBack::find(members, driver.machines().is_some())?;
    let backup = way_back
        .needs_backup()
        .then(|| backup::restorable(home, version, None))
        .flatten();
    way_back.hint(&home.name, backup.as_ref())
}
