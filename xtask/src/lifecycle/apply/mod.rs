//! Brings a running cluster to its edited definition, one step at a time. Each step is chosen from what is seen
//! then, so a task that was killed is continued by the next one.

mod machines;
mod present;
mod refused;
mod upgrade;
mod work;

use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::rehearse::{self, ChangeCost, Changed, Load, Timeline};
use super::replace::SETTLING;
use super::{definitions, look, open, restart, start, unfinished};
use crate::advice;
use crate::change;
use crate::change::apply::{Kind, Next, Step, Steps};
use crate::command_line;
use crate::drill::Event;
use crate::etcd::turns;
use crate::etcd::verify::Verified;
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::pause::pause;
use crate::plan::Plan;
use crate::process::{self, DeferredInterrupt};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::ui::{self, Ui};
use crate::values::ClusterName;
use crate::wording::list;
use crate::workspace::{Home, Workspace};
use present::Present;
pub(super) use upgrade::find_version;
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

/// What `apply` is to do.
#[derive(Debug, Clone, Copy)]
pub struct ApplyRequest<'a> {
    /// The cluster.
    pub name: &'a ClusterName,
    /// Whether the cluster may stop serving meanwhile.
    pub may_interrupt: bool,
    /// A folder with the binaries that local members are to run.
    pub etcd_dir: Option<&'a Utf8Path>,
    /// The clients to run meanwhile; none if nothing is to be measured.
    pub load: Option<Load>,
}

/// What `apply` did.
pub enum Applied {
    /// Nothing, because the user did not agree.
    Declined,
    /// Nothing, because the cluster is as defined.
    NothingToDo,
    /// It took steps.
    Steps(Box<StepsTaken>),
}

/// Steps that were taken. Until it is dropped, nobody else changes the cluster and the first interruption is
/// deferred, so that the results reach their user.
pub struct StepsTaken {
    /// The cluster as it is now.
    pub session: Session,
    /// What came of it.
    pub ended: Outcome<Changed>,
    /// What it cost the clients, if there were any.
    pub cost: Option<ChangeCost>,
    _lock: Lock,
    _interruption: DeferredInterrupt,
}

/// How steps are taken.
pub(super) struct Steering<'a> {
    /// Whether the cluster may stop serving meanwhile.
    pub(super) may_interrupt: bool,
    /// Whether the user asked to stop.
    pub(super) interruption: &'a DeferredInterrupt,
    /// A folder with the binaries that local members are to run.
    pub(super) etcd_dir: Option<&'a Utf8Path>,
    /// The definition as it is now; none if it cannot be read.
    pub(super) defined: &'a dyn Fn(&Session) -> Option<Plan>,
    /// Told what happens.
    pub(super) told: &'a mut dyn FnMut(News<'_>),
}

/// What happens while steps are taken.
pub(super) enum News<'a> {
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

/// Works out the steps. Changes nothing.
pub fn plan(ui: Ui, request: ApplyRequest<'_>) -> Outcome<Planned> {
    let workspace = Workspace::find()?;
    let plan = definitions::plan(ui, &workspace, request.name)?;
    let session = open::with_plan(ui, &workspace.home(request.name), &plan)?;
    unfinished::refuse(&session.home)?;
    let session = upgrade::with_target(session, &plan, request.etcd_dir, false)?;
    planned(session, request.may_interrupt, request.etcd_dir)
}

fn planned(session: Session, may_interrupt: bool, etcd_dir: Option<&Utf8Path>) -> Outcome<Planned> {
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
        refused.push(refused::interrupts(step, &command(&session.plan, etcd_dir)));
    }
    Ok(Planned {
        differences: session.record.differences(&session.defined),
        session,
        steps,
        refused,
    })
}

/// A cluster with a plan that its steps can reach, with the version that its members are to run.
///
/// # Errors
///
/// Refuses a plan that no steps lead to.
pub(super) fn possible(
    session: Session,
    plan: &Plan,
    etcd_dir: Option<&Utf8Path>,
) -> Outcome<Session> {
    let session = upgrade::with_target(session, plan, etcd_dir, true)?;
    let planned = planned(session, true, etcd_dir)?;
    match planned.refused.is_empty() {
        true => Ok(planned.session),
        false => Err(refused::nothing_was_changed(planned.refused)),
    }
}

/// The command that applies the definition, with these binaries for local members.
pub fn command(plan: &Plan, etcd_dir: Option<&Utf8Path>) -> String {
    let apply = command_line::task(plan, "apply");
    match etcd_dir {
        Some(folder) => format!("{apply} --etcd-dir {}", process::quoted(folder.as_str())),
        None => apply,
    }
}

/// Performs the steps. `agree`: shows them and asks.
///
/// # Errors
///
/// Nothing was changed.
pub fn apply(
    ui: Ui,
    request: ApplyRequest<'_>,
    agree: &dyn Fn(&Planned) -> Outcome<bool>,
) -> Outcome<Applied> {
    let ApplyRequest {
        name,
        may_interrupt,
        etcd_dir,
        load,
    } = request;
    let home = Workspace::find()?.home(name);
    open::started(name)?;
    let lock = Lock::take(&home, &format!("apply {name}"), &ui.saying())?;
    unfinished::refuse(&home)?;
    let plan = definitions::plan(ui, &home.workspace, name)?;
    let session = open::with_plan(ui, &home, &plan)?;
    refused::refuse_other_tasks(&session)?;
    let session = upgrade::with_target(session, &plan, etcd_dir, false)?;
    let mut planned = planned(session, may_interrupt, etcd_dir)?;
    if !planned.refused.is_empty() {
        // The steps help to understand why.
        agree(&planned)?;
        return Err(refused::nothing_was_changed(planned.refused));
    }
    if planned.steps.is_empty() {
        let mut session = planned.session;
        // A killed task may not have recorded its last step.
        Present::of(&session)?.settle(&mut session)?;
        upgrade::complete(&mut session)?;
        return Ok(Applied::NothingToDo);
    }
    if load.is_some() {
        rehearse::refuse_without_clients(&planned.session)?;
    }
    // A download would be for nothing before.
    planned.session = upgrade::with_target(planned.session, &plan, etcd_dir, true)?;
    if !agree(&planned)? {
        return Ok(Applied::Declined);
    }
    let mut session = planned.session;
    let interruption = process::defer_interrupt(
        "interrupted: completing this step first; press Ctrl-C again to stop at once",
    );
    let continues = command(&session.plan, etcd_dir);
    let continues = ui::hint_line(&Hint::heals("continue", [continues]));
    let mut after_interrupt = Some(process::on_interrupt(String::new()));
    let mut take_steps = |session: &mut Session, mut timeline: Option<&mut Timeline<'_>>| {
        let mut told = |news: News<'_>| {
            if let Some(timeline) = &mut timeline {
                note(timeline, &news);
            }
            match news {
                News::Step { step, .. } => {
                    let line = format!("not complete: {}\n{continues}", step.what());
                    if let Some(after) = &after_interrupt {
                        after.change(line);
                    }
                }
                News::Complete => after_interrupt = None,
                News::Members(_) => {}
            }
        };
        let steering = Steering {
            may_interrupt,
            interruption: &interruption,
            etcd_dir,
            defined: &definition_now,
            told: &mut told,
        };
        steps(session, steering)
    };
    let (ended, cost) = match load {
        None => (take_steps(&mut session, None), None),
        Some(load) => {
            let change = |session: &mut Session, timeline: &mut Timeline<'_>| {
                take_steps(session, Some(timeline))
            };
            let changed =
                rehearse::change_under_load(&mut session, "apply", load, &interruption, change)?;
            (changed.0, Some(changed.1))
        }
    };
    Ok(Applied::Steps(Box::new(StepsTaken {
        session,
        ended,
        cost,
        _lock: lock,
        _interruption: interruption,
    })))
}
/// Notes what happens among what clients notice.
pub(super) fn note(timeline: &mut Timeline<'_>, news: &News<'_>) {
    match news {
        News::Members(plan) => timeline.follow(plan),
        News::Step { step, is_new } => {
            if *is_new {
                timeline.note(Event::Step {
                    short: step.in_short(),
                    what: step.what(),
                });
            }
        }
        News::Complete => timeline.note(Event::Changed),
    }
}

/// The definition in its file.
fn definition_now(session: &Session) -> Option<Plan> {
    let Home { workspace, name } = &session.home;
    definitions::load_silently(workspace, name).map(|definition| Plan::new(&definition))
}

/// Takes one step after another until the cluster is as defined, and waits until it is healthy.
pub(super) fn steps(session: &mut Session, steering: Steering<'_>) -> Outcome<Changed> {
    let ui = session.ui;
    let Steering {
        may_interrupt,
        interruption,
        etcd_dir,
        defined,
        told,
    } = steering;
    let asked_for = described(&session.defined);
    let turns = turns::take();
    if session.driver.machines().is_some() {
        start::render_files(ui, &session.home.workspace, &session.defined)?;
    }
    let mut work = Work::new(ui, command(&session.plan, etcd_dir));
    let mut last: Option<Step> = None;
    let mut taken: Vec<Step> = Vec::new();
    let mut whole: Vec<Step> = Vec::new();
    let present = Present::of(session)?;
    if present.settle(session)? {
        *session = again(session, defined, etcd_dir)?;
    }
    let tolerated = refuse_unhealthy(session, &present.state.next())?;
    loop {
        let present = Present::of(session)?;
        if present.settle(session)? {
            *session = again(session, defined, etcd_dir)?;
        }
        told(News::Members(&session.plan));
        // A definition that was edited meanwhile may say something else about this very step.
        if described(&session.defined) != asked_for {
            return Err(edited(session, last.as_ref()));
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
                return Err(interrupted(step, &work.go_on));
            }
            last = None;
            *session = again(session, defined, etcd_dir)?;
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
        told(News::Step {
            step: &step,
            is_new,
        });
        work.take(session, &present, &step)?;
        last = Some(step);
        *session = again(session, defined, etcd_dir)?;
    }
    upgrade::complete(session)?;
    told(News::Complete);
    drop(turns);
    let verified = look::wait(session, SETTLING);
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

fn see_what_is_wrong(session: &Session) -> Hint {
    Hint::informs(
        "see what is wrong",
        [command_line::task(&session.plan, "verify")],
    )
}

/// Opens the cluster again, with the definition as it is now.
fn again(
    session: &Session,
    defined: &dyn Fn(&Session) -> Option<Plan>,
    etcd_dir: Option<&Utf8Path>,
) -> Outcome<Session> {
    let Some(plan) = defined(session) else {
        return Err(edited(session, None));
    };
    let session = open::with_plan(session.ui, &session.home, &plan)?;
    upgrade::with_target(session, &plan, etcd_dir, true)
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

fn interrupted(step: &Step, go_on: &str) -> Failure {
    Failure::interrupted(
        Diagnostic::error("interrupted between two steps")
            .note(format!("the last step is complete: {}", step.what()))
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
