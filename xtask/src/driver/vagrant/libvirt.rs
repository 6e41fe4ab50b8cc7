//! How machines are, by libvirt's own word. Vagrant's takes seconds to begin, and then waits for the
//! address of each machine that is still booting, one after the other.

use xshell::Shell;

use super::SOON;
use super::machine::{LIBVIRT, Machine};
use super::output::State;
use crate::host::libvirt::{ABOUT_DOMAINS, URI, domains};
use crate::process;

/// The states of these machines; nothing where libvirt does not run all of them, or cannot be asked.
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
        // In the words of Vagrant's plugin.
        state: match domains.iter().find(|domain| domain.id == id) {
            None => "not_created",
            Some(domain) if domain.runs => "running",
            Some(_) => "shutoff",
        }
        .to_owned(),
    };
    Some(machines.iter().zip(ids).map(state).collect())
}
