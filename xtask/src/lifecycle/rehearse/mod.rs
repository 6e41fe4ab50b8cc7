//! Rehearses outages and changes: one drill after another. An outage begins and ends with a healthy cluster; a change
//! is made on a copy.

mod change;
mod copy;
mod experiment;
mod rehearsal;
pub mod report;
mod restoration;
mod under_load;

use std::time::{Duration, SystemTime};

use camino::Utf8Path;

use super::{apply, backup, open, restore, unfinished};
use crate::change::rehearsals::Rehearsal;
use crate::drill::Drill;
use crate::etcd::tools::{Tools, ToolsOrigin};
use crate::fault::{Fault, Resources};
use crate::hint::Hint;
use crate::plan::{GATEWAY_FLAG, Plan};
use crate::process::{self, DeferredInterrupt};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::values::{DriverName, EtcdVersion};
use experiment::Experiment;
use rehearsal::Binaries;

pub use change::{ChangeCost, Changed, Load};
pub(super) use change::{change_under_load, refuse_without_clients};
pub(super) use under_load::Timeline;

/// The requests per second of all clients together, unless the user asks for others.
pub const RATE: u32 = 100;

/// The settings of drills.
#[derive(Debug)]
pub struct DrillRequest {
    /// Resources that faults may need.
    pub resources: Resources,
    /// The minimum duration of a fault.
    pub hold: Duration,
    /// The maximum rate of all clients together, in requests per second.
    pub rate: u32,
}

/// The drills of one call. Until it is dropped, nobody else changes the cluster and the first
/// interruption is deferred, so that the results reach their user.
pub struct DrillsRun {
    /// When the first one started.
    pub started: SystemTime,
    /// The finished drills.
    pub drills: Vec<Drill>,
    /// Why the next one could not run.
    pub ended: Outcome<()>,
    _lock: Lock,
    _interruption: DeferredInterrupt,
}

/// Injects the faults one after another.
///
/// # Errors
///
/// Fails before anything is changed if another task changed the cluster, or an earlier drill left a
/// fault in it.
pub fn rehearse(
    session: &Session,
    request: &DrillRequest,
    faults: &[&'static Fault],
) -> Outcome<DrillsRun> {
    let name = &session.home.name;
    let line = format!(
        "interrupted: healing {name} first; press Ctrl-C again to stop at once, then run `cargo xtask up {name}` to heal the rest"
    );
    let titled = |fault: &Fault| (fault.name, fault.title);
    one_after_another(session, line, faults, titled, &|fault, interruption| {
        let experiment = Experiment {
            session,
            request,
            interruption,
        };
        match experiment.run(fault) {
            Ok(drill) => (Some(drill), Ok(())),
            Err(failure) => (None, Err(failure)),
        }
    })
}

/// The version of a rehearsed upgrade.
#[derive(Debug, Clone, Copy)]
pub struct UpgradeTo<'a> {
    /// The version.
    pub version: EtcdVersion,
    /// A folder that holds it; none to look for it.
    pub folder: Option<&'a Utf8Path>,
}

impl UpgradeTo<'_> {
    fn binaries(self, session: &Session) -> Outcome<Tools> {
        let plan = session.defined.pinned_to(self.version);
        apply::find_version(session, &plan, self.folder)
    }
}

/// Rehearses the changes one after another, each on a new copy of the cluster.
///
/// # Errors
///
/// As [`rehearse`], and if this host cannot restore the cluster's backups.
pub fn rehearse_changes(
    session: &Session,
    load: Load,
    rehearsals: &[&'static Rehearsal],
    upgrade_to: Option<UpgradeTo<'_>>,
) -> Outcome<DrillsRun> {
    let newer = upgrade_to.map(|to| to.binaries(session)).transpose()?;
    // Those of this host, also if the members are machines.
    let tools = open::of_record(&session.home, session.record.clone()).tools()?;
    restore::refuse_other_version(&tools, &session.plan)?;
    let name = &session.home.name;
    let line = format!(
        "interrupted: removing the copy of {name} first; press Ctrl-C again to leave that to the next `cargo xtask up {name}`"
    );
    let titled = |rehearsal: &Rehearsal| (rehearsal.name, rehearsal.title);
    one_after_another(session, line, rehearsals, titled, &|one, interruption| {
        let binaries = Binaries {
            tools: &tools,
            newer: newer.as_ref(),
        };
        rehearsal::run(session, &binaries, load, one, interruption)
    })
}

/// What is known of a drill, and why the next one cannot run.
type Ran = (Option<Drill>, Outcome<()>);

/// Runs drills until one fails. `line`: printed on an interruption. `titled`: the name of a drill, and what happens.
fn one_after_another<T>(
    session: &Session,
    line: String,
    chosen: &[&'static T],
    titled: fn(&T) -> (&'static str, &'static str),
    run: &dyn Fn(&'static T, &DeferredInterrupt) -> Ran,
) -> Outcome<DrillsRun> {
    let (ui, home) = (session.ui, &session.home);
    let lock = Lock::take(home, &format!("drill {}", home.name), &ui.saying())?;
    refuse_changed_cluster(session)?;
    unfinished::refuse(home)?;
    backup::end_leftovers(home)?;
    let interruption = process::defer_interrupt(line);
    let started = SystemTime::now();
    let mut drills = Vec::new();
    let mut ended = Ok(());
    for (number, one) in chosen.iter().enumerate() {
        let (name, title) = titled(one);
        let of_all = match chosen.len() {
            1 => String::new(),
            all => format!("[{}/{all}] ", number + 1),
        };
        ui.say(&format!("{of_all}{name}: {title}"));
        let (drill, outcome) = run(one, &interruption);
        drills.extend(drill);
        if outcome.is_err() {
            ended = outcome;
            break;
        }
    }
    Ok(DrillsRun {
        started,
        drills,
        ended,
        _lock: lock,
        _interruption: interruption,
    })
}

/// Why no drill is possible on a cluster, and no change under load: its clients cannot reach it or use its API.
pub struct NoClients {
    /// Short, for the list of faults.
    pub in_short: String,
    /// In full, for a requested drill.
    pub refusal: Failure,
}

/// Whether clients can use a started cluster: they need the v3 API and the members' addresses.
pub fn no_clients(session: &Session) -> Option<NoClients> {
    no_v3_api(&session.plan).or_else(|| {
        (session.tools.origin == ToolsOrigin::Machine).then(|| NoClients {
            in_short: "this host cannot reach the members".to_owned(),
            refusal: Failure::could_not_look(
                Diagnostic::error(
                    "this host cannot reach the members' addresses, which the clients use",
                )
                .hint("run it on the host of the machines"),
            ),
        })
    })
}

/// Whether clients could use a plan's cluster, if this host reaches it.
pub fn no_v3_api(plan: &Plan) -> Option<NoClients> {
    let version = plan.version();
    if !plan.has_gateway() {
        let file = &plan.source;
        return Some(NoClients {
            in_short: "etcd's gRPC gateway is off".to_owned(),
            refusal: Failure::usage(
                Diagnostic::error("etcd's gRPC gateway is off, which a drill's clients use").hint(
                    format!("remove `{GATEWAY_FLAG}` from `{file}`, and apply that"),
                ),
            ),
        });
    }
    version.is_v2().then(|| NoClients {
        in_short: format!("etcd {version} has no v3 API"),
        refusal: Failure::usage(
            Diagnostic::error(format!(
                "etcd {version} has no v3 API, which a drill's clients use"
            ))
            .hint("run the drill on a cluster of etcd 3"),
        ),
    })
}

/// Why a fault cannot be injected into this plan's cluster. Without a driver, it is not yet known.
pub fn obstacle(
    fault: &Fault,
    driver: Option<DriverName>,
    plan: &Plan,
    resources: &Resources,
) -> Option<String> {
    if let Some(driver) = driver
        && !fault.drivers.contains(&driver)
    {
        let [first, ..] = fault.drivers else {
            return Some("is not possible with any driver".to_owned());
        };
        return Some(format!("needs the {first} driver"));
    }
    (fault.obstacle)(plan, resources)
}

/// The task that held the lock may have destroyed the cluster, or changed its etcd.
fn refuse_changed_cluster(session: &Session) -> Outcome<()> {
    let now = open::again(&session.home)?;
    if now.is_some_and(|now| now.record == session.record) {
        return Ok(());
    }
    let name = &session.home.name;
    Err(Failure::could_not_look(
        Diagnostic::error(format!("another task changed `{name}` in the meantime")).hint(
            Hint::informs("check the cluster", [format!("cargo xtask verify {name}")]),
        ),
    ))
}
