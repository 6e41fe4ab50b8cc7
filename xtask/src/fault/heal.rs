//! Undoing what a drill has done, whether it does so itself or was killed before it could.

use std::time::{Duration, Instant};

use super::Journal;
use super::undo::Undo;
use crate::etcd::gateway::Gateway;
use crate::hint::Hint;
use crate::pause::pause;
use crate::plan::Member;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps;

/// What a drill has left, as far as it was undone.
#[derive(Debug)]
pub struct Healed {
    journal: Journal,
}

impl Healed {
    /// The fault that it was done for.
    pub fn fault(&self) -> &str {
        &self.journal.fault
    }
}

/// Undoes everything that a drill has done, and starts the members that do not run. Returns when all
/// of them have a leader and nothing is left to be undone.
///
/// # Errors
/// Fails where something could not be undone. What was not stays noted, for the next try.
pub fn heal(session: &Session) -> Outcome<()> {
    let Some(healed) = heal_what_needs_none(session)? else {
        return Ok(());
    };
    let fault = healed.fault().to_owned();
    let started = start_all(session).and_then(|()| wait_for_leader(session));
    started.map_err(|failure| unfinished(session, &fault, failure))?;
    heal_what_needs_a_quorum(session, healed)
}

/// Undoes what can be undone in a cluster that does not work: the first half, before members are
/// started. None where there is nothing to undo at all.
///
/// # Errors
/// As [`heal`].
pub fn heal_what_needs_none(session: &Session) -> Outcome<Option<Healed>> {
    let Some(mut journal) = Journal::read(&session.home)? else {
        return Ok(None);
    };
    undo(session, &mut journal, |undo| !undo.takes_a_quorum())?;
    Ok(Some(Healed { journal }))
}

/// Undoes the rest, once members have a leader.
///
/// # Errors
/// As [`heal`].
pub fn heal_what_needs_a_quorum(session: &Session, healed: Healed) -> Outcome<()> {
    let mut journal = healed.journal;
    undo(session, &mut journal, Undo::takes_a_quorum)?;
    // Only now: an interruption before this leaves the note of what was going on.
    journal.write(&session.home)
}

/// What kept a drill from being undone, with what that means.
fn unfinished(session: &Session, fault: &str, mut failure: Failure) -> Failure {
    let name = &session.home.name;
    if let Some(last) = failure.diagnostics.pop() {
        let last = last
            .note(format!(
                "what a drill did for `{fault}` is not undone yet, or not all of it"
            ))
            .hint(Hint::heals(
                "go on with it",
                [format!("cargo xtask up {name}")],
            ));
        failure.diagnostics.push(last);
    }
    failure
}

/// Undoes what is meant, the last first. Each is forgotten once it is undone; the journal itself is
/// kept until everything is. That progress cannot be written down, as on a full disk, keeps nothing from
/// being undone: what is not forgotten is undone once more by the next who heals, which does no harm.
fn undo(session: &Session, journal: &mut Journal, is_meant: impl Fn(&Undo) -> bool) -> Outcome<()> {
    let mut left = journal.undo.clone();
    while let Some(at) = left.iter().rposition(&is_meant) {
        let undone = left[at].apply(session);
        undone.map_err(|failure| unfinished(session, &journal.fault, failure))?;
        left.remove(at);
        journal.undo.clone_from(&left);
        if !left.is_empty() {
            let _ = journal.write(&session.home);
        }
    }
    Ok(())
}

/// Starts every member that does not run, as its definition says.
fn start_all(session: &Session) -> Outcome<()> {
    let names = session.plan.names();
    let conditions = session.driver.conditions(&session.home, &names)?;
    // Every one of them has had data: a drill begins with a healthy cluster.
    let start = steps::start(&names, &conditions, &names);
    let started = session.driver.start(
        &session.home,
        &session.plan,
        &session.tools,
        &start,
        &mut |_, _| {},
    );
    started?;
    match start.lost.as_slice() {
        [] => Ok(()),
        [lost, ..] => Err(Failure::failed(
            Diagnostic::error(format!("`{lost}` has lost its data, so it was not started"))
                .note("with an empty disk and its old identity it could vote twice")
                .hint(Hint::informs(
                    "see how the others are",
                    [format!("cargo xtask verify {}", session.home.name)],
                )),
        )),
    }
}

/// How often a member is asked for its leader.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Waits until every member answers and has a leader. Whether it takes writes is another question: what
/// keeps it from that may be what is to be undone.
fn wait_for_leader(session: &Session) -> Outcome<()> {
    let plan = &session.plan;
    let deadline = Instant::now() + session.driver.patience();
    let has_leader = |member: &Member| {
        let status = Gateway::of(plan, member, 2).status();
        status.is_ok_and(|status| status.leader.is_some())
    };
    while let Some(silent) = plan.members.iter().find(|member| !has_leader(member)) {
        if Instant::now() > deadline {
            let (silent, name) = (&silent.name, &session.home.name);
            return Err(Failure::failed(
                Diagnostic::error(format!("`{silent}` has no leader after healing")).hint(
                    Hint::informs(
                        "read its log",
                        [format!("cargo xtask logs {silent} --cluster {name}")],
                    ),
                ),
            ));
        }
        pause(ASK_AGAIN);
    }
    Ok(())
}
