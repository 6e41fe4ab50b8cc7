//! Somebody adds a member by hand that the definition does not have.

use super::{Cost, Fault, Injector, Injury, PROCESSES, at_all, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "extra-member",
    title: "a member joins that the definition does not have",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injury> {
    let extra = injector.join_extra(&[])?;
    Ok(Injury {
        done: format!("{} joined, which is not defined", extra.name),
        expected: vec![at_all("members")],
    })
}
