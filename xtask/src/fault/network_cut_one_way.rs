//! A member no longer reaches another, which still reaches it. No connection survives that.

use super::{Cost, Fault, Injected, Injector, MACHINES, about, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "network-cut-one-way",
    title: "packets are dropped in one direction",
    drivers: MACHINES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let followers = injector.followers();
    let [from, to, ..] = followers.as_slice() else {
        return injector.lacks("two followers");
    };
    injector.cut(from, to)?;
    Ok(Injected::new(
        format!("packets from {} to {} were dropped", from.name, to.name),
        vec![about("peers", &from.name), about("peers", &to.name)],
    ))
}
