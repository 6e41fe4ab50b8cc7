//! A member runs another version than the others, as in the middle of an upgrade.

use super::{Cost, Fault, Injected, Injector, PROCESSES, Resources, about};
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "another-version",
    title: "a member runs another version of etcd",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle,
    inject,
};

fn obstacle(plan: &Plan, resources: &Resources) -> Option<String> {
    let runs = plan.version();
    match &resources.other_etcd {
        None => Some("needs another version of etcd: pass its folder to `--other-etcd`".to_owned()),
        // etcd refuses any other difference of versions within a cluster.
        Some(other) if !is_next(runs.minor_release(), other.version.minor_release()) => {
            Some(format!(
                "needs an etcd one minor release above {runs}; `--other-etcd` is {}",
                other.version
            ))
        }
        Some(_) => None,
    }
}

fn is_next((major, minor): (u16, u16), other: (u16, u16)) -> bool {
    other == (major, minor + 1)
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let plan = injector.plan();
    let Some(tools) = &injector.resources().other_etcd else {
        return injector.lacks("another version of etcd");
    };
    injector.stop(&member.name)?;
    let by_other = plan.run_by(tools.version);
    injector.start_by(&by_other, tools, &member.name, InitialState::Existing)?;
    Ok(Injected::new(
        format!("{} was started with etcd {}", member.name, tools.version),
        vec![about("version", &member.name)],
    ))
}
