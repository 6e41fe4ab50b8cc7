//! Which driver runs the members.

use crate::driver::vagrant::why_not_usable;
use crate::driver::{self, Driver};
use crate::plan::Plan;
use crate::profile::MachineBox;
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::state::Record;
use crate::values::DriverName;

/// Chooses the driver, and says why that one.
///
/// # Errors
/// Refuses another driver than the one that a cluster was started with.
pub(super) fn choose(
    asked: Option<DriverName>,
    record: Option<&Record>,
    plan: &Plan,
) -> Outcome<(&'static dyn Driver, &'static str)> {
    let (driver, why) = match (record.map(|record| record.driver), asked, plan.driver) {
        (Some(running), Some(asked), _) if running != asked => {
            let name = &plan.name;
            return Err(Failure::new(
                Exit::Usage,
                Diagnostic::error(format!("the cluster runs by the {running} driver, not by {asked}"))
                    .note("a cluster keeps its driver until it is destroyed: the other one would start a second cluster")
                    .hint(format!("leave `--driver` out, or run `cargo xtask destroy {name}` first")),
            ));
        }
        (Some(running), _, _) => (running, "it was started so"),
        (None, Some(asked), _) => (asked, "you asked for it"),
        (None, None, Some(defined)) => (defined, "its definition says so"),
        (None, None, None) => match why_not_machines(plan) {
            Some(why) => (DriverName::Local, why),
            None => (DriverName::Vagrant, "this host has what it takes"),
        },
    };
    Ok((driver::named(driver), why))
}

/// Why the cluster's machines cannot be run on this host; nothing where they probably can.
fn why_not_machines(plan: &Plan) -> Option<&'static str> {
    match &plan.machine.profile.machine_box {
        MachineBox::Published(published) if published.gone.is_some() => {
            Some("the system's images are gone")
        }
        _ => why_not_usable(),
    }
}
