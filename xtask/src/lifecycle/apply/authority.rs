//! A new certificate authority takes the place of the one before: once all members trust both, and so between two
//! rounds of restarts.

use crate::change::final_task::FinalTask;
use crate::lifecycle::certs;
use crate::pki;
use crate::report::Outcome;
use crate::session::Session;

/// What is done once all members trust both authorities, if there is a new one.
pub(super) fn final_task(session: &Session) -> Option<FinalTask> {
    pki::is_replaced(&session.home).then(|| FinalTask {
        what: "let the new certificate authority sign all certificates, and restart every member once more".to_owned(),
        why: "two authorities are trusted until then".to_owned(),
    })
}

/// Lets the new authority sign, now that all members trust both. Returns whether there is one: the members have to be
/// restarted again then.
pub(super) fn succeed(session: &Session) -> Outcome<bool> {
    let Session { ui, home, plan, .. } = session;
    if !pki::succeed(home, plan)? {
        return Ok(false);
    }
    certs::hand_over(session)?;
    ui.say("all certificates are signed by the new authority");
    Ok(true)
}
