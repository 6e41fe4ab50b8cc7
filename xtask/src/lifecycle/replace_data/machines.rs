//! The machines of members whose data is replaced: they must run, because everything is done inside.
//! Members that are processes need none of this.

use crate::driver::Driver;
use crate::etcd::credentials::Credentials;
use crate::etcd::tools::Tools;
use crate::lifecycle::{machine_box, start};
use crate::observation::Condition;
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::report::Outcome;
use crate::state::Restoration;
use crate::steps::Start;
use crate::ui::Ui;
use crate::ui::progress::{Mark, Progress};
use crate::values::HostName;
use crate::workspace::Home;

/// Boots the machines that are off. Their etcd starts with its old data, as with `up`, unless it is
/// kept from that.
pub(super) fn boot(
    ui: Ui,
    home: &Home,
    driver: &dyn Driver,
    defined: &Plan,
    restoration: &Restoration,
) -> Outcome<()> {
    start_those(
        ui,
        home,
        driver,
        defined,
        restoration,
        InitialState::Existing,
    )
}

/// The members whose machines do not exist, or not completely.
pub(super) fn missing(
    home: &Home,
    driver: &dyn Driver,
    members: &[HostName],
) -> Outcome<Vec<HostName>> {
    if driver.machines().is_none() {
        return Ok(Vec::new());
    }
    let conditions = driver.conditions(home, members)?;
    Ok(startable(members, &conditions, InitialState::New))
}

/// Creates the machines that are missing. Their etcd starts without data, under the IDs of members that
/// had some, so no member with data may run.
pub(super) fn create(
    ui: Ui,
    home: &Home,
    driver: &dyn Driver,
    defined: &Plan,
    restoration: &Restoration,
) -> Outcome<()> {
    start_those(ui, home, driver, defined, restoration, InitialState::New)
}

/// The members on which something can be done: all of those that are processes.
pub(super) fn ready(
    home: &Home,
    driver: &dyn Driver,
    members: &[HostName],
) -> Outcome<Vec<HostName>> {
    if driver.machines().is_none() {
        return Ok(members.to_vec());
    }
    let conditions = driver.conditions(home, members)?;
    let both = members.iter().zip(&conditions);
    let running = both.filter(|(_, condition)| is_set_up(condition));
    Ok(running.map(|(member, _)| member.clone()).collect())
}

fn start_those(
    ui: Ui,
    home: &Home,
    driver: &dyn Driver,
    defined: &Plan,
    restoration: &Restoration,
    wanted: InitialState,
) -> Outcome<()> {
    if driver.machines().is_none() {
        return Ok(());
    }
    let members = &restoration.members;
    let conditions = driver.conditions(home, members)?;
    let chosen = startable(members, &conditions, wanted);
    if chosen.is_empty() {
        return Ok(());
    }
    let plan = driver.place(defined);
    start::render_files(ui, &home.workspace, defined)?;
    if wanted == InitialState::New {
        machine_box::have(ui, &home.workspace, &plan)?;
    }
    let ready = members.iter().zip(&conditions);
    let ready = ready.filter(|(_, condition)| is_set_up(condition));
    let ready: Vec<&HostName> = ready.map(|(member, _)| member).collect();
    let is_out_of_reach = |member: &HostName| !ready.contains(&member) && !chosen.contains(member);
    let start = Start {
        lost: plan.names().into_iter().filter(is_out_of_reach).collect(),
        members: chosen.iter().map(|one| (one.clone(), wanted)).collect(),
    };
    let mut progress = Progress::new(ui, &chosen);
    let doing = &mut |member: &HostName, doing: &str| progress.set(member, Mark::Working, doing);
    driver.start(home, &plan, &client(restoration), &start, doing)
}

/// The members whose machines are to be started in this way.
fn startable(
    members: &[HostName],
    conditions: &[Condition],
    wanted: InitialState,
) -> Vec<HostName> {
    let chosen = members.iter().zip(conditions).filter(|(_, condition)| {
        let state = match condition {
            Condition::Running(_) | Condition::Halted { .. } => None,
            Condition::Stopped => Some(InitialState::Existing),
            Condition::Absent | Condition::Unfinished => Some(InitialState::New),
        };
        state == Some(wanted)
    });
    chosen.map(|(member, _)| member.clone()).collect()
}

fn is_set_up(condition: &Condition) -> bool {
    matches!(condition, Condition::Running(_) | Condition::Halted { .. })
}

/// Machines bring their own etcd, so it does not matter whether these programs still exist.
fn client(restoration: &Restoration) -> Tools {
    let etcd = restoration.record.etcd.clone();
    Tools {
        etcd: etcd.etcd,
        etcdctl: etcd.etcdctl,
        version: etcd.version,
        origin: etcd.origin,
        certificate: None,
        credentials: Credentials::given(),
    }
}
