//! Looks and judges, once or until all is well.

use std::thread;
use std::time::{Duration, Instant};

use super::observe::{PATIENCE, observe};
use super::tools::Tools;
use crate::check::{self, Health, Report};
use crate::observation::log::Cause;
use crate::observation::{
    Condition, LastRevision, Look, MachineStatus, MemberObservation, Observation, Recorded,
    StartedWith, Unreadable,
};
use crate::pause::pause;
use crate::plan::Plan;

/// What was seen in one look, and what was made of it.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What was seen.
    pub observation: Observation,
    /// What every check made of it.
    pub report: Report,
    /// Whether data is lost for good.
    pub is_lost: bool,
}

impl Verified {
    /// Why it is of no use to wait until the cluster is healthy. A member that fails may be started again, by
    /// anybody.
    pub fn cannot_improve(&self) -> Option<&'static str> {
        if self.is_lost {
            Some("lost data does not come back")
        } else if self.report.is_outdated() {
            Some("members keep running as they were started")
        } else {
            None
        }
    }

    /// Whether a member does not run: it does not come back by itself.
    pub fn has_stopped_members(&self) -> bool {
        self.observation.conditions.contains(&Condition::Stopped)
    }
}

/// What there is to look at beside etcd itself.
#[derive(Default)]
pub struct Context<'a> {
    /// Looks at the members' machines, where they have some.
    pub machines: Option<&'a LookAtMachines<'a>>,
    /// What the members' processes were started with, where they are processes of this host.
    pub started: Vec<Look<StartedWith>>,
    /// What was seen of the cluster before.
    pub before: Option<LastRevision>,
    /// What is kept of the cluster and cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// What is recorded of the cluster that was started.
    pub recorded: Recorded,
    /// How the plan's members are by their driver, where it tells without asking them.
    pub conditions: Option<&'a dyn Fn() -> Vec<Condition>>,
    /// Why a member that does not run has ended, by its place in the plan.
    pub ended: Option<&'a dyn Fn(usize) -> Option<Cause>>,
}

/// Looks at the machines of the plan's members from inside, in the plan's order, with this deadline.
pub type LookAtMachines<'a> = dyn Fn(Duration) -> Vec<Look<MachineStatus>> + Sync + 'a;

/// Looks once; at the machines meanwhile, where members have some.
pub fn once(plan: &Plan, tools: &Tools, beside: &Context<'_>) -> Verified {
    let machines = beside.machines;
    let mut observation = thread::scope(|scope| {
        let machines = machines.map(|look| scope.spawn(|| look(MACHINES_PATIENCE)));
        let observation = observe(plan, tools, patience(plan));
        let mut observation = observation.each_member_once(&plan.predicted_ids());
        let machines = machines.and_then(|machines| machines.join().ok());
        observation.machines = machines.unwrap_or_default();
        observation
    });
    let silent = |member: &MemberObservation| matches!(member.status, Look::Failed(_));
    if let Some(conditions) = beside.conditions
        && observation.members.iter().any(silent)
    {
        observation.conditions = conditions();
        let conditions = observation.conditions.iter().enumerate();
        observation.ended = conditions
            .map(|(index, condition)| match condition {
                Condition::Stopped => beside.ended?(index),
                _ => None,
            })
            .collect();
    }
    observation.started = match beside.machines {
        Some(_) => observation.machines.iter().map(started_in).collect(),
        None => beside.started.clone(),
    };
    observation.before = beside.before;
    observation.unreadable.clone_from(&beside.unreadable);
    observation.recorded.clone_from(&beside.recorded);
    Verified {
        report: check::judge(plan, &observation),
        is_lost: check::lost(plan, &observation).is_some(),
        observation,
    }
}

/// What the etcd in a machine was started with.
fn started_in(machine: &Look<MachineStatus>) -> Look<StartedWith> {
    match machine {
        Look::Seen(machine) => machine.started.clone().map_or_else(
            || Look::NotAsked("runs no etcd that could be looked into".to_owned()),
            Look::Seen,
        ),
        Look::Failed(_) => Look::NotAsked("could not be looked into".to_owned()),
        Look::NotAsked(why) => Look::NotAsked(why.clone()),
    }
}

/// Looks again and again, until a look finds the cluster healthy, or finds that waiting cannot help, or
/// the time is over; the result is the last look. Looks at least once. `goes_on` is told of every look that
/// did not find it healthy, where there is time for another, and says whether to look again.
pub fn until_healthy(
    wait: Duration,
    look: &mut dyn FnMut() -> Verified,
    goes_on: &mut dyn FnMut(&Verified) -> bool,
) -> Verified {
    let deadline = Instant::now() + wait;
    let mut shortly = SHORTEST_PAUSE;
    loop {
        let verified = look();
        let left = deadline.saturating_duration_since(Instant::now());
        let is_over = verified.report.health() == Health::Healthy;
        if is_over || verified.cannot_improve().is_some() || left.is_zero() || !goes_on(&verified) {
            return verified;
        }
        // Less and less often.
        pause(shortly.min(left));
        shortly = (shortly * 2).min(LONGEST_PAUSE);
    }
}

/// How long a member may take for one answer: on a machine without KVM everything takes its time.
const fn patience(plan: &Plan) -> Duration {
    if plan.on_machines {
        Duration::from_secs(20)
    } else {
        PATIENCE
    }
}

/// How long a machine may take to tell how it is, logging in included.
const MACHINES_PATIENCE: Duration = Duration::from_secs(60);

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
