//! A change of the version over several minor releases: one of them after another.

use std::iter::once;

use camino::Utf8Path;

use super::present::Present;
use super::steps::{News, Steering, interrupted, steps};
use super::{see_what_is_wrong, upgrade};
use crate::change::apply::{Step, Steps};
use crate::change::upgrade::hops_of;
use crate::check::Health;
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::lifecycle::rehearse::Changed;
use crate::lifecycle::{definitions, open};
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::wording::list;
use crate::workspace::Home;

/// The plans to reach, one after another.
pub(super) struct Hops {
    /// The definition with each version on the way to its own.
    pub(super) between: Vec<Plan>,
    /// The definition.
    pub(super) defined: Plan,
}

impl Hops {
    /// The definition alone.
    pub(super) const fn none(defined: Plan) -> Self {
        Self {
            between: Vec::new(),
            defined,
        }
    }

    /// Over the minor releases that come before the definition's. The definition alone, if there are none or no way is known.
    pub(super) fn toward(session: Session, defined: Plan) -> Outcome<Self> {
        if session.plan.version().is_v2() {
            return Ok(Self::none(defined));
        }
        let session = upgrade::with_target(session, &defined, None, false)?;
        let change = upgrade::change(&session, &Present::of(&session)?);
        let mut hops = change.map(|change| hops_of(&change)).unwrap_or_default();
        // That is the definition's.
        hops.pop();
        Ok(Self {
            between: hops.iter().map(|hop| defined.pinned_to(*hop)).collect(),
            defined,
        })
    }

    /// The plan to reach first.
    pub(super) fn first(&self) -> &Plan {
        self.between.first().unwrap_or(&self.defined)
    }

    fn all(&self) -> impl Iterator<Item = &Plan> {
        self.between.iter().chain(once(&self.defined))
    }

    /// The steps to the first plan, and those that follow.
    pub(super) fn steps_after(&self, first: Steps) -> Steps {
        let mut all = first;
        for plan in self.all().skip(1) {
            if all.obstacle.is_some() {
                break;
            }
            let mut state = all.after;
            state.version = plan.etcd.version;
            let more = state.steps();
            let steps: Vec<Step> = all.steps.into_iter().chain(more.steps).collect();
            all = Steps { steps, ..more };
        }
        all
    }

    /// Why one of them is impossible that comes after the first.
    pub(super) fn obstacle_of_later_one(
        &self,
        session: &Session,
        present: &Present,
    ) -> Option<Diagnostic> {
        if self.between.is_empty() {
            return None;
        }
        upgrade::obstacle_of_later_hop(session, present, &self.defined)
    }

    /// Finds the binaries that local members need on the way, before anything is changed.
    pub(super) fn find_all(&self, session: &Session, etcd_dir: Option<&Utf8Path>) -> Outcome<()> {
        if session.driver.machines().is_some() || self.between.is_empty() {
            return Ok(());
        }
        for plan in self.all() {
            upgrade::find_version(session, plan, etcd_dir)?;
        }
        Ok(())
    }

    /// Takes the steps to each of the plans.
    pub(super) fn take(&self, session: &mut Session, steering: Steering<'_>) -> Outcome<Changed> {
        let Steering {
            interruption,
            etcd_dir,
            defined,
            ..
        } = steering;
        let mut done: Vec<String> = Vec::new();
        for (plan, next) in self.between.iter().zip(self.all().skip(1)) {
            let pinned = |session: &Session| self.pinned_now(defined(session)?, plan);
            let mut notify = |news: News<'_>| {
                if !matches!(news, News::Complete) {
                    (steering.notify)(news);
                }
            };
            let hop = Steering {
                is_backed_up: !done.is_empty(),
                go_on: steering.go_on.clone(),
                see_changes: steering.see_changes.clone(),
                defined: &pinned,
                notify: &mut notify,
                ..steering
            };
            let changed = steps(session, hop)?;
            done.push(changed.done.clone());
            if changed.verified.report.health() != Health::Healthy {
                return Err(self.stopped_at(session, plan, &changed, &steering.go_on));
            }
            if interruption.is_asked() {
                let last = format!("all members run etcd {}", plan.version());
                return Err(interrupted(&last, &steering.go_on));
            }
            let opened = open::with_plan(session.ui, &session.home, next)?;
            *session = upgrade::with_target(opened, next, etcd_dir, true)?;
        }
        let last = Steering {
            is_backed_up: !done.is_empty(),
            ..steering
        };
        let changed = steps(session, last)?;
        done.push(changed.done.clone());
        let done = done.join("; ");
        Ok(Changed { done, ..changed })
    }

    /// The cluster is not healthy with the version of this plan.
    fn stopped_at(
        &self,
        session: &Session,
        plan: &Plan,
        changed: &Changed,
        go_on: &str,
    ) -> Failure {
        let report = &changed.verified.report;
        let failing = report.names(&[Verdict::Fail, Verdict::NotYet, Verdict::Skipped]);
        let (at, goal) = (plan.version(), self.defined.etcd.version);
        Failure::failed(
            Diagnostic::error(format!("with etcd {at}, {}", report.summary(&session.plan)))
                .note(format!("not passed: {}", list(failing)))
                .note(format!("the hops to {goal} end there"))
                .hint(see_what_is_wrong(session))
                .hint(Hint::heals("then continue", [go_on.to_owned()])),
        )
    }

    /// What the definition says now, with the version of this plan; none if another version is to be reached in the end.
    fn pinned_now(&self, defined: Plan, plan: &Plan) -> Option<Plan> {
        let is_same = defined.etcd.version == self.defined.etcd.version;
        is_same.then(|| defined.pinned_to(plan.etcd.version))
    }
}

/// The definition in its file; none if it cannot be read.
pub(super) fn definition_now(session: &Session) -> Option<Plan> {
    let Home { workspace, name } = &session.home;
    definitions::load_silently(workspace, name).map(|definition| Plan::new(&definition))
}
