//! Exit statuses. They are chosen by the commands: what is below them says what happened.

use crate::check::Health;
use crate::report::FailureKind;

/// How the program ends. The numbers are part of its interface: scripts test for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for is done, or is as it should be.
    Success = 0,
    /// The answer is no: the cluster is unhealthy, or rendered files differ from their definition.
    Unhealthy = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A definition has errors.
    Definition = 3,
    /// The cluster could not be looked at, or not everywhere, so its health is not known.
    CouldNotLook = 4,
    /// This host lacks something, or something on it is in the way.
    Host = 5,
    /// The work was begun and did not succeed.
    Failed = 6,
    /// The work was not begun, because it would have done harm. Nothing was changed.
    Refused = 7,
    /// Ended by Ctrl-C or a termination signal.
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
