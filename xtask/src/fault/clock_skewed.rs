//! A machine's clock is wrong.

use super::{Cost, Fault, Injector, Injury, MACHINES, about, no_obstacle};
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "clock-skewed",
    title: "a machine's clock is set five minutes ahead",
    drivers: MACHINES,
    cost: Cost::Nothing,
    obstacle: no_obstacle,
    inject,
};

fn inject(injector: &mut Injector<'_>) -> Outcome<Injury> {
    let member = injector.follower()?;
    // Whatever keeps the clock right would do so again.
    injector.run_inside(
        &member.name,
        "sudo timedatectl set-ntp false; sudo date --set '+5 minutes'",
        "sudo date --set '-5 minutes'; sudo timedatectl set-ntp true || true",
    )?;
    Ok(Injury {
        done: format!("the clock of {} was set five minutes ahead", member.name),
        expected: vec![about("clock", &member.name)],
    })
}
