//! A member is added by hand that is not in the definition.

use super::{Cost, Fault, Injected, Injector, PROCESSES, at_all, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "extra-member",
    title: "a member joins that is not defined",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let extra = injector.join_extra(&[])?;
    // The members of the definition do not report whether the new one runs.
    let defined = injector.plan().members.len();
    let listed = defined + 1;
    let needed = listed / 2 + 1;
    let quorum = (defined == needed).then(|| at_all("quorum"));
    Ok(Injected::new(
        format!("{} joined, which is not in the definition", extra.name),
        [at_all("members")].into_iter().chain(quorum).collect(),
    ))
}
