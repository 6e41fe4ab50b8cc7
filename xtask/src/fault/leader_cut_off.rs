//! The leader keeps running but reaches no other member. The others elect a new leader, and the old
//! one must notice by itself that it lost its leadership.

use super::{Cost, Fault, Injected, Injector, MACHINES, cannot_lose_one, leave_behind};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "leader-cut-off",
    title: "the leader is cut off from the others",
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
