//! A learner is added and never promoted.

use super::{Cost, Fault, Injected, Injector, PROCESSES, Resources, at_all};
use crate::plan::Plan;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "learner-left",
    title: "a learner joins and is never promoted",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle,
    inject,
};

fn obstacle(plan: &Plan, _: &Resources) -> Option<String> {
    let version = plan.version();
    (version.minor_release() < (3, 4))
        .then(|| format!("needs etcd 3.4 or later for learners, and this is {version}"))
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let extra = injector.join_extra(&["--learner"])?;
    Ok(Injected::new(
        format!("{} joined as a learner and was not promoted", extra.name),
        vec![at_all("members")],
    ))
}
