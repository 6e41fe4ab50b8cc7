//! All members lose their data and form an empty cluster with the old identity (etcd issue 9630).

use super::{Cost, Fault, Injected, Injector, PROCESSES, at_all, no_obstacle};
use crate::plan::flags::InitialState;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "cluster-reformed",
    title: "all members lose their data and re-form",
    drivers: PROCESSES,
    cost: Cost::WritesMeanwhile,
    obstacle: no_obstacle,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let plan = injector.plan();
    injector.replace_all(plan, InitialState::New)?;
    Ok(Injected::new(
        "all members lost their data and formed the cluster again".to_owned(),
        vec![at_all("history")],
    ))
}
