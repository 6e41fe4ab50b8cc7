//! A member loses power.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, cannot_lose_one, missing};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "member-killed",
    title: "a follower is killed",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.kill(&member.name)?;
    Ok(Injected::new(
        format!("{} was killed", member.name),
        missing(injector.plan(), &[member]),
    ))
}
