//! What is different on machines: etcd runs inside, as a unit that the machine's user-data describes.

use std::fs;

use crate::atomic::cannot_write;
use crate::change::apply::Life;
use crate::driver::Machines;
use crate::lifecycle::{member_machine, replace_data};
use crate::observation::{Condition, StartedWith};
use crate::render;
use crate::report::Outcome;
use crate::session::Session;
use crate::values::HostName;

/// A member, seen from inside its machine.
pub(super) struct Inside {
    pub(super) life: Life,
    pub(super) started: Option<StartedWith>,
    /// Whether the machine was set up with other user-data than that of the definition.
    pub(super) is_outdated: bool,
    /// Whether it fails before its etcd is started.
    pub(super) is_failing: bool,
}

/// Looks at these members' machines. Fails for those that cannot be inspected.
pub(super) fn look(
    session: &Session,
    machines: &dyn Machines,
    members: &[HostName],
    conditions: &[Condition],
) -> Outcome<Vec<Outcome<Inside>>> {
    let wanted = render::user_data_sha256(&session.defined);
    let both = || members.iter().zip(conditions);
    let is_on =
        |condition: &Condition| matches!(condition, Condition::Running(_) | Condition::Unfinished);
    let on = both().filter(|(_, condition)| is_on(condition));
    let on: Vec<HostName> = on.map(|(member, _)| member.clone()).collect();
    let mut seen = member_machine::look_at_all(session, machines, &on)?.into_iter();
    let inside = both().map(|(_, condition)| {
        let status = if is_on(condition) { seen.next() } else { None };
        let status = match (status, condition) {
            (Some(Ok(status)), _) => status,
            (Some(Err(failure)), Condition::Running(_)) => return Err(failure),
            (_, Condition::Stopped) => return Ok(Inside::of(Life::Stopped)),
            // Its first boot was interrupted, or is under way.
            _ => return Ok(Inside::of(Life::Absent)),
        };
        let life = match status.has_data {
            _ if member_machine::is_at_work(&status) && status.failing.is_none() => Life::Running,
            Some(false) => Life::Absent,
            Some(true) | None => Life::Stopped,
        };
        Ok(Inside {
            life,
            started: status.started,
            is_failing: status.failing.is_some(),
            is_outdated: status.user_data.as_ref() != Some(&wanted),
        })
    });
    Ok(inside.collect())
}

impl Inside {
    /// A member of which nothing else is known.
    pub(super) const fn of(life: Life) -> Self {
        Self {
            life,
            started: None,
            is_outdated: false,
            is_failing: false,
        }
    }
}

/// Keeps the data of a member that has left the cluster on this host, and destroys its machine.
pub(super) fn let_go(session: &Session, machines: &dyn Machines, member: &HostName) -> Outcome<()> {
    let Session {
        ui, home, driver, ..
    } = session;
    let members = std::slice::from_ref(member);
    // One that cannot be inspected may hold the only copy of what it has acknowledged.
    if member_machine::is_in_use(session, machines, member)? {
        driver.data().halt(home, members, &|_| ())?;
        let time = replace_data::unused_time(*driver, home, members);
        let to = home
            .folder()
            .join("removed")
            .join(format!("{member}-{time}"));
        let part = to.with_extension("part");
        // Left by a killed task.
        let _ = fs::remove_dir_all(&part);
        driver.data().copy(home, member, &part)?;
        fs::rename(&part, &to)
            .map_err(|error| cannot_write(&to, &error, "it holds the data of a removed member"))?;
        ui.say(&format!("{member}: its data is kept: {to}"));
    }
    if driver.conditions(home, members)? != [Condition::Absent] {
        machines.destroy(home, members)?;
        ui.say(&format!("{member}: its machine is destroyed"));
    }
    Ok(())
}
