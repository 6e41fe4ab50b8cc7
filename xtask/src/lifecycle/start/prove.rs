//! Verifying a cluster whose members all serve.

use std::time::Duration;

use super::readiness::Readiness;
use crate::check::Health;
use crate::driver::Driver;
use crate::etcd::verify::Verified;
use crate::judgement::Verdict;
use crate::lifecycle::look;
use crate::report::Failure;
use crate::session::Session;

/// What came of an `up` whose members all served.
pub struct Proof {
    /// The cluster.
    pub session: Session,
    /// What `verify` found.
    pub verified: Verified,
    /// That a member has ended since it was started: nothing that is waited for brings it back.
    pub ended: Option<Failure>,
}

impl Proof {
    /// Whether the cluster can be used.
    pub fn serves(&self) -> bool {
        self.verified.report.health() == Health::Healthy && self.ended.is_none()
    }
}

/// Verifies until nothing is wrong any more, for as long as that may take after a start.
pub(super) fn prove(session: Session, timeout: Duration, readiness: &Readiness) -> Proof {
    let (settling, at_most) = settling(session.driver);
    // Machines take long to tell, and what runs on them is no process of theirs.
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

/// How long members that all serve may take until nothing is wrong with them any more; and how long where
/// something is not so yet, or could not be looked at, as on a host that has much else to do.
fn settling(driver: &dyn Driver) -> (Duration, Duration) {
    // On machines, of which others may still be booting, one look takes as long as several here.
    let (settling, at_most) = match driver.machines() {
        Some(_) => (180, 180),
        None => (10, 60),
    };
    (Duration::from_secs(settling), Duration::from_secs(at_most))
}
