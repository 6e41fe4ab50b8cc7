//! Somebody adds a learner and forgets to promote it.

use super::{Cluster, Cost, Fault, Injector, Injury, Means, PROCESSES, at_all};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "learner-left",
    title: "a learner joins and is never promoted",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle,
    inject,
};

fn obstacle(cluster: &Cluster<'_>, _: &Means) -> Option<String> {
    let version = cluster.running.plan.version();
    (version.minor_release() < (3, 4))
        .then(|| format!("etcd has learners from 3.4, and this is {version}"))
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injury> {
    let extra = injector.join_extra(&["--learner"])?;
    Ok(Injury::new(
        format!("{} joined as a learner and was not promoted", extra.name),
        vec![at_all("members")],
    ))
}
