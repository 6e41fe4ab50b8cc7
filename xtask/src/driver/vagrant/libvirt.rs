//! The state of machines, from libvirt. Vagrant takes seconds to start, and then waits for the
//! address of each booting machine, one after another.

use xshell::Shell;

use super::SOON;
use super::machine::{LIBVIRT, Machine};
use super::output::State;
use crate::host::libvirt::{ABOUT_DOMAINS, URI, domains};
use crate::process;

/// The states of these machines; `None` if libvirt does not run all of them or does not answer.
pub(super) fn states(shell: &Shell, machines: &[&Machine]) -> Option<Vec<State>> {
    let ids: Vec<String> = machines
        .iter()
        .map(|machine| machine.domain())
        .collect::<Option<_>>()?;
    let virsh = shell.cmd("virsh").args(["--connect", URI, ABOUT_DOMAINS]);
    let finished = process::run(virsh, SOON);
    if !finished.success() {
        return None;
    }
    let domains = domains(&finished.stdout);
    let state = |(machine, id): (&&Machine, String)| State {
        machine: machine.name().to_owned(),
        provider: LIBVIRT.to_owned(),
        // The names that Vagrant's plugin uses.
        state: match domains.iter().find(|domain| domain.id == id) {
            None => "not_created",
            Some(domain) if domain.runs => "running",
            Some(_) => "shutoff",
        }
        .to_owned(),
    };
    Some(machines.iter().zip(ids).map(state).collect())
}
