//! Verifies a cluster whose members all serve.

use std::time::Duration;

use super::readiness::Readiness;
use crate::check::Health;
use crate::driver::Driver;
use crate::etcd::verify::Verified;
use crate::judgement::Verdict;
use crate::lifecycle::look;
use crate::report::Failure;
use crate::session::Session;

/// The result of an `up` whose members all served.
pub struct Proof {
    /// The cluster.
    pub session: Session,
    /// What `verify` found.
    pub verified: Verified,
    /// A member that exited after it was started: waiting does not bring it back.
    pub ended: Option<Failure>,
}

impl Proof {
    /// Whether the cluster is usable.
    pub fn serves(&self) -> bool {
        self.verified.report.health() == Health::Healthy && self.ended.is_none()
    }
}

/// Verifies until the cluster is healthy, for as long as that may take after a start.
pub(super) fn prove(session: Session, timeout: Duration, readiness: &Readiness) -> Proof {
    let (settling, at_most) = settling(session.driver);
    // Machines take long to answer, and their etcd is not a local process.
    let ended = || match session.driver.machines() {
        Some(_) => Ok(Vec::new()),
        None => readiness.ended(&session),
    };
    let none_has_ended = || ended().map_or(true, |ended| ended.is_empty());
    let wait = |most| look::wait_while(&session, most, &|_| none_has_ended());
    let mut verified = wait(timeout.min(settling));
    let unsettled = [Verdict::NotYet, Verdict::Skipped];
    if !verified.report.names(&unsettled).is_empty() && none_has_ended() {
        verified = wait(timeout.min(at_most).saturating_sub(settling));
    }
    let ended = match ended() {
        Ok(ended) if ended.is_empty() => None,
        Ok(ended) => Some(readiness.have_ended(&session, &ended)),
        Err(failure) => Some(failure),
    };
    Proof {
        session,
        verified,
        ended,
    }
}

/// How long serving members may take to become healthy, and how long if something is not ready or
/// could not be checked, as on a busy host.
fn settling(driver: &dyn Driver) -> (Duration, Duration) {
    // On machines, some of which may still be booting, one look takes as long as several here.
    let (settling, at_most) = match driver.machines() {
        Some(_) => (180, 180),
        None => (10, 60),
    };
    (Duration::from_secs(settling), Duration::from_secs(at_most))
}
