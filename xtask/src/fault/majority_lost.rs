//! So many members lose their data for good that the rest is no quorum. The cluster is restored from a
//! backup, or from a member that survived.

use super::{
    Cost, Fault, Injected, Injector, PROCESSES, Resources, RestoredFrom, about, at_all,
    cannot_lose_one, cannot_restore,
};
use crate::plan::Plan;
use crate::report::Outcome;
use crate::values::HostName;
use crate::wording::list;

pub(super) static FOR_GOOD: Fault = Fault {
    name: "majority-lost-for-good",
    title: "majority lost, restored from a backup",
    drivers: PROCESSES,
    cost: Cost::LatestWrites(RestoredFrom::Backup),
    obstacle,
    inject: |injector| inject(injector).map(|(injected, _)| injected),
};

pub(super) static SURVIVOR: Fault = Fault {
    name: "majority-lost-survivor",
    title: "majority lost, restored from a survivor",
    drivers: PROCESSES,
    cost: Cost::LatestWrites(RestoredFrom::Survivor),
    obstacle,
    inject: |injector| {
        let (injected, survivor) = inject(injector)?;
        Ok(Injected {
            survivor,
            ..injected
        })
    },
};

fn obstacle(plan: &Plan, resources: &Resources) -> Option<String> {
    cannot_restore(plan, resources).or_else(|| cannot_lose_one(plan, resources))
}

/// Also returns the last member that survives. The leader, which has received everything, does not.
fn inject(injector: &mut Injector<'_>) -> Outcome<(Injected, Option<HostName>)> {
    let plan = injector.plan();
    let too_many = plan.members.len() - plan.quorum() + 1;
    let (leader, mut lost) = (injector.leader()?, injector.followers());
    let survivors = lost.split_off(too_many - 1);
    lost.push(leader);
    let mut lost: Vec<HostName> = lost.iter().map(|member| member.name.clone()).collect();
    lost.sort();
    injector.lose(&lost)?;

    let mut expected: Vec<_> = lost
        .iter()
        .map(|member| about("reachable", member))
        .collect();
    expected.extend([at_all("leader"), at_all("quorum")]);
    let done = format!("{} were killed and lost their data", list(&lost));
    let survivor = survivors.last().map(|member| member.name.clone());
    Ok((Injected::new(done, expected), survivor))
}
