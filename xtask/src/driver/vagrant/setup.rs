//! Machines whose setup was interrupted, and their user-data.

use super::command::Vagrantfile;
use super::machine::Machine;
use super::{BOOT, Vagrant, log, provisioned, ssh};
use crate::driver::{Driver, Machines};
use crate::hint::Hint;
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::steps::Start;
use crate::values::HostName;
use crate::workspace::Home;

impl Vagrant {
    /// Destroys machines that an interrupted `up` left in their first boot. Vagrant would start
    /// them without the network and the user-data that they still lack. Machines that already have
    /// data are kept and returned: a quorum of them may have acknowledged writes.
    pub(super) fn destroy_unfinished(
        &self,
        home: &Home,
        start: &Start,
        doing: &mut dyn FnMut(&HostName, &str),
    ) -> Outcome<Vec<HostName>> {
        let is_unfinished = |(member, state): &&(HostName, InitialState)| {
            *state == InitialState::New && Machine::of(home, member).is_made()
        };
        let unfinished = start.members.iter().filter(is_unfinished);
        let unfinished: Vec<HostName> = unfinished.map(|(member, _)| member.clone()).collect();
        let conditions = self.conditions(home, &unfinished)?;
        let (mut kept, mut doomed) = (Vec::new(), Vec::new());
        for (member, condition) in unfinished.into_iter().zip(conditions) {
            if condition.is_running() && is_to_be_kept(home, &member)? {
                doing(&member, "setup was interrupted; it has data, so it is kept");
                kept.push(member);
            } else {
                doing(&member, "setup was interrupted; recreating it");
                doomed.push(member);
            }
        }
        self.destroy(home, &doomed)?;
        Ok(kept)
    }
}

/// Provisions a running machine again, because an `up` was interrupted while it did so. Vagrant
/// does not do that by itself.
pub(super) fn provision(home: &Home, plan: &Plan, member: &HostName) -> Outcome<()> {
    let shell = crate::process::shell()?;
    let machine = Machine::of(home, member);
    let provision = Vagrantfile::of(home).vagrant(&shell, &["provision", machine.name()])?;
    log::follow(home, provision, BOOT, &mut |_| {})?;
    provisioned::note(home, plan, member)
}

/// Whether a running machine has data although its setup did not finish.
///
/// # Errors
///
/// Fails if that cannot be found out.
fn is_to_be_kept(home: &Home, member: &HostName) -> Outcome<bool> {
    // Nothing starts etcd before the machine has its user-data.
    if !Machine::of(home, member).was_provisioned() {
        return Ok(false);
    }
    ssh::note_how(home, std::slice::from_ref(member))?;
    ssh::has_data(home, member).map_err(|why| {
        let name = &home.name;
        Failure::failed(
            Diagnostic::error(format!(
                "setup of `{member}` was interrupted, and it is unknown whether it has data"
            ))
            .note(why)
            .note("it is not recreated, because acknowledged writes could be lost with its data")
            .hint(Hint::heals(
                "log in to find the cause, then start it again",
                [
                    format!("cargo xtask ssh --cluster {name} {member}"),
                    format!("cargo xtask up {name}"),
                ],
            )),
        )
    })
}
