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
}

/// Looks at these members' machines.
pub(super) fn look(
    session: &Session,
    machines: &dyn Machines,
    members: &[HostName],
    conditions: &[Condition],
) -> Outcome<Vec<Inside>> {
    let wanted = render::user_data_sha256(&session.defined);
    let both = members.iter().zip(conditions);
    both.map(|(member, condition)| {
        let life = match condition {
            Condition::Running(_) | Condition::Halted { .. } => Life::Running,
            Condition::Stopped => Life::Stopped,
            Condition::Absent | Condition::Unfinished => Life::Absent,
        };
        if life != Life::Running {
            return Ok(Inside {
                life,
                started: None,
                is_outdated: false,
            });
        }
        let status = member_machine::look(session, machines, member)?;
        let life = match status.has_data {
            _ if member_machine::is_at_work(&status) => Life::Running,
            Some(false) => Life::Absent,
            Some(true) | None => Life::Stopped,
        };
        Ok(Inside {
            life,
            started: status.started,
            is_outdated: status.user_data.is_some_and(|digest| digest != wanted),
        })
    })
    .collect()
}

/// Keeps the data of a member that has left the cluster on this host, and destroys its machine.
pub(super) fn let_go(session: &Session, machines: &dyn Machines, member: &HostName) -> Outcome<()> {
    let Session {
        ui, home, driver, ..
    } = session;
    let members = std::slice::from_ref(member);
    member_machine::boot(session, member)?;
    let conditions = driver.conditions(home, members)?;
    if let Some(Condition::Running(_)) = conditions.first()
        && member_machine::look(session, machines, member)?.has_data != Some(false)
    {
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
    if conditions != [Condition::Absent] {
        machines.destroy(home, members)?;
        ui.say(&format!("{member}: its machine is destroyed"));
    }
    Ok(())
}
