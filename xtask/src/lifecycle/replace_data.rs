//! Replaces the data of all members by restored data. The journal is written before anything is done;
//! whatever is killed after that, the next `up` or `restore` completes it.
//!
//! No member starts on its new data before the old data of all of them is out of the way: they have the
//! same IDs as before, and etcd could not tell one history from the other.

use super::start::refuse_a_different_cluster;
use super::stop;
use crate::driver::{self, DRIVERS, Driver};
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::plan::identity::cluster_id;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::{Restoration, high_water_mark};
use crate::steps::{self, Start};
use crate::ui::{self, Ui};
use crate::values::HostName;
use crate::workspace::Home;

/// Completes a restoration that was interrupted. Returns whether there was one. The members do not run
/// afterwards.
pub(super) fn continue_interrupted(ui: Ui, home: &Home, defined: &Plan) -> Outcome<bool> {
    let Some(restoration) = Restoration::read(home)? else {
        // One that was killed while it prepared data. What cannot be removed now does no harm.
        for driver in DRIVERS {
            let _ = driver.data().discard_staged(home, &defined.names());
        }
        return Ok(false);
    };
    let driver = driver::named(restoration.record.driver);
    refuse_a_different_cluster(&restoration.record, &driver.place(defined))?;
    ui.say(&format!(
        "continuing an interrupted restoration: {}",
        restoration.backup
    ));
    replace(ui, home, defined, restoration)?;
    Ok(true)
}

/// Replaces the data of the members. They do not run afterwards.
///
/// # Errors
///
/// If the old data of a member cannot be moved aside, everything is taken back.
pub(super) fn replace(
    ui: Ui,
    home: &Home,
    defined: &Plan,
    mut restoration: Restoration,
) -> Outcome<()> {
    let name = &home.name;
    let go_on = Hint::heals("complete it", [format!("cargo xtask up {name}")]);
    let interrupted = |state| format!("{name} {state}\n{}", ui::hint_line(&go_on));
    let is_begun = "is about to be restored, and some members may still run";
    let is_partly_restored = "is partly restored, and no member runs";
    let after_interrupt = process::on_interrupt(interrupted(is_begun));
    let driver = driver::named(restoration.record.driver);
    boot(home, driver, defined, &restoration)?;
    if restoration.is_set_aside {
        // Somebody may have started a member by hand.
        halt(ui, home, driver, &restoration).map_err(|failure| incomplete(home, failure))?;
    } else if let Err(failure) = set_aside(ui, home, driver, &mut restoration) {
        return Err(taken_back(home, driver, &restoration, failure));
    }
    after_interrupt.change(interrupted(is_partly_restored));
    place(home, driver, &restoration).map_err(|failure| incomplete(home, failure))
}

/// Puts the new data in its place. From here on, nothing is taken back.
fn place(home: &Home, driver: &dyn Driver, restoration: &Restoration) -> Outcome<()> {
    let (data, members) = (driver.data(), &restoration.members);
    data.place(home, members)?;
    restoration.record.write(home)?;
    let ids = restoration.record.members().into_iter();
    let cluster = cluster_id(ids.map(|member| member.id));
    let (backup, now) = (restoration.backup_revision, restoration.revision);
    high_water_mark::restored(home, cluster, backup, now)?;
    data.release(home, members)?;
    Restoration::remove(home)
}

fn incomplete(home: &Home, mut failure: Failure) -> Failure {
    let name = &home.name;
    let end = Diagnostic::error(format!("`{name}` is partly restored, and no member runs"));
    failure.diagnostics.push(end.hint(Hint::heals(
        "fix the cause, then complete it",
        [format!("cargo xtask up {name}")],
    )));
    failure
}

/// Starts machines that do not run, on which nothing could be done otherwise.
fn boot(
    home: &Home,
    driver: &dyn Driver,
    defined: &Plan,
    restoration: &Restoration,
) -> Outcome<()> {
    if driver.machines().is_none() {
        return Ok(());
    }
    let conditions = driver.conditions(home, &restoration.members)?;
    let both = restoration.members.iter().zip(conditions);
    let members = both.filter_map(|(member, condition)| match condition {
        Condition::Running(_) | Condition::Halted { .. } => None,
        Condition::Stopped => Some((member.clone(), InitialState::Existing)),
        Condition::Absent | Condition::Unfinished => Some((member.clone(), InitialState::New)),
    });
    let start = Start {
        members: members.collect(),
        lost: Vec::new(),
    };
    if start.members.is_empty() {
        return Ok(());
    }
    // Machines bring their own etcd.
    let Some(tools) = restoration.record.tools() else {
        return Ok(());
    };
    let plan = driver.place(defined);
    driver.start(home, &plan, &tools, &start, &mut |_, _| {})
}

/// Stops every member, also those that are not restored.
fn halt(ui: Ui, home: &Home, driver: &dyn Driver, restoration: &Restoration) -> Outcome<()> {
    let members = &restoration.members;
    let mut running: Vec<HostName> = driver.traces(home);
    running.retain(|member| !members.contains(member));
    running.extend_from_slice(members);
    let leader = match driver.machines() {
        Some(_) => None,
        None => stop::leader(home),
    };
    for group in steps::stop(&running, leader.as_ref()) {
        driver.data().halt(home, &group, &ui.saying())?;
    }
    Ok(())
}

fn set_aside(
    ui: Ui,
    home: &Home,
    driver: &dyn Driver,
    restoration: &mut Restoration,
) -> Outcome<()> {
    let data = driver.data();
    data.deliver(home, &restoration.members)?;
    halt(ui, home, driver, restoration)?;
    data.set_aside(home, &restoration.members, &restoration.time)
        .map_err(|mut failure| {
            failure.diagnostics.push(stays(home));
            failure
        })?;
    restoration.is_set_aside = true;
    restoration.write(home)
}

/// The way out if a member's data cannot be moved.
fn stays(home: &Home) -> Diagnostic {
    let name = &home.name;
    Diagnostic::error("the old data of a member stays in its place")
        .note("the member would come back under the same ID with other data than the rest")
        .hint(format!(
            "to restore the others without it, raise `generation` in `cluster/{name}.toml`: they get a new identity"
        ))
}

/// Takes everything back after a failure.
fn taken_back(
    home: &Home,
    driver: &dyn Driver,
    restoration: &Restoration,
    mut failure: Failure,
) -> Failure {
    let (data, members, name) = (driver.data(), &restoration.members, &home.name);
    let undone = data
        .put_back(home, members, &restoration.time)
        .and_then(|()| data.release(home, members))
        .and_then(|()| Restoration::remove(home))
        .and_then(|()| data.discard_staged(home, members));
    let end = match undone {
        Ok(()) => Diagnostic::error(format!("`{name}` was not restored"))
            .note("all members have their old data again")
            .hint(Hint::heals(
                "start them with it",
                [format!("cargo xtask up {name}")],
            )),
        Err(also) => {
            failure.diagnostics.extend(also.diagnostics);
            return incomplete(home, failure);
        }
    };
    failure.diagnostics.push(end);
    failure
}
