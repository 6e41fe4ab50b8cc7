//! A server that is not etcd answers at a member's address.

use super::{Cost, Fault, Injected, Injector, PROCESSES, cannot_lose_one, missing};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "not-etcd",
    title: "a web server answers in a member's place",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.stop(&member.name)?;
    injector.answer_as_stranger(member)?;
    Ok(Injected::new(
        format!("a web server took the place of {}", member.name),
        missing(injector.plan(), &[member]),
    ))
}
