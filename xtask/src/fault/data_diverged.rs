//! The members are restored from two different snapshots, so they answer differently.

use super::{
    Cost, Fault, Injected, Injector, PROCESSES, Resources, about, cannot_lose_one, cannot_restore,
};
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "data-diverged",
    title: "a member is restored from older data",
    drivers: PROCESSES,
    cost: Cost::WritesMeanwhile,
    obstacle,
    inject,
};

fn obstacle(plan: &Plan, resources: &Resources) -> Option<String> {
    cannot_restore(plan, resources).or_else(|| cannot_lose_one(plan, resources))
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let (plan, odd) = (injector.plan(), injector.follower()?);
    let leader = injector.leader()?;
    let older = injector.save_snapshot(leader, "drill-older.snapshot")?;
    let key = "/xtask-drill-after-the-older-snapshot";
    injector.put(leader, key, "only the others have this")?;
    let newer = injector.save_snapshot(leader, "drill-newer.snapshot")?;
    for member in &plan.members {
        injector.stop(&member.name)?;
        injector.set_data_aside(&member.name)?;
    }
    for member in &plan.members {
        let snapshot = if member.name == odd.name {
            &older
        } else {
            &newer
        };
        injector.restore(member, snapshot)?;
    }
    for member in &plan.members {
        injector.start_by(plan, injector.tools(), &member.name, InitialState::Existing)?;
    }
    Ok(Injected::new(
        format!(
            "{} was restored from an older snapshot than the others",
            odd.name
        ),
        vec![about("hash", &odd.name)],
    ))
}
