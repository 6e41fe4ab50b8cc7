//! One drill, from a healthy cluster to a healthy cluster.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::DrillRequest;
use super::restoration::{self, Source};
use super::under_load::{LOOK_AGAIN, Noticed, Timeline, UNDISTURBED, pass, under_load};
use crate::check::{Health, Reported};
use crate::drill::restored::Restored;
use crate::drill::{Disturbance, Drill, Event};
use crate::etcd::gateway::Gateway;
use crate::etcd::verify::Verified;
use crate::fault::{self, Cost, Fault, Injector, RestoredFrom};
use crate::hint::Hint;
use crate::lifecycle::look;
use crate::lifecycle::restore::Replaced;
use crate::plan::Member;
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::Session;
use crate::values::HostName;
use crate::wording::list_of_words;

/// What all drills of one task have in common.
pub(super) struct Experiment<'a> {
    /// The cluster.
    pub(super) session: &'a Session,
    /// The settings.
    pub(super) request: &'a DrillRequest,
    /// Whether the user asked to stop.
    pub(super) interruption: &'a DeferredInterrupt,
}

/// How long a cluster may take to become healthy before the fault: an election may be under way, or
/// an earlier drill may still have effects.
const SETTLING: Duration = Duration::from_secs(20);

impl Experiment<'_> {
    /// Runs one drill. Fails if the cluster is not healthy beforehand, or if the fault cannot be
    /// injected or healed.
    pub(super) fn run(&self, fault: &'static Fault) -> Outcome<Drill> {
        let before = look::wait_while(self.session, SETTLING, &|verified| {
            !self.interruption.is_asked() && !verified.has_stopped_members()
        });
        if self.interruption.is_asked() {
            return Err(interrupted_before(fault));
        }
        if before.report.health() != Health::Healthy {
            return Err(self.not_healthy(&before));
        }
        let usual = before.report.reported();
        let Session { plan, tools, .. } = self.session;
        let (hold, rate) = (self.request.hold, self.request.rate);
        let noticed = under_load(plan, tools, hold, rate, self.interruption, |timeline| {
            self.inject_and_heal(fault, &usual, timeline)
        })?;
        let Some(Noticed {
            outcome,
            moments,
            history,
        }) = noticed
        else {
            return Err(interrupted_before(fault));
        };
        let aftermath = outcome?;
        let (restored, replaced) = aftermath.restored.unzip();
        if self.interruption.is_asked() {
            return Err(match &restored {
                Some(restored) => restoration::interrupted(fault, restored),
                None => interrupted_and_healed(fault),
            });
        }
        let drill = Drill {
            cluster: plan.name.clone(),
            version: plan.version(),
            members: plan.names(),
            disturbance: Disturbance::Fault(fault.name),
            done: aftermath.done,
            moments,
            expected: lines(&aftermath.expected),
            reported: lines(&aftermath.reported),
            afterwards: aftermath.afterwards,
            history,
            restored,
        };
        if let Some(replaced) = replaced {
            restoration::tidy_up(self.session, &drill, &replaced);
        }
        Ok(drill)
    }

    /// Injects the fault, waits until `verify` finds it, and heals it, even if something else
    /// fails.
    fn inject_and_heal(
        &self,
        fault: &'static Fault,
        usual: &BTreeSet<Reported>,
        timeline: &mut Timeline<'_>,
    ) -> Outcome<Aftermath> {
        let rests = fault.cost == Cost::WritesMeanwhile;
        if rests {
            timeline.clients.pause();
            self.pass(UNDISTURBED);
        }
        let backup = match fault.cost {
            Cost::LatestWrites(RestoredFrom::Backup) => Some(self.back_up(timeline)?),
            _ => None,
        };
        let leader = self.leader(fault)?;
        let (resources, interruption) = (&self.request.resources, self.interruption);
        let mut injector = Injector::new(self.session, resources, leader, interruption, fault);
        timeline.note(Event::Injecting);
        let injured = injector.inject(fault).map(|injury| {
            let since = Instant::now();
            timeline.note(Event::Injected);
            self.session.ui.say(&format!("  {}", injury.done));
            let expected: BTreeSet<Reported> = injury.expected.into_iter().collect();
            let usual = usual.iter().cloned().chain(injury.also).collect();
            let reported = self.wait_until_found(&expected, &usual, timeline);
            self.pass(self.request.hold.saturating_sub(since.elapsed()));
            let source = backup.map(Source::Backup);
            let source = source.or(injury.survivor.map(Source::Survivor));
            (injury.done, expected, reported, source)
        });
        timeline.note(Event::Healing);
        // Ends the part of the fault that this process itself keeps up.
        drop(injector);
        let source = injured
            .as_ref()
            .ok()
            .and_then(|(.., source)| source.as_ref());
        let healed = match source {
            // Whoever interrupts it gets the data back.
            Some(source) if !self.interruption.is_asked() => {
                self.restore(source, timeline).map(Some)
            }
            _ => fault::heal(self.session).map(|()| None),
        };
        let ((done, expected, reported, _), restored) =
            both(injured, healed).map_err(|failure| match failure.kind {
                FailureKind::Interrupted => interrupted_and_healed(fault),
                _ => failure,
            })?;
        timeline.note(Event::Healed);
        if rests {
            timeline.clients.go_on();
        }
        let afterwards = self.wait_until_healthy(usual, timeline);
        Ok(Aftermath {
            done,
            expected,
            reported,
            afterwards,
            restored,
        })
    }

    /// Looks until exactly the expected findings are reported, or the time is over. Returns the
    /// last findings beyond the usual ones.
    fn wait_until_found(
        &self,
        expected: &BTreeSet<Reported>,
        usual: &BTreeSet<Reported>,
        timeline: &mut Timeline<'_>,
    ) -> BTreeSet<Reported> {
        let deadline = Instant::now() + self.patience();
        loop {
            let reported = self.look().report.reported();
            let is_new = |one: &Reported| expected.contains(one) || !usual.contains(one);
            let reported: BTreeSet<Reported> = reported.into_iter().filter(is_new).collect();
            if reported == *expected {
                timeline.note(Event::Found);
                self.session
                    .ui
                    .say(&format!("  verify reports {}", listed(&reported)));
                return reported;
            }
            if Instant::now() > deadline || self.interruption.is_asked() {
                self.session.ui.say(&format!(
                    "  verify reports {}; expected {}",
                    listed(&reported),
                    listed(expected)
                ));
                return reported;
            }
            self.pass(LOOK_AGAIN);
        }
    }

    /// Looks until only the usual findings are reported, or the time is over. Returns the summary
    /// of the last look.
    fn wait_until_healthy(
        &self,
        usual: &BTreeSet<Reported>,
        timeline: &mut Timeline<'_>,
    ) -> String {
        let deadline = Instant::now() + self.patience();
        loop {
            let verified = self.look();
            let summary = verified.report.summary(&self.session.plan);
            let is_as_before = verified.report.reported().is_subset(usual);
            if verified.report.health() == Health::Healthy && is_as_before {
                timeline.note(Event::Healthy);
                self.session.ui.say("  healed, and the cluster is healthy");
                return summary;
            }
            if self.interruption.is_asked() {
                return summary;
            }
            if Instant::now() > deadline {
                self.session.ui.say(&format!(
                    "  healed, but the cluster is not healthy: {summary}"
                ));
                return summary;
            }
            self.pass(LOOK_AGAIN);
        }
    }

    /// The current leader, as the members report it.
    fn leader(&self, fault: &Fault) -> Outcome<HostName> {
        let Session { plan, tools, .. } = self.session;
        let leads = |member: &&Member| {
            let status = Gateway::of(plan, tools, member, 5).status();
            status.is_ok_and(|status| status.leader == Some(status.member))
        };
        let deadline = Instant::now() + SETTLING;
        loop {
            if let Some(leader) = plan.members.iter().find(leads) {
                return Ok(leader.name.clone());
            }
            if self.interruption.is_asked() {
                return Err(interrupted_before(fault));
            }
            if Instant::now() > deadline {
                return Err(Failure::could_not_look(
                    Diagnostic::error("no member of the definition leads the cluster")
                        .note("the cluster was not changed")
                        .hint(Hint::informs(
                            "check the cluster",
                            [format!("cargo xtask verify {}", plan.name)],
                        )),
                ));
            }
            self.pass(LOOK_AGAIN);
        }
    }

    fn look(&self) -> Verified {
        look::once(self.session)
    }

    /// How long a fault may take to show, and a healed cluster to become healthy.
    fn patience(&self) -> Duration {
        Duration::from_secs(match self.session.driver.machines() {
            Some(_) => 300,
            None => 45,
        })
    }

    /// Waits, and returns early on an interruption.
    pub(super) fn pass(&self, time: Duration) {
        pass(time, self.interruption);
    }

    fn not_healthy(&self, before: &Verified) -> Failure {
        let plan = &self.session.plan;
        let reported = lines(&before.report.reported());
        let mut diagnostic = Diagnostic::error(before.report.summary(plan))
            .note("a drill runs only on a healthy cluster that matches its definition");
        if !reported.is_empty() {
            diagnostic = diagnostic.note(format!("reported: {}", list_of_words(reported)));
        }
        for why in before.report.unasked() {
            diagnostic = diagnostic.note(why);
        }
        let name = &plan.name;
        Failure::could_not_look(diagnostic.hint(Hint::informs(
            "see what is wrong",
            [format!("cargo xtask verify {name}")],
        )))
    }
}

/// The result of a fault.
struct Aftermath {
    done: String,
    expected: BTreeSet<Reported>,
    reported: BTreeSet<Reported>,
    afterwards: String,
    restored: Option<(Restored, Replaced)>,
}

fn interrupted_before(fault: &Fault) -> Failure {
    interrupted(format!("interrupted before `{}`", fault.name))
}

fn interrupted_and_healed(fault: &Fault) -> Failure {
    interrupted(format!("interrupted; `{}` has been healed", fault.name))
}

fn interrupted(message: String) -> Failure {
    Failure::interrupted(Diagnostic::error(message))
}

/// The results of an injection and its healing, or else the failures of both.
fn both<T, U>(injured: Outcome<T>, healed: Outcome<U>) -> Outcome<(T, U)> {
    match (injured, healed) {
        (Ok(injured), Ok(healed)) => Ok((injured, healed)),
        (Err(failure), Ok(_)) => Err(failure),
        (Ok(_), Err(unhealed)) => Err(unhealed),
        (Err(mut failure), Err(unhealed)) => {
            failure.diagnostics.extend(unhealed.diagnostics);
            Err(Failure {
                kind: unhealed.kind,
                ..failure
            })
        }
    }
}

fn lines(reported: &BTreeSet<Reported>) -> Vec<String> {
    reported.iter().map(ToString::to_string).collect()
}

fn listed(reported: &BTreeSet<Reported>) -> String {
    match lines(reported).as_slice() {
        [] => "nothing".to_owned(),
        lines => list_of_words(lines),
    }
}
