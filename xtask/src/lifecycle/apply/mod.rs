//! Brings a running cluster to its edited definition, one step at a time. Each step is chosen from what is seen
//! then, so a task that was killed is continued by the next one.

mod machines;
mod present;
mod refused;
mod upgrade;
mod work;

use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::replace::SETTLING;
use super::{definitions, look, open, restart, start, unfinished};
use crate::advice;
use crate::change::apply::{Kind, Next, Step, Steps};
use crate::command_line;
use crate::etcd::verify::Verified;
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::pause::pause;
use crate::plan::Plan;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::ui::{self, Ui};
use crate::values::ClusterName;
use crate::wording::list;
use crate::workspace::Workspace;
use present::Present;
use work::Work;

/// What `plan` shows.
pub struct Planned {
    /// The cluster.
    pub session: Session,
    /// How the definition differs from what runs, as recorded.
    pub differences: Vec<String>,
    /// The steps.
    pub steps: Vec<Step>,
    /// What cannot be done.
    pub refused: Vec<Diagnostic>,
}

/// What `apply` did.
pub struct Applied {
    /// The cluster.
    pub session: Session,
    /// What `verify` found at the end; nothing if there was nothing to do.
    pub verified: Option<Verified>,
}

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long members may take to elect a leader before the first step.
const ELECTING: Duration = Duration::from_secs(10);

/// How long to wait before saying so.
const SILENCE: Duration = Duration::from_secs(5);

/// The checks that fail until the last step is taken.
const PENDING: &[&str] = &["definition", "flags", "user-data", "version"];

/// The arguments of `apply`.
#[derive(Debug, Clone, Copy)]
pub struct ApplyRequest<'a> {
    /// The cluster.
    pub name: &'a ClusterName,
    /// Whether to take steps during which the cluster does not serve.
    pub may_interrupt: bool,
    /// A folder with the binaries that local members are to run.
    pub etcd_dir: Option<&'a Utf8Path>,
}

/// Works out the steps. Changes nothing.
pub fn plan(ui: Ui, request: &ApplyRequest<'_>) -> Outcome<Planned> {
    let plan = definitions::plan(ui, &Workspace::find()?, request.name)?;
    let session = open::with_plan(ui, request.name, &plan)?;
    unfinished::refuse(&session.home)?;
    let session = upgrade::aim(session, &plan, request.etcd_dir, false)?;
    planned(session, request.may_interrupt)
}

fn planned(session: Session, may_interrupt: bool) -> Outcome<Planned> {
    refused::refuse_unsuitable(&session)?;
    let present = Present::of(&session)?;
    let Steps { steps, obstacle } = present.state.steps();
    let mut refused = refused::without_steps(&session);
    refused.extend(obstacle.map(|obstacle| {
        let (fact, hint) = obstacle.in_words(&session.defined);
        let diagnostic = Diagnostic::error(fact);
        let diagnostic = match steps.is_empty() {
            true => diagnostic,
            false => diagnostic.note("the steps end there"),
        };
        diagnostic.hint(hint)
    }));
    refused.extend(upgrade::obstacle(&session, &present));
    refused.extend(refused::new_addresses(&session, &steps));
    if !steps.is_empty() {
        refused.extend(advice::exceeded_quota(
            &session.defined,
            present.largest_database,
        ));
    }
    let interrupts = steps.iter().find(|step| step.interrupts());
    if let Some(step) = interrupts.filter(|_| !may_interrupt) {
        refused.push(refused::interrupts(&session, step));
    }
    Ok(Planned {
        differences: session.record.differences(&session.defined),
        session,
        steps,
        refused,
    })
}

/// Performs the steps. `agree`: shows them and asks. Returns nothing if the user does not agree.
pub fn apply(
    ui: Ui,
    request: &ApplyRequest<'_>,
    agree: &dyn Fn(&Planned) -> Outcome<bool>,
) -> Outcome<Option<Applied>> {
    let name = request.name;
    let home = Workspace::find()?.home(name);
    open::started(name)?;
    let _lock = Lock::take(&home, &format!("apply {name}"), &ui.saying())?;
    unfinished::refuse(&home)?;
    let plan = definitions::plan(ui, &home.workspace, name)?;
    let session = open::with_plan(ui, name, &plan)?;
    refused::refuse_other_tasks(&session)?;
    let session = upgrade::aim(session, &plan, request.etcd_dir, true)?;
    let planned = planned(session, request.may_interrupt)?;
    if !planned.refused.is_empty() {
        // The steps help to understand why.
        agree(&planned)?;
        return Err(refused::nothing_was_changed(planned.refused));
    }
    if planned.steps.is_empty() {
        let mut session = planned.session;
        // A killed task may not have recorded its last step.
        Present::of(&session)?.settle(&mut session)?;
        upgrade::record(&mut session)?;
        return Ok(Some(Applied {
            session,
            verified: None,
        }));
    }
    if !agree(&planned)? {
        return Ok(None);
    }
    steps(ui, request, planned.session).map(Some)
}

fn steps(ui: Ui, request: &ApplyRequest<'_>, mut session: Session) -> Outcome<Applied> {
    let asked_for = described(&session.defined);
    let go_on = command_line::task(&session.plan, "apply");
    let continues = ui::hint_line(&Hint::heals("continue", [go_on.clone()]));
    let after_interrupt = process::on_interrupt(String::new());
    let interruption = process::defer_interrupt(
        "interrupted: completing this step first; press Ctrl-C again to stop at once",
    );
    if session.driver.machines().is_some() {
        start::render_files(ui, &session.home.workspace, &session.defined)?;
    }
    let mut work = Work::new(ui, go_on);
    let mut last: Option<Step> = None;
    let mut taken: Vec<Step> = Vec::new();
    let present = Present::of(&session)?;
    if present.settle(&mut session)? {
        session = again(ui, request, &session)?;
    }
    let tolerated = refuse_unhealthy(&session, &present.state.next())?;
    loop {
        let present = Present::of(&session)?;
        if present.settle(&mut session)? {
            session = again(ui, request, &session)?;
        }
        // A definition that was edited meanwhile may say something else about this very step.
        if described(&session.defined) != asked_for {
            return Err(edited(&session, last.as_ref()));
        }
        let next = present.state.next();
        if let Some(step) = &last
            && !next.continues(step)
        {
            // What is not healthy yet is what the next step heals.
            if !next.heals() {
                wait(&session, step, &tolerated)?;
            }
            if interruption.is_asked() && next != Next::Done {
                return Err(interrupted(&session, step));
            }
            last = None;
            session = again(ui, request, &session)?;
            continue;
        }
        let step = match next {
            Next::Step(step) => step,
            Next::Done => break,
            Next::Blocked(obstacle) => {
                let (fact, hint) = obstacle.in_words(&session.defined);
                return Err(Failure::failed(Diagnostic::error(fact).hint(hint)));
            }
        };
        if step.interrupts() && !request.may_interrupt {
            return Err(Failure::refused(refused::interrupts(&session, &step)));
        }
        let is_same = |one: &Step| (&one.member, &one.kind) == (&step.member, &step.kind);
        if taken.iter().any(is_same) {
            return Err(work.without_effect(&session, &present, &step));
        }
        taken.extend(step.is_once().then(|| step.clone()));
        after_interrupt.change(format!("not complete: {}\n{continues}", step.what()));
        work.take(&mut session, &present, &step)?;
        last = Some(step);
        session = again(ui, request, &session)?;
    }
    if taken.iter().any(Step::is_upgrade) {
        upgrade::follow(&session)?;
    }
    upgrade::record(&mut session)?;
    drop((interruption, after_interrupt));
    let verified = look::wait(&session, SETTLING);
    Ok(Applied {
        session,
        verified: Some(verified),
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

fn see_what_is_wrong(session: &Session) -> Hint {
    Hint::informs(
        "see what is wrong",
        [command_line::task(&session.plan, "verify")],
    )
}

/// Opens the cluster again, with the definition as it is now.
fn again(ui: Ui, request: &ApplyRequest<'_>, session: &Session) -> Outcome<Session> {
    let home = &session.home;
    let Some(definition) = definitions::load_silently(&home.workspace, &home.name) else {
        return Err(edited(session, None));
    };
    let plan = Plan::new(&definition);
    let session = open::with_plan(ui, &home.name, &plan)?;
    upgrade::aim(session, &plan, request.etcd_dir, true)
}

/// All that a plan says, to compare it.
fn described(plan: &Plan) -> String {
    format!("{plan:?}")
}

fn edited(session: &Session, last: Option<&Step>) -> Failure {
    let source = &session.plan.source;
    let diagnostic = Diagnostic::error(format!("`{source}` was edited meanwhile"));
    let diagnostic = match last {
        Some(step) => diagnostic.note(format!("taken last: {}", step.what())),
        None => diagnostic,
    };
    Failure::failed(
        diagnostic
            .note("no step is taken before you have seen the new ones")
            .hint(advice::see_changes(&session.home.name)),
    )
}

fn interrupted(session: &Session, step: &Step) -> Failure {
    let go_on = [command_line::task(&session.plan, "apply")];
    Failure::interrupted(
        Diagnostic::error("interrupted between two steps")
            .note(format!("the last step is complete: {}", step.what()))
            .hint(Hint::heals("continue", go_on)),
    )
}

/// Waits until `verify` passes, apart from what is still pending.
fn wait(session: &Session, step: &Step, tolerated: &[&str]) -> Outcome<()> {
    let (verified, failing) = settled(session, session.driver.patience(), tolerated);
    if failing.is_empty() {
        return Ok(());
    }
    let summary = verified.report.summary(&session.plan);
    Err(Failure::failed(
        Diagnostic::error(format!("after this step, {summary}: {}", step.what()))
            .note(format!("failing: {}", list(failing)))
            .note("no other step was taken after that")
            .hint(see_what_is_wrong(session)),
    ))
}

/// Looks until no check fails that should not, a member has stopped, or the time is over. Returns what fails.
fn settled(session: &Session, most: Duration, tolerated: &[&str]) -> (Verified, Vec<&'static str>) {
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        let verified = look::once(session);
        let mut failing = verified.report.names(&[Verdict::Fail, Verdict::NotYet]);
        failing.retain(|check| !PENDING.contains(check) && !tolerated.contains(check));
        let is_over = begun.elapsed() > most || verified.has_stopped_members();
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
