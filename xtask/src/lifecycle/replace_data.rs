//! Replaces the data of all members by restored data. The journal is written before anything is done;
//! whatever is killed after that, the next `up` or `restore` completes it.
//!
//! No member starts on its new data before the old data of all of them is out of the way: they have the
//! same IDs as before, and etcd could not tell one history from the other.

mod machines;

use super::start::refuse_a_different_cluster;
use super::{backup, stop};
use crate::driver::{self, DRIVERS, Driver};
use crate::fault;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::{Replacement, Restoration, file_time, high_water_mark};
use crate::steps;
use crate::ui::{self, Ui};
use crate::values::HostName;
use crate::wording::list;
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
        restoration.backup.escape_debug()
    ));
    if let Err(failure) = prepare(ui, home, defined, &restoration) {
        return Err(if restoration.is_set_aside {
            incomplete(home, failure)
        } else if restoration.is_begun {
            taken_back(home, driver, &restoration, failure)
        } else {
            dropped(home, driver, &restoration, failure)
        });
    }
    replace(ui, home, defined, restoration)?;
    Ok(true)
}

/// Brings the new data to where the members are. Nothing is stopped, and machines that are off are
/// booted.
pub(super) fn prepare(
    ui: Ui,
    home: &Home,
    defined: &Plan,
    restoration: &Restoration,
) -> Outcome<()> {
    let name = &home.name;
    let _interrupted = process::on_interrupt(format!(
        "{name} is about to be restored\n{}",
        ui::hint_line(&to_complete(home, "complete it"))
    ));
    let driver = driver::named(restoration.record.driver);
    machines::boot(ui, home, driver, defined, restoration)?;
    if restoration.is_set_aside {
        return Ok(());
    }
    let ready = machines::ready(home, driver, &restoration.members)?;
    driver.data().deliver(home, &ready)
}

/// Drops a restoration that could not be prepared.
pub(super) fn dropped(
    home: &Home,
    driver: &dyn Driver,
    restoration: &Restoration,
    mut failure: Failure,
) -> Failure {
    let (data, members, name) = (driver.data(), &restoration.members, &home.name);
    if let Err(also) = Restoration::remove(home) {
        failure.diagnostics.extend(also.diagnostics);
        return failure;
    }
    // Prepared data that stays is replaced by the next restoration.
    let ready = machines::ready(home, driver, members);
    let _ = ready.and_then(|ready| data.put_back(home, &ready, &restoration.time));
    let _ = data.discard_staged(home, members);
    let end = Diagnostic::error(format!("`{name}` was not restored"))
        .note("no member was stopped, and no data was changed");
    failure.diagnostics.push(end);
    failure
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
    let interrupted = |state| {
        let go_on = ui::hint_line(&to_complete(home, "complete it"));
        format!("{name} {state}\n{go_on}")
    };
    let is_begun = "is about to be restored, and some members may still run";
    let is_partly_restored = "is partly restored, and no member runs";
    let after_interrupt = process::on_interrupt(interrupted(is_begun));
    let driver = driver::named(restoration.record.driver);
    let was_set_aside = restoration.is_set_aside;
    if let Err(failure) = set_aside(ui, home, driver, defined, &mut restoration) {
        return Err(if was_set_aside {
            incomplete(home, failure)
        } else {
            taken_back(home, driver, &restoration, failure)
        });
    }
    after_interrupt.change(interrupted(is_partly_restored));
    place(home, driver, &restoration).map_err(|failure| incomplete(home, failure))
}

/// Stops the members and moves their data aside. If that is done already, only that of machines that
/// somebody has destroyed since.
fn set_aside(
    ui: Ui,
    home: &Home,
    driver: &dyn Driver,
    defined: &Plan,
    restoration: &mut Restoration,
) -> Outcome<()> {
    let data = driver.data();
    // In any case: somebody may have started a member by hand.
    let mut ready = machines::ready(home, driver, &restoration.members)?;
    restoration.is_begun = true;
    restoration.write(home)?;
    halt(ui, home, driver, &ready)?;
    let mut created = restoration.created.clone();
    let mut missing = machines::missing(home, driver, &restoration.members)?;
    missing.retain(|member| !created.contains(member));
    created.append(&mut missing);
    restoration.created.clone_from(&created);
    if !created.is_empty() {
        restoration.write(home)?;
        machines::create(ui, home, driver, defined, restoration)?;
        data.halt(home, &created, &ui.saying())?;
        data.deliver(home, &created)?;
    }
    ready.retain(|member| !restoration.is_set_aside && !created.contains(member));
    let members = [ready, created].concat();
    // Otherwise, the drill that took it away would put it in the place of the restored data.
    fault::return_data(home, driver)?;
    data.set_aside(home, &members, &restoration.time)
        .map_err(|mut failure| {
            failure.diagnostics.push(stays(home));
            failure
        })?;
    restoration.created.clear();
    restoration.is_set_aside = true;
    restoration.write(home)
}

/// The way out if a member's data cannot be moved.
fn stays(home: &Home) -> Diagnostic {
    let name = &home.name;
    Diagnostic::error("the old data of a member stays in its place")
        .note("the member would come back under the same ID with other data than the rest")
        .hint(format!(
            "to restore the others without it, raise `generation` under `[etcd]` in `cluster/{name}.toml`: they get a new identity"
        ))
}

/// Puts the new data in its place. From here on, nothing is taken back.
fn place(home: &Home, driver: &dyn Driver, restoration: &Restoration) -> Outcome<()> {
    let (data, members) = (driver.data(), &restoration.members);
    data.place(home, members)?;
    restoration.record.write(home)?;
    let cluster = restoration.record.cluster_id();
    let (backup, now) = (restoration.backup_revision, restoration.revision);
    high_water_mark::restored(home, cluster, backup, now)?;
    // Its member has the data of the others now.
    Replacement::remove(home)?;
    data.release(home, members)?;
    Restoration::remove(home)
}

/// Stops members, and processes of earlier definitions: machines of these have other IDs.
fn halt(ui: Ui, home: &Home, driver: &dyn Driver, members: &[HostName]) -> Outcome<()> {
    let (mut running, leader) = match driver.machines() {
        Some(_) => (Vec::new(), None),
        None => (driver.traces(home), stop::leader(home)),
    };
    running.retain(|member| !members.contains(member));
    running.extend_from_slice(members);
    for group in steps::stop(&running, leader.as_ref()) {
        driver.data().halt(home, &group, &ui.saying())?;
    }
    Ok(())
}

/// Takes everything back after a failure.
fn taken_back(
    home: &Home,
    driver: &dyn Driver,
    restoration: &Restoration,
    mut failure: Failure,
) -> Failure {
    let (data, members, name) = (driver.data(), &restoration.members, &home.name);
    // Without data, one of these could vote against what it has forgotten.
    let (created, others): (Vec<HostName>, Vec<HostName>) = members
        .iter()
        .cloned()
        .partition(|member| restoration.created.contains(member));
    let undone = machines::ready(home, driver, &created)
        .and_then(|created| data.halt(home, &created, &|_| ()))
        .and_then(|()| data.put_back(home, &others, &restoration.time))
        .and_then(|()| data.release(home, &others))
        .and_then(|()| Restoration::remove(home))
        .and_then(|()| data.discard_staged(home, members));
    let end = match undone {
        Ok(()) if !created.is_empty() => Diagnostic::error(format!("`{name}` was not restored"))
            .note(format!(
                "not started, because their machines are new and have no data: {}",
                list(&created)
            ))
            .note("all other members have their old data again")
            .hint(Hint::informs(
                "see what is left; a restoration starts all of them",
                [format!("cargo xtask verify {name}")],
            )),
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

/// A restoration that can be neither completed nor taken back now.
fn incomplete(home: &Home, mut failure: Failure) -> Failure {
    let name = &home.name;
    let end = Diagnostic::error(format!("`{name}` is partly restored, and no member runs"));
    let end = end.hint(to_complete(home, "fix the cause, then complete it"));
    failure.diagnostics.push(end);
    failure
}

fn to_complete(home: &Home, why: &str) -> Hint {
    Hint::heals(why, [format!("cargo xtask up {}", home.name)])
}

/// A time for the names of the replaced data that no earlier task has used.
pub(super) fn unused_time(driver: &dyn Driver, home: &Home, members: &[HostName]) -> String {
    let time = file_time::written(&backup::now());
    let times = (1..).map(|number| match number {
        1 => time.clone(),
        _ => format!("{time}-{number}"),
    });
    let is_used = |time: &str| {
        let mut members = members.iter();
        // A restoration of machines takes longer than a second.
        driver.machines().is_none()
            && members.any(|member| driver.data().aside(home, member, time).is_some())
    };
    let mut unused = times.filter(|time| !is_used(time));
    unused.next().unwrap_or_default()
}
