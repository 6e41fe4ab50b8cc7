//! Chooses the driver that runs the members.

use super::without;
use crate::driver::{self, Driver};
use crate::hint::Hint;
use crate::host_probe::{HostQuery, why_not_at_a_glance};
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::Record;
use crate::values::DriverName;
use crate::workspace::Workspace;

/// Chooses the driver, and returns the reason.
///
/// # Errors
///
/// Refuses another driver than the one that the cluster was started with.
pub(super) fn choose(
    asked: Option<DriverName>,
    record: Option<&Record>,
    workspace: &Workspace,
    plan: &Plan,
) -> Outcome<(&'static dyn Driver, &'static str)> {
    let (driver, why) = match (record.map(|record| record.driver), asked, plan.driver) {
        (Some(running), Some(asked), _) if running != asked => {
            let name = &plan.name;
            return Err(Failure::usage(Diagnostic::error(format!("the cluster runs with the {running} driver, not with {asked}"))
                    .note("a cluster keeps its driver until it is destroyed; another driver would start a second cluster")
                    .hint(without("--driver", "XTASK_DRIVER"))
                    .hint(Hint::heals("or remove the cluster and its data first", [format!("cargo xtask destroy {name}")])),
            ));
        }
        (Some(running), _, _) => (running, "the cluster was started with it"),
        (None, Some(asked), _) => (asked, "you asked for it"),
        (None, None, Some(defined)) => (defined, "its definition says so"),
        (None, None, None) => match why_not_at_a_glance(&HostQuery::of(workspace, plan), plan) {
            Some(why) => (DriverName::Local, why),
            None => (DriverName::Vagrant, "this host can run virtual machines"),
        },
    };
    Ok((driver::named(driver), why))
}
