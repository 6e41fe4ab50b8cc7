//! The leader runs on and reaches nobody. The others elect another, and it must notice by itself that
//! it leads no more.

use super::{Cost, Fault, Injected, Injector, MACHINES, cannot_lose_one, leave_behind};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "leader-cut-off",
    title: "the leader loses sight of all others, and they write on without it",
    drivers: MACHINES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let leader = injector.leader()?;
    let expected = leave_behind(injector, leader)?;
    Ok(Injected::new(
        format!("{}, the leader, was cut off from the others", leader.name),
        expected,
    ))
}
