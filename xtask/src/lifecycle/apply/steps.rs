//! Takes steps until a cluster is as defined, and waits after each.

use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::present::Present;
use super::work::Work;
use super::{authority, refused, see_what_is_wrong, upgrade};
use crate::change;
use crate::change::apply::{Kind, Next, Step};
use crate::etcd::turns;
use crate::etcd::verify::Verified;
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::lifecycle::rehearse::Changed;
use crate::lifecycle::replace::SETTLING;
use crate::lifecycle::{look, open, restart, start};
use crate::pause::pause;
use crate::plan::Plan;
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::wording::list;

/// How steps are taken.
pub(in crate::lifecycle) struct Steering<'a> {
    /// Whether the cluster may stop serving meanwhile.
    pub(in crate::lifecycle) may_interrupt: bool,
    /// Whether the user asked to stop.
    pub(in crate::lifecycle) interruption: &'a DeferredInterrupt,
    /// A folder with the binaries that local members are to run.
    pub(in crate::lifecycle) etcd_dir: Option<&'a Utf8Path>,
    /// Whether a backup was taken just before.
    pub(in crate::lifecycle) is_backed_up: bool,
    /// The command that continues.
    pub(in crate::lifecycle) go_on: String,
    /// What to do if the definition is edited meanwhile.
    pub(in crate::lifecycle) see_changes: Hint,
    /// The definition as it is now; none if it cannot be read.
    pub(in crate::lifecycle) defined: &'a dyn Fn(&Session) -> Option<Plan>,
    /// Is told what happens.
    pub(in crate::lifecycle) notify: &'a mut dyn FnMut(News<'_>),
}

/// What happens while steps are taken.
pub(in crate::lifecycle) enum News<'a> {
    /// The members of the running cluster were recorded anew.
    Members(&'a Plan),
    /// This step is about to be taken.
    Step {
        /// The step, or the rest of it.
        step: &'a Step,
        /// Whether it begins here.
        is_new: bool,
    },
    /// The last step is complete.
    Complete,
}

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long members may take to elect a leader before the first step.
const ELECTING: Duration = Duration::from_secs(10);

/// How long to wait before saying so.
const SILENCE: Duration = Duration::from_secs(5);

/// The checks that fail until the last step is taken.
const PENDING: &[&str] = &["definition", "flags", "user-data", "version"];

/// Takes one step after another until the cluster is as defined, and waits until it is healthy.
pub(in crate::lifecycle) fn steps(
    session: &mut Session,
    steering: Steering<'_>,
) -> Outcome<Changed> {
    let ui = session.ui;
    let Steering {
        may_interrupt,
        interruption,
        etcd_dir,
        is_backed_up,
        go_on,
        see_changes,
        defined,
        notify,
    } = steering;
    let again = |session: &Session| again(session, defined, etcd_dir, &see_changes);
    let asked_for = described(&session.defined);
    let turns = turns::take();
    if session.driver.machines().is_some() {
        start::render_files(ui, &session.home.workspace, &session.defined)?;
    }
    let mut work = Work::new(ui, go_on, is_backed_up);
    let mut last: Option<Step> = None;
    let mut taken: Vec<Step> = Vec::new();
    let mut whole: Vec<Step> = Vec::new();
    let present = Present::of(session)?;
    if present.settle(session)? {
        *session = again(session)?;
    }
    let tolerated = refuse_unhealthy(session, &present.state.next())?;
    loop {
        let present = Present::of(session)?;
        if present.settle(session)? {
            *session = again(session)?;
        }
        notify(News::Members(&session.plan));
        // A definition that was edited meanwhile may say something else about this very step.
        if described(&session.defined) != asked_for {
            return Err(edited(session, last.as_ref(), &see_changes));
        }
        let next = present.state.next();
        if let Some(step) = &last
            && !next.continues(step)
        {
            // What is not healthy yet is what the next step heals.
            if !next.heals() {
                wait(session, step, &tolerated)?;
            }
            if interruption.is_asked() && next != Next::Done {
                return Err(interrupted(&step.what(), &work.go_on));
            }
            last = None;
            *session = again(session)?;
            continue;
        }
        let step = match next {
            Next::Step(step) => step,
            Next::Done if authority::succeed(session)? => {
                taken.clear();
                *session = again(session)?;
                continue;
            }
            Next::Done => break,
            Next::Blocked(obstacle) => {
                let (fact, hint) = obstacle.in_words(&session.defined);
                return Err(Failure::failed(Diagnostic::error(fact).hint(hint)));
            }
        };
        if step.interrupts() && !may_interrupt {
            return Err(Failure::refused(refused::interrupts(&step, &work.go_on)));
        }
        let is_same = |one: &Step| (&one.member, &one.kind) == (&step.member, &step.kind);
        if taken.iter().any(is_same) {
            return Err(work.without_effect(session, &present, &step));
        }
        taken.extend(step.is_once().then(|| step.clone()));
        let is_new = last.is_none();
        whole.extend(is_new.then(|| step.clone()));
        notify(News::Step {
            step: &step,
            is_new,
        });
        work.take(session, &present, &step)?;
        last = Some(step);
        *session = again(session)?;
    }
    upgrade::complete(session)?;
    notify(News::Complete);
    let verified = look::wait(session, SETTLING);
    drop(turns);
    Ok(Changed {
        verified,
        done: change::apply::done(&whole),
    })
}

/// Refuses to begin while something is wrong that no step heals. An interrupted step is completed first. Returns the
/// checks that may go on failing: a restart may be the cure of what a flag has caused.
fn refuse_unhealthy(session: &Session, next: &Next) -> Outcome<Vec<&'static str>> {
    let begins = matches!(next, Next::Step(step) if step.begins());
    if !begins || next.heals() {
        return Ok(Vec::new());
    }
    let (verified, failing) = settled(session, ELECTING, &[]);
    let kind = match next {
        Next::Step(step) => Some(&step.kind),
        _ => None,
    };
    let all_serve = failing
        .iter()
        .all(|check| !restart::SERVING.contains(check));
    match kind {
        _ if failing.is_empty() => return Ok(failing),
        Some(Kind::Restart) if all_serve => return Ok(failing),
        // Somebody may have entered the wrong peer URL.
        Some(Kind::Move(..)) if all_serve => return Ok(Vec::new()),
        _ => {}
    }
    Err(Failure::refused(
        Diagnostic::error(verified.report.summary(&session.plan))
            .note(format!("failing: {}", list(failing)))
            .note("members are changed only while all serve; nothing was changed")
            .hint(see_what_is_wrong(session)),
    ))
}

/// Opens the cluster again, with the definition as it is now.
fn again(
    session: &Session,
    defined: &dyn Fn(&Session) -> Option<Plan>,
    etcd_dir: Option<&Utf8Path>,
    see_changes: &Hint,
) -> Outcome<Session> {
    let Some(plan) = defined(session) else {
        return Err(edited(session, None, see_changes));
    };
    let session = open::with_plan(session.ui, &session.home, &plan)?;
    upgrade::with_target(session, &plan, etcd_dir, true)
}

/// All that a plan says, to compare it.
fn described(plan: &Plan) -> String {
    format!("{plan:?}")
}

fn edited(session: &Session, last: Option<&Step>, see_changes: &Hint) -> Failure {
    let source = &session.plan.source;
    let diagnostic = Diagnostic::error(format!("`{source}` was edited meanwhile"));
    let diagnostic = match last {
        Some(step) => diagnostic.note(format!("taken last: {}", step.what())),
        None => diagnostic,
    };
    Failure::failed(
        diagnostic
            .note("no step is taken before you have seen the new ones")
            .hint(see_changes.clone()),
    )
}

pub(super) fn interrupted(last: &str, go_on: &str) -> Failure {
    Failure::interrupted(
        Diagnostic::error("interrupted between two steps")
            .note(format!("the last step is complete: {last}"))
            .hint(Hint::heals("continue", [go_on.to_owned()])),
    )
}

/// Waits until `verify` passes, apart from what is still pending.
fn wait(session: &Session, step: &Step, tolerated: &[&str]) -> Outcome<()> {
    let (verified, failing) = settled(session, session.driver.patience(), tolerated);
    if failing.is_empty() {
        return Ok(());
    }
    let summary = verified.report.summary(&session.plan);
    let diagnostic = Diagnostic::error(format!("after this step, {summary}: {}", step.what()))
        .note(format!("failing: {}", list(failing)));
    let diagnostic = verified
        .failing_starts()
        .into_iter()
        .fold(diagnostic, Diagnostic::note);
    Err(Failure::failed(
        diagnostic
            .note("no other step was taken after that")
            .hint(see_what_is_wrong(session)),
    ))
}

/// Looks until no check fails that should not, a member has stopped or fails to start, or the time is over. Returns what fails.
fn settled(session: &Session, most: Duration, tolerated: &[&str]) -> (Verified, Vec<&'static str>) {
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        let verified = look::once(session);
        let mut failing = verified.report.names(&[Verdict::Fail, Verdict::NotYet]);
        failing.retain(|check| !PENDING.contains(check) && !tolerated.contains(check));
        let is_over = begun.elapsed() > most
            || verified.has_stopped_members()
            || !verified.failing_starts().is_empty();
        if failing.is_empty() || is_over {
            return (verified, failing);
        }
        if begun.elapsed() > SILENCE && !std::mem::replace(&mut is_said, true) {
            let state = &verified.report.quorum_state;
            session
                .ui
                .say(&format!("waiting for {} ({state})", list(failing)));
        }
        pause(LOOK_AGAIN);
    }
}
