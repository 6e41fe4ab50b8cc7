//! Another cluster uses the same addresses: it has the same definition with another token.

use super::{Cost, Fault, Injected, Injector, PROCESSES, about, no_obstacle};
use crate::plan::flags::InitialState;
use crate::report::Outcome;
use crate::values::Token;

pub(super) static FAULT: Fault = Fault {
    name: "foreign-cluster",
    title: "another cluster takes over all addresses",
    drivers: PROCESSES,
    cost: Cost::WritesMeanwhile,
    obstacle: no_obstacle,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let plan = injector.plan();
    let mut other = plan.clone();
    other.etcd.token = Token::from(&plan.name).of_generation(98);
    injector.replace_all(&other, InitialState::New)?;
    let members = plan.members.iter();
    Ok(Injected::new(
        "all members were recreated with another token".to_owned(),
        members
            .map(|member| about("identity", &member.name))
            .collect(),
    ))
}
