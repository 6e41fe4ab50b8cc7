//! A member gets so little of its processor that it cannot keep up.

use super::{Cost, Fault, Injector, Injury, PROCESSES, about, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "slow-member",
    title: "a member that does not lead gets a tenth of its time",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injury> {
    let member = injector.follower()?;
    injector.throttle(&member.name)?;
    Ok(Injury {
        // It may be too slow even for a write.
        also: vec![about("write", &member.name)],
        ..Injury::new(
            format!("{} was halted nine tenths of the time", member.name),
            vec![about("pace", &member.name)],
        )
    })
}
