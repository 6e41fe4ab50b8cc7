//! Undoes what a drill did, by the drill itself or after it was killed.

use std::time::{Duration, Instant};

use super::Journal;
use super::undo::{self, Undo};
use crate::driver::Driver;
use crate::etcd::gateway::Gateway;
use crate::hint::Hint;
use crate::pause::pause;
use crate::plan::Member;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps;
use crate::workspace::Home;

/// A drill's journal that is partly undone.
#[derive(Debug)]
pub struct Healed {
    journal: Journal,
}

impl Healed {
    /// The name of the fault.
    pub fn fault(&self) -> &str {
        &self.journal.fault
    }
}

/// Undoes everything that a drill did, and starts the stopped members. Returns when all of them
/// have a leader and nothing is left to undo.
///
/// # Errors
/// Fails if something could not be undone. It stays in the journal for the next attempt.
pub fn heal(session: &Session) -> Outcome<()> {
    let Some(healed) = heal_without_quorum(session)? else {
        return Ok(());
    };
    let fault = healed.fault().to_owned();
    let started = start_all(session).and_then(|()| wait_for_leader(session));
    started.map_err(|failure| unfinished(session, &fault, failure))?;
    heal_with_quorum(session, healed)
}

/// Undoes what can be undone without a quorum, before members are started. `None` if there is
/// nothing to undo.
pub fn heal_without_quorum(session: &Session) -> Outcome<Option<Healed>> {
    let Some(mut journal) = Journal::read(&session.home)? else {
        return Ok(None);
    };
    undo(session, &mut journal, |undo| !undo.needs_quorum())?;
    Ok(Some(Healed { journal }))
}

/// Puts the data back that a drill took from members, which must be stopped, and forgets that it did.
pub fn return_data(home: &Home, driver: &dyn Driver) -> Outcome<()> {
    let Some(mut journal) = Journal::read(home)? else {
        return Ok(());
    };
    for undo in &journal.undo {
        undo::return_data(home, driver, undo)?;
    }
    let before = journal.undo.len();
    let is_about_data = |undo: &Undo| matches!(undo, Undo::PutDataBack { .. });
    journal.undo.retain(|undo| !is_about_data(undo));
    if journal.undo.len() < before {
        journal.write(home)?;
    }
    Ok(())
}

/// Undoes the rest, once members have a leader.
pub fn heal_with_quorum(session: &Session, healed: Healed) -> Outcome<()> {
    let mut journal = healed.journal;
    undo(session, &mut journal, Undo::needs_quorum)?;
    // Written last, so that an interruption keeps the note of the fault.
    journal.write(&session.home)
}

/// Adds to a failure that the fault is not undone.
fn unfinished(session: &Session, fault: &str, mut failure: Failure) -> Failure {
    let name = &session.home.name;
    if let Some(last) = failure.diagnostics.pop() {
        let last = last
            .note(format!("`{fault}` is not undone yet, or only in part"))
            .hint(Hint::heals("continue", [format!("cargo xtask up {name}")]));
        failure.diagnostics.push(last);
    }
    failure
}

/// Undoes the matching steps in reverse order. Each is dropped from the journal once it is undone.
/// A failure to write the journal, as on a full disk, does not stop the undoing: a step that stays
/// in the journal is undone again later, which does no harm.
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

/// Starts every stopped member as its definition says.
fn start_all(session: &Session) -> Outcome<()> {
    let names = session.plan.names();
    let conditions = session.driver.conditions(&session.home, &names)?;
    // Every member had data: a drill starts with a healthy cluster.
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
                    "check the others",
                    [format!("cargo xtask verify {}", session.home.name)],
                )),
        )),
    }
}

/// The pause between two queries for the leader.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Waits until every member answers and has a leader. It may still refuse writes, because of what
/// is yet to be undone.
fn wait_for_leader(session: &Session) -> Outcome<()> {
    let plan = &session.plan;
    let deadline = Instant::now() + session.driver.patience();
    let has_leader = |member: &Member| {
        let status = Gateway::of(plan, &session.tools, member, 2).status();
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
