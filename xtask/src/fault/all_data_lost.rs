//! All members lose their data for good. The cluster is restored from a backup.

use super::{
    Cost, Fault, Injected, Injector, PROCESSES, RestoredFrom, about, at_all, cannot_restore,
};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "all-data-lost",
    title: "all data lost, restored from a backup",
    drivers: PROCESSES,
    cost: Cost::LatestWrites(RestoredFrom::Backup),
    obstacle: cannot_restore,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let members = injector.plan().names();
    injector.lose(&members)?;
    let reachable = members.iter().map(|member| about("reachable", member));
    let expected = reachable.chain([at_all("quorum")]);
    Ok(Injected::new(
        "all members were killed and lost their data",
        expected.collect(),
    ))
}
