//! Rehearses a change: makes it on a copy of the cluster, while clients are at work there.

use std::net::Ipv4Addr;

use camino::Utf8Path;

use super::copy::{ClusterCopy, interrupted, plan_of_copy};
use super::{ChangeCost, Changed, Load, Ran, Timeline, change_under_load};
use crate::advice;
use crate::change::rehearsals::{Rehearsal, Task};
use crate::drill::Event;
use crate::etcd::tools::Tools;
use crate::lifecycle::apply::{self, News, Steering};
use crate::lifecycle::{look, open, replace, restart, stop};
use crate::plan::Plan;
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::Session;
use crate::ui::Ui;
use crate::values::HostName;
use crate::wording::list;

/// The etcd that copies run.
pub(super) struct Binaries<'a> {
    /// What the cluster runs.
    pub(super) tools: &'a Tools,
    /// What an upgrade leads to.
    pub(super) newer: Option<&'a Tools>,
}

/// Rehearses a change on a copy of this cluster. Returns what it cost there, also if it fails half-way.
pub(super) fn run(
    original: &Session,
    binaries: &Binaries<'_>,
    load: Load,
    rehearsal: &'static Rehearsal,
    interruption: &DeferredInterrupt,
) -> Ran {
    match on_copy(original, binaries, load, rehearsal, interruption) {
        Ok((Err(failure), cost)) if failure.kind != FailureKind::Interrupted => {
            (Some(cost.drill), Err(of_copy(failure)))
        }
        Err(failure) if failure.kind != FailureKind::Interrupted => (None, Err(failure)),
        // Nobody has waited until the copy is healthy.
        _ if interruption.is_asked() => (None, Err(interrupted())),
        Ok((Ok(_), cost)) => (Some(cost.drill), Ok(())),
        Ok((Err(failure), _)) | Err(failure) => (None, Err(failure)),
    }
}

fn on_copy(
    original: &Session,
    binaries: &Binaries<'_>,
    load: Load,
    rehearsal: &'static Rehearsal,
    interruption: &DeferredInterrupt,
) -> Outcome<(Outcome<Changed>, ChangeCost)> {
    let (ui, tools) = (original.ui, binaries.tools);
    let plan = plan_of_copy(&original.plan, tools);
    let more: Vec<Ipv4Addr> = match rehearsal.task {
        Task::Apply(edit) => {
            let edited = edit(&plan).map_err(|why| impossible(rehearsal, &why))?;
            let addresses = edited.members.iter().map(|member| member.address);
            let is_new =
                |address: &Ipv4Addr| plan.members.iter().all(|one| one.address != *address);
            addresses.filter(is_new).collect()
        }
        Task::Replace | Task::Restart | Task::Upgrade => Vec::new(),
    };
    ui.say("  restoring a fresh backup into a copy");
    let mut copy = ClusterCopy::of(original, tools, &plan, &more, interruption)?;
    let session = &mut copy.session;
    change_under_load(
        session,
        rehearsal.name,
        load,
        interruption,
        |session, timeline| {
            let mut rehearsed = Rehearsed {
                ui,
                session,
                timeline,
                interruption,
            };
            let changed = match rehearsal.task {
                Task::Apply(edit) => {
                    let edited = edit(&rehearsed.session.plan);
                    let edited = edited.map_err(|why| impossible(rehearsal, &why))?;
                    rehearsed.apply(&edited, None)
                }
                Task::Replace => rehearsed.replace(),
                Task::Restart => rehearsed.restart(),
                Task::Upgrade => rehearsed.upgrade(binaries.newer),
            };
            changed.map(|changed| Changed {
                done: format!("on a copy: {}", changed.done),
                ..changed
            })
        },
    )
}

/// A copy while it is changed.
struct Rehearsed<'a, 'clients> {
    /// Tells the user what happens to the copy.
    ui: Ui,
    session: &'a mut Session,
    timeline: &'a mut Timeline<'clients>,
    interruption: &'a DeferredInterrupt,
}

impl Rehearsed<'_, '_> {
    fn upgrade(&mut self, newer: Option<&Tools>) -> Outcome<Changed> {
        let Some(newer) = newer else {
            return Err(Failure::usage(Diagnostic::error("no version was named")));
        };
        let edited = self.session.plan.pinned_to(newer.version);
        self.apply(&edited, newer.etcd.parent())
    }

    /// `etcd_dir`: a folder with the binaries that the members are to run, if they change.
    fn apply(&mut self, edited: &Plan, etcd_dir: Option<&Utf8Path>) -> Outcome<Changed> {
        let home = self.session.home.clone();
        let session = open::with_plan(self.session.ui, &home, edited)?;
        *self.session = apply::possible(session, edited, etcd_dir)?;
        let (ui, timeline) = (self.ui, &mut *self.timeline);
        let mut notify = |news: News<'_>| {
            if let News::Step { step, is_new: true } = &news {
                ui.say(&format!("  {}", step.what()));
            }
            apply::note(timeline, &news);
        };
        let steering = Steering {
            // Nobody but the drill's clients waits.
            may_interrupt: true,
            interruption: self.interruption,
            etcd_dir,
            is_backed_up: false,
            go_on: String::new(),
            see_changes: advice::see_changes(&self.session.home.name),
            defined: &|_| Some(edited.clone()),
            notify: &mut notify,
        };
        apply::steps(self.session, steering)
    }

    fn replace(&mut self) -> Outcome<Changed> {
        let leader = stop::leader(&self.session.home);
        let names = self.session.plan.names();
        let mut others = names.iter().rev();
        let member = others.find(|name| Some(*name) != leader.as_ref());
        let Some(member) = member.or(names.last()) else {
            return Err(Failure::failed(Diagnostic::error(
                "the copy has no members",
            )));
        };
        self.note_step("replace", member);
        let mut replacement = replace::begun(self.session, member, &|_| Ok(true))?;
        if let Some(replacement) = &mut replacement {
            replace::complete(self.session, replacement)?;
        }
        let (home, plan) = (self.session.home.clone(), self.session.defined.clone());
        *self.session = open::with_plan(self.session.ui, &home, &plan)?;
        Ok(self.changed(format!("replaced {member}")))
    }

    fn restart(&mut self) -> Outcome<Changed> {
        let names = self.session.plan.names();
        let (mut order, interruption) = (Vec::new(), self.interruption);
        let (ui, timeline) = (self.ui, &mut *self.timeline);
        restart::one_at_a_time(self.session, &names, &mut |member, _| {
            if interruption.is_asked() {
                return Err(interrupted());
            }
            note_step(ui, timeline, "restart", member);
            order.push(member.clone());
            Ok(())
        })?;
        let done = format!("restarted {}", list(&order));
        Ok(self.changed(done))
    }

    fn note_step(&mut self, task: &str, member: &HostName) {
        note_step(self.ui, self.timeline, task, member);
    }

    /// Waits until the copy is healthy after its last step.
    fn changed(&mut self, done: String) -> Changed {
        self.timeline.follow(&self.session.plan);
        self.timeline.note(Event::Changed);
        let is_wanted = || !self.interruption.is_asked();
        let verified = look::wait_while(self.session, replace::SETTLING, &|_| is_wanted());
        Changed { verified, done }
    }
}

fn note_step(ui: Ui, timeline: &mut Timeline<'_>, task: &str, member: &HostName) {
    let what = format!("{task} {member}");
    ui.say(&format!("  {what}"));
    timeline.note(Event::Step {
        short: what.clone(),
        what,
    });
}

fn impossible(rehearsal: &Rehearsal, why: &str) -> Failure {
    let name = rehearsal.name;
    Failure::usage(Diagnostic::error(format!(
        "`{name}` is not possible here: it {why}"
    )))
}

/// A failure on the copy, whose hints would be followed on the cluster itself.
fn of_copy(failure: Failure) -> Failure {
    let mut diagnostics = failure.diagnostics;
    for diagnostic in &mut diagnostics {
        diagnostic.hints.clear();
    }
    if let Some(last) = diagnostics.pop() {
        diagnostics.push(last.note(
            "this happened on the copy, which is removed; the cluster itself was not changed",
        ));
    }
    Failure {
        kind: match failure.kind {
            FailureKind::Host => FailureKind::Host,
            _ => FailureKind::Failed,
        },
        diagnostics,
    }
}
