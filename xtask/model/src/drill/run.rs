//! The circumstances of some drills: what somebody must know to compare or repeat them.

use std::time::Duration;

use crate::values::DriverName;

/// One call of `drill`, or of a task that runs its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When the first drill started, since 1970.
    pub started: Duration,
    /// The name of the host that ran the clients.
    pub host: String,
    /// The release of its kernel.
    pub kernel: String,
    /// The number of processors that the program may use; none if unknown.
    pub processors: Option<u32>,
    /// The driver that ran the members.
    pub driver: DriverName,
    /// The version of this program.
    pub xtask: String,
    /// The command line, quoted for a shell.
    pub command: String,
    /// The minimum duration of a fault; none if none was injected.
    pub hold: Option<Duration>,
    /// The maximum requests per second of all clients together.
    pub rate: u32,
}
