//! A member hangs: it keeps its connections but does not answer, as on a swapping host.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, cannot_lose_one, missing};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "member-paused",
    title: "a follower is halted and resumed later",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.pause(&member.name)?;
    Ok(Injected::new(
        format!("{} was halted", member.name),
        missing(injector.plan(), &[member]),
    ))
}
