//! The databases grow until there is little room left below their quota.

use super::{Cluster, Cost, EVERYWHERE, Fault, Injector, Injury, Means, about};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "database-near-quota",
    title: "the databases grow to nine tenths of their quota",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: obstacle,
    inject,
};

/// The largest quota in bytes that is filled for a drill.
const MOST: u64 = 256 << 20;

fn obstacle(cluster: &Cluster<'_>, _: &Means) -> Option<String> {
    let quota = cluster.running.plan.etcd.quota;
    quota.is_none_or(|quota| quota > MOST).then(|| {
        format!(
            "takes an `etcd.quota` of at most {} MiB, to be filled in a moment",
            MOST >> 20
        )
    })
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injury> {
    let quota = injector.plan().etcd.quota.unwrap_or(MOST);
    injector.fill(quota / 100 * 85)?;
    let members = injector.plan().members.iter();
    Ok(Injury {
        done: "the databases were filled to nine tenths of their quota".to_owned(),
        expected: members
            .map(|member| about("database", &member.name))
            .collect(),
    })
}
