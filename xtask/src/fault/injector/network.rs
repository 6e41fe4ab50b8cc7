//! Steps of faults inside machines and on the network between them.

use super::super::undo::{self, Undo};
use super::{Injector, others};
use crate::plan::Member;
use crate::process;
use crate::report::Outcome;
use crate::values::HostName;

impl Injector<'_> {
    /// Runs a script on a member's machine. `undo`: the script that undoes it.
    pub(in crate::fault) fn run_inside(
        &mut self,
        member: &HostName,
        script: &str,
        undo: &str,
    ) -> Outcome<()> {
        self.note(Undo::RunInside {
            member: member.clone(),
            script: undo.to_owned(),
        })?;
        let Some(machines) = self.session.driver.machines() else {
            return Ok(());
        };
        let shell = process::shell()?;
        let ssh = machines.ssh(&shell, &self.session.home, member)?;
        let finished = process::run(ssh.args(["--", script]), self.session.driver.patience());
        undo::succeeded(&finished).map(drop)
    }

    /// Drops all packets from one member's machine to another's. The route is gone after a boot.
    pub(in crate::fault) fn cut(&mut self, from: &Member, to: &Member) -> Outcome<()> {
        let to = to.address;
        let route = format!("blackhole {to}/32");
        self.run_inside(
            &from.name,
            &format!("sudo ip route replace {route}"),
            &format!(
                "if ip route show type blackhole | grep -qwF {to}; then sudo ip route del {route}; fi"
            ),
        )
    }

    /// Drops all packets between a member and all others.
    pub(in crate::fault) fn cut_off(&mut self, member: &Member) -> Outcome<()> {
        for other in others(self.plan(), member) {
            self.cut(member, other)?;
            self.cut(other, member)?;
        }
        Ok(())
    }
}
