//! A member reports that its database is full, and the whole cluster stops accepting writes.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, about, no_obstacle};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "alarm-no-space",
    title: "a member raises the alarm NOSPACE",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: no_obstacle,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let (member, leader) = (injector.follower()?, injector.leader()?);
    injector.raise_no_space(member)?;
    Ok(Injected::new(
        format!("{} raised the alarm NOSPACE", member.name),
        // `verify` requests the lease for its values from the leader, which refuses it.
        vec![about("alarms", &member.name), about("write", &leader.name)],
    ))
}
