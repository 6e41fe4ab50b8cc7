//! Observes a cluster and judges it, once or until it is healthy.

use std::thread;
use std::time::{Duration, Instant};

use super::certificates;
use super::observe::{PATIENCE, observe};
use super::tools::Tools;
use crate::backup::Restorable;
use crate::check::{self, ClusterReport, Health, WantedBackup};
use crate::observation::log::Cause;
use crate::observation::{
    Condition, LastRevision, Look, MachineStatus, MemberObservation, Observation, Recorded,
    StartedWith, Unreadable,
};
use crate::pause::pause;
use crate::plan::Plan;

/// The result of one look.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The observation.
    pub observation: Observation,
    /// The verdicts of all checks.
    pub report: ClusterReport,
    /// Whether data is lost permanently.
    pub is_lost: bool,
}

impl Verified {
    /// Why waiting cannot make the cluster healthy. A stopped member does not count, because
    /// anybody may start it again.
    pub fn cannot_improve(&self) -> Option<&'static str> {
        if self.is_lost {
            Some("lost data does not come back")
        } else if self.report.is_outdated() {
            Some("members keep running as they were started")
        } else {
            None
        }
    }

    /// Whether a member is stopped: it does not start by itself.
    pub fn has_stopped_members(&self) -> bool {
        self.observation.conditions.contains(&Condition::Stopped)
    }

    /// The members whose machines fail to start etcd, and how.
    pub fn failing_starts(&self) -> Vec<String> {
        let machines = self.observation.machines_seen();
        let failing = machines.filter_map(|(member, machine)| {
            let failing = machine.failing.as_ref()?;
            Some(format!("`{member}` {}", failing.in_words()))
        });
        failing.collect()
    }
}

/// What to look at besides etcd itself.
#[derive(Default)]
pub struct Context<'a> {
    /// Looks at the members' machines, if they are machines.
    pub machines: Option<&'a LookAtMachines<'a>>,
    /// What the members' processes were started with, if they are local.
    pub started: Vec<Look<StartedWith>>,
    /// What earlier looks saw.
    pub before: Option<LastRevision>,
    /// Records of the cluster that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// What is recorded of the cluster that was started.
    pub recorded: Recorded,
    /// The members' conditions from the driver, if it does not need to query them.
    pub conditions: Option<&'a dyn Fn() -> Vec<Condition>>,
    /// Whether the members have data on disk, if they are local.
    pub data: Option<&'a dyn Fn() -> Vec<Look<bool>>>,
    /// Finds the backup that advice names.
    pub backup: Option<&'a dyn Fn(WantedBackup) -> Option<Restorable>>,
    /// Why a stopped member exited, by its index in the plan.
    pub ended: Option<&'a dyn Fn(usize) -> Option<Cause>>,
}

/// Looks at the machines of the plan's members, in the plan's order, with this deadline.
pub type LookAtMachines<'a> = dyn Fn(Duration) -> Vec<Look<MachineStatus>> + Sync + 'a;

/// Looks once, at members, certificates and machines in parallel.
pub fn once(plan: &Plan, tools: &Tools, context: &Context<'_>) -> Verified {
    let machines = context.machines;
    let mut observation = thread::scope(|scope| {
        let machines = machines.map(|look| scope.spawn(|| look(MACHINES_PATIENCE)));
        let certificates = scope.spawn(|| certificates::look(plan, tools, patience(plan)));
        let observation = observe(plan, tools, patience(plan));
        let mut observation = observation.each_member_once(&plan.member_ids());
        observation.certificates = certificates.join().ok().flatten();
        let machines = machines.and_then(|machines| machines.join().ok());
        observation.machines = machines.unwrap_or_default();
        observation
    });
    let silent = |member: &MemberObservation| matches!(member.status, Look::Failed(_));
    if let Some(conditions) = context.conditions
        && observation.members.iter().any(silent)
    {
        observation.conditions = conditions();
        let conditions = observation.conditions.iter().enumerate();
        observation.ended = conditions
            .map(|(index, condition)| match condition {
                Condition::Stopped => context.ended?(index),
                _ => None,
            })
            .collect();
    }
    observation.started = match context.machines {
        Some(_) => observation.machines.iter().map(started_in).collect(),
        None => context.started.clone(),
    };
    // After they have answered: a member that has just started has no data before that.
    observation.data = match (context.machines, context.data) {
        (Some(_), _) => observation.machines.iter().map(data_in).collect(),
        (None, Some(data)) => data(),
        (None, None) => Vec::new(),
    };
    observation.before = context.before;
    observation.unreadable.clone_from(&context.unreadable);
    observation.recorded.clone_from(&context.recorded);
    if let Some(find) = context.backup {
        observation.recorded.backup = check::wanted_backup(plan, &observation).and_then(find);
    }
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
            || Look::NotAsked("runs no etcd that could be inspected".to_owned()),
            Look::Seen,
        ),
        Look::Failed(_) => Look::NotAsked("could not be inspected".to_owned()),
        Look::NotAsked(why) => Look::NotAsked(why.clone()),
    }
}

/// Whether there is data in a machine, which may have been inspected before its member answered.
fn data_in(machine: &Look<MachineStatus>) -> Look<bool> {
    match machine {
        Look::Seen(MachineStatus {
            has_data: Some(has_data),
            started: Some(_),
            ..
        }) => Look::Seen(*has_data),
        Look::Seen(_) | Look::Failed(_) => Look::NotAsked("could not be inspected".to_owned()),
        Look::NotAsked(why) => Look::NotAsked(why.clone()),
    }
}

/// Looks until the cluster is healthy, waiting cannot help, or the time is over, and at least once.
/// Returns the last look. `continues` receives each unhealthy look that could be followed by another,
/// and decides whether to continue.
pub fn until_healthy(
    wait: Duration,
    look: &mut dyn FnMut() -> Verified,
    continues: &mut dyn FnMut(&Verified) -> bool,
) -> Verified {
    let deadline = Instant::now() + wait;
    let mut shortly = SHORTEST_PAUSE;
    loop {
        let verified = look();
        let left = deadline.saturating_duration_since(Instant::now());
        let is_over = verified.report.health() == Health::Healthy;
        if is_over || verified.cannot_improve().is_some() || left.is_zero() || !continues(&verified)
        {
            return verified;
        }
        // With growing pauses.
        pause(shortly.min(left));
        shortly = (shortly * 2).min(LONGEST_PAUSE);
    }
}

/// How long a member may take for one answer. Machines without KVM are slow.
const fn patience(plan: &Plan) -> Duration {
    if plan.on_machines {
        Duration::from_secs(20)
    } else {
        PATIENCE
    }
}

/// How long a machine may take to report its state, including the login.
const MACHINES_PATIENCE: Duration = Duration::from_secs(60);

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
