//! The databases grow until they are near their quota.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, Resources, about};
use crate::plan::Plan;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "database-near-quota",
    title: "the databases grow close to their quota",
    drivers: EVERYWHERE,
    cost: Cost::History,
    obstacle,
    inject,
};

/// The largest quota in bytes that is filled for a drill.
const MOST: u64 = 256 << 20;

/// The step in which a large database grows, in bytes (`AllocSize` of bbolt, etcd's storage).
const STEP: u64 = 16 << 20;

fn obstacle(plan: &Plan, _: &Resources) -> Option<String> {
    let quota = plan.etcd.quota.unwrap_or(u64::MAX);
    size_near(quota).is_none().then(|| {
        format!(
            "needs an `etcd.quota` just above a multiple of {} MiB, such as 38 MiB",
            STEP >> 20
        )
    })
}

/// A database size that is near this quota and below it.
fn size_near(quota: u64) -> Option<u64> {
    if quota > MOST {
        return None;
    }
    let size = quota / STEP * STEP;
    let is_near = size * 100 >= quota * 80 && size < quota;
    is_near.then_some(size)
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let quota = injector.plan().etcd.quota.unwrap_or(u64::MAX);
    let Some(size) = size_near(quota) else {
        return injector.lacks("a small quota");
    };
    injector.fill(size)?;
    let members = injector.plan().members.iter();
    Ok(Injected::new(
        format!(
            "the databases were filled to {} % of their quota",
            size * 100 / quota
        ),
        members
            .map(|member| about("database", &member.name))
            .collect(),
    ))
}
