//! Which driver runs the members.

use crate::driver::{self, Driver};
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::state::Record;
use crate::values::{ClusterName, DriverName};

/// Chooses the driver, and says why that one.
///
/// # Errors
/// Refuses another driver than the one that a cluster was started with.
pub(super) fn choose(
    name: &ClusterName,
    asked: Option<DriverName>,
    record: Option<&Record>,
    defined: Option<DriverName>,
) -> Outcome<(&'static dyn Driver, &'static str)> {
    let (driver, why) = match (record.map(|record| record.driver), asked, defined) {
        (Some(running), Some(asked), _) if running != asked => {
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
        (None, None, None) => (DriverName::Local, "the only one so far"),
    };
    Ok((driver::named(driver), why))
}
