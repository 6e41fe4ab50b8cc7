//! Exit statuses. Commands choose them; the layers below report the kind of failure.

use crate::check::Health;
use crate::report::FailureKind;

/// The exit status of the program. The numbers are part of its interface: scripts test for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Success, or nothing to do.
    Success = 0,
    /// Negative result: the cluster is unhealthy, or rendered files differ from their definition.
    Unhealthy = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A definition has errors.
    Definition = 3,
    /// Health unknown: some members could not be queried.
    CouldNotLook = 4,
    /// A problem with this host: something is missing or in the way.
    Host = 5,
    /// Started but failed.
    Failed = 6,
    /// Refused because it would have done harm. Nothing was changed.
    Refused = 7,
    /// Interrupted by Ctrl-C or a termination signal.
    Interrupted = 130,
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Usage => Self::Usage,
            FailureKind::Definition => Self::Definition,
            FailureKind::CouldNotLook => Self::CouldNotLook,
            FailureKind::Host => Self::Host,
            FailureKind::Failed => Self::Failed,
            FailureKind::Refused => Self::Refused,
            FailureKind::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Health> for Exit {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Success,
            Health::Unhealthy => Self::Unhealthy,
            Health::NotProven => Self::CouldNotLook,
        }
    }
}
