//! A member runs on the data of another cluster, as after a mix-up of disks.

use super::{Cost, Fault, Injected, Injector, PROCESSES, absent, cannot_lose_one};
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::values::Token;

pub(super) static FAULT: Fault = Fault {
    name: "data-of-another-cluster",
    title: "a member runs on another cluster's data",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let tools = injector.tools();
    injector.stop(&member.name)?;
    injector.set_data_aside(&member.name)?;
    let other = alone(injector.plan(), member);
    injector.start_by(&other, tools, &member.name, InitialState::New)?;
    Ok(Injected::new(
        format!("{} was given the data of another cluster", member.name),
        absent(injector.plan(), &[member], "identity"),
    ))
}

/// A cluster of only this member.
fn alone(plan: &Plan, member: &Member) -> Plan {
    let mut other = plan.clone();
    other.etcd.token = Token::from(&plan.name).of_generation(99);
    other.members = vec![member.at(member.address, member.ports, &other.etcd.token)];
    other
}
