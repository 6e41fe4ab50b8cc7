//! The leader loses power, and the others elect a new one.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, cannot_lose_one, missing};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "leader-killed",
    title: "the leader is killed",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let leader = injector.leader()?;
    injector.kill(&leader.name)?;
    Ok(Injected::new(
        format!("{}, the leader, was killed", leader.name),
        missing(injector.plan(), &[leader]),
    ))
}
