//! The databases grow until there is little room left below their quota.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, Resources, about};
use crate::report::Outcome;
use crate::session::Session;

pub(super) static FAULT: Fault = Fault {
    name: "database-near-quota",
    title: "the databases grow until they are near their quota",
    drivers: EVERYWHERE,
    cost: Cost::History,
    obstacle,
    inject,
};

/// The largest quota in bytes that is filled for a drill.
const MOST: u64 = 256 << 20;

/// The bytes by which a database grows at once, from this size on (`AllocSize` of bbolt, etcd's storage).
const STEP: u64 = 16 << 20;

fn obstacle(session: &Session, _: &Resources) -> Option<String> {
    let quota = session.plan.etcd.quota.unwrap_or(u64::MAX);
    size_near(quota).is_none().then(|| {
        format!(
            "takes an `etcd.quota` that is filled in a moment and has room above a whole {} MiB, such as 38 MiB",
            STEP >> 20
        )
    })
}

/// A size at which a database is near this quota, and below it.
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
        return injector.lacks("a quota that is filled in a moment");
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
