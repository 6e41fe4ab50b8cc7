//! Members lose power until the rest is no quorum.

use super::{Cost, EVERYWHERE, Fault, Injected, Injector, about, at_all, cannot_lose_one};
use crate::report::Outcome;
use crate::values::HostName;
use crate::wording::list;

pub(super) static FAULT: Fault = Fault {
    name: "quorum-lost",
    title: "members are killed until quorum is lost",
    drivers: EVERYWHERE,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let plan = injector.plan();
    let too_many = plan.members.len() - plan.quorum() + 1;
    let killed: Vec<&HostName> = injector
        .followers()
        .iter()
        .take(too_many)
        .map(|member| &member.name)
        .collect();
    for member in &killed {
        injector.kill(member)?;
    }

    let mut expected: Vec<_> = killed
        .iter()
        .map(|member| about("reachable", member))
        .collect();
    expected.extend([at_all("leader"), at_all("quorum")]);
    Ok(Injected::new(
        format!("{} were killed, which leaves no quorum", list(killed)),
        expected,
    ))
}
