//! A member loses its disk and is started again. etcd must not let it vote again.

use super::{Cost, Fault, Injected, Injector, PROCESSES, cannot_lose_one, missing};
use crate::plan::flags::InitialState;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "data-wiped",
    title: "a member loses its data and restarts",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle: cannot_lose_one,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    let (plan, tools) = (injector.plan(), injector.tools());
    injector.stop(&member.name)?;
    injector.set_data_aside(&member.name)?;
    // As at its first start, which is what a unit in version control would do.
    injector.start_by(plan, tools, &member.name, InitialState::New)?;
    Ok(Injected::new(
        format!("{} lost its data and was started again", member.name),
        missing(plan, &[member]),
    ))
}
