//! A member gets too little processor time to keep up.

use super::{Cost, Fault, Injected, Injector, PROCESSES, about, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "slow-member",
    title: "a follower runs only a tenth of the time",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.throttle(&member.name)?;
    Ok(Injected {
        // It may even be too slow for a write.
        also: vec![about("write", &member.name)],
        ..Injected::new(
            format!("{} was halted nine tenths of the time", member.name),
            vec![about("pace", &member.name)],
        )
    })
}
