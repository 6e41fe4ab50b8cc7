//! A member is cut off while the others keep writing, and has much to catch up on.

use super::{Cost, Fault, Injected, Injector, MACHINES, cannot_lose_one, leave_behind};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "member-left-behind",
    title: "a follower is cut off while others write",
    drivers: MACHINES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let expected = leave_behind(injector, member)?;
    Ok(Injected::new(
        format!(
            "{} was cut off from the others, which kept writing",
            member.name
        ),
        expected,
    ))
}
