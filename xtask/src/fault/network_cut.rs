//! Two members no longer reach each other. The others reach both.

use super::{Cost, Fault, Injected, Injector, MACHINES, about, cannot_lose_one};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "network-cut",
    title: "packets between two followers are dropped",
    drivers: MACHINES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let followers = injector.followers();
    let [one, other, ..] = followers.as_slice() else {
        return injector.lacks("two followers");
    };
    for (here, there) in [(one, other), (other, one)] {
        injector.cut(here, there)?;
    }
    Ok(Injected::new(
        format!(
            "{} and {} were cut off from each other",
            one.name, other.name
        ),
        vec![about("peers", &one.name), about("peers", &other.name)],
    ))
}
