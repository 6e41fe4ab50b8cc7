//! Brings a running cluster to its edited definition, one step at a time. Each step is chosen from what is seen
//! then, so a task that was killed is continued by the next one.

mod authority;
mod downgrade;
mod hops;
mod machines;
mod membership;
mod present;
mod refused;
mod steps;
mod upgrade;
mod waiting;
mod work;

use camino::Utf8Path;

use super::rehearse::{self, ChangeCost, Changed, Load, Timeline};
use super::{definitions, open, unfinished};
use crate::advice;
use crate::change::apply::{Step, Steps};
use crate::change::final_task::FinalTask;
use crate::command_line;
use crate::drill::Event;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::process::{self, DeferredInterrupt};
use crate::report::{Diagnostic, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::ui::{self, Ui};
use crate::values::ClusterName;
use crate::workspace::{Home, Workspace};
pub(super) use downgrade::cancel as cancel_downgrade;
use hops::Hops;
use present::Present;
pub(super) use steps::{News, Steering, steps};
pub(super) use upgrade::find_version;

/// What `plan` shows.
pub struct Planned {
    /// The cluster.
    pub session: Session,
    /// How the definition differs from what runs, as recorded.
    pub differences: Vec<String>,
    /// The steps.
    pub steps: Vec<Step>,
    /// What is done after them.
    pub final_tasks: Vec<FinalTask>,
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
    /// Whether the version may change over several minor releases, one after another.
    pub has_hops: bool,
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

/// Works out the steps. Changes nothing.
pub fn plan(ui: Ui, request: ApplyRequest<'_>) -> Outcome<Planned> {
    let workspace = Workspace::find()?;
    let plan = definitions::plan(ui, &workspace, request.name)?;
    let home = workspace.home(request.name);
    unfinished::refuse(&home)?;
    let (_, planned) = planned_hops(ui, &home, plan, request)?;
    Ok(planned)
}

/// The hops to this plan, and their steps.
fn planned_hops(
    ui: Ui,
    home: &Home,
    plan: Plan,
    request: ApplyRequest<'_>,
) -> Outcome<(Hops, Planned)> {
    let hops = match request.has_hops {
        true => Hops::toward(open::with_plan(ui, home, &plan)?, plan)?,
        false => Hops::none(plan),
    };
    let session = open::with_plan(ui, home, hops.first())?;
    let session = upgrade::with_target(session, hops.first(), request.etcd_dir, false)?;
    let go_on = request.apply(&session.plan);
    let planned = planned(session, &hops, request.may_interrupt, &go_on)?;
    Ok((hops, planned))
}

fn planned(session: Session, hops: &Hops, may_interrupt: bool, go_on: &str) -> Outcome<Planned> {
    refused::refuse_unsuitable(&session)?;
    let present = Present::of(&session)?;
    let Steps {
        mut steps,
        obstacle,
        ..
    } = hops.steps_after(present.state.steps());
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
    let no_way = upgrade::obstacle(&session, &present)
        .or_else(|| hops.obstacle_of_later_one(&session, &present))
        .or_else(|| refused::enabled_downgrade(&session, &present));
    if let Some(no_way) = no_way {
        refused.push(no_way);
        steps.clear();
    }
    refused.extend(refused::new_addresses(&session, &steps));
    if !steps.is_empty() {
        refused.extend(advice::exceeded_quota(
            &session.defined,
            present.largest_database,
        ));
    }
    let mut final_tasks = upgrade::final_tasks(&session, &present);
    final_tasks.extend(authority::final_task(&session));
    let interrupts = steps.iter().find(|step| step.interrupts());
    if let Some(step) = interrupts.filter(|_| !may_interrupt) {
        refused.push(refused::interrupts(step, go_on));
    }
    Ok(Planned {
        differences: session.record.differences(&session.defined),
        session,
        steps,
        final_tasks,
        refused,
    })
}

impl Planned {
    /// Whether the cluster is as defined.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.final_tasks.is_empty()
    }
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
    let planned = planned(session, &Hops::none(plan.clone()), true, "")?;
    match planned.refused.is_empty() {
        true => Ok(planned.session),
        false => Err(refused::nothing_was_changed(planned.refused)),
    }
}

impl ApplyRequest<'_> {
    /// The command that applies the definition in this way.
    pub fn apply(&self, plan: &Plan) -> String {
        let apply = self.command(plan, "apply");
        match self.may_interrupt {
            true => format!("{apply} --allow-interruption"),
            false => apply,
        }
    }

    /// The command that shows the steps.
    fn plan(&self, plan: &Plan) -> String {
        self.command(plan, "plan")
    }

    fn command(&self, plan: &Plan, task: &str) -> String {
        let command = command_line::task(plan, task);
        let command = match self.has_hops {
            true => format!("{command} --hops"),
            false => command,
        };
        match self.etcd_dir {
            Some(folder) => format!("{command} --etcd-dir {}", process::quoted(folder.as_str())),
            None => command,
        }
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
        etcd_dir,
        load,
        ..
    } = request;
    let home = Workspace::find()?.home(name);
    open::started(name)?;
    let lock = Lock::take(&home, &format!("apply {name}"), &ui.saying())?;
    unfinished::refuse(&home)?;
    let plan = definitions::plan(ui, &home.workspace, name)?;
    refused::refuse_other_tasks(&home)?;
    let (hops, mut planned) = planned_hops(ui, &home, plan, request)?;
    if !planned.refused.is_empty() {
        // The steps help to understand why.
        agree(&planned)?;
        return Err(refused::nothing_was_changed(planned.refused));
    }
    if planned.is_empty() {
        let mut session = planned.session;
        // A killed task may not have recorded its last step.
        Present::of(&session)?.settle(&mut session)?;
        let before = session.record.clone();
        upgrade::record_definition(&mut session, &before)?;
        return Ok(Applied::NothingToDo);
    }
    if load.is_some() {
        rehearse::refuse_without_clients(&planned.session)?;
    }
    // A download would be for nothing before.
    hops.find_all(&planned.session, etcd_dir)?;
    planned.session = upgrade::with_target(planned.session, hops.first(), etcd_dir, true)?;
    if !agree(&planned)? {
        return Ok(Applied::Declined);
    }
    let mut session = planned.session;
    let interruption = process::defer_interrupt(
        "interrupted: completing this step first; press Ctrl-C again to stop at once",
    );
    let go_on = request.apply(&session.plan);
    let continues = ui::hint_line(&Hint::heals("continue", [go_on.clone()]));
    let mut after_interrupt = Some(process::on_interrupt(String::new()));
    let mut take_steps = |session: &mut Session, mut timeline: Option<&mut Timeline<'_>>| {
        let mut notify = |news: News<'_>| {
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
            may_interrupt: request.may_interrupt,
            interruption: &interruption,
            etcd_dir,
            is_backed_up: false,
            go_on: go_on.clone(),
            see_changes: advice::see_changes_by(request.plan(&session.plan)),
            defined: &hops::definition_now,
            notify: &mut notify,
        };
        hops.take(session, steering)
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

fn see_what_is_wrong(session: &Session) -> Hint {
    Hint::informs(
        "see what is wrong",
        [command_line::task(&session.plan, "verify")],
    )
}
