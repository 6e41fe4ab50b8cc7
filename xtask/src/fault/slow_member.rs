//! A member gets so little of its processor that it cannot keep up.

use super::{Cost, Fault, Injected, Injector, PROCESSES, about, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "slow-member",
    title: "a member that does not lead gets a tenth of its time",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.throttle(&member.name)?;
    Ok(Injected {
        // It may be too slow even for a write.
        also: vec![about("write", &member.name)],
        ..Injected::new(
            format!("{} was halted nine tenths of the time", member.name),
            vec![about("pace", &member.name)],
        )
    })
}
