use super::{HostCheck, Judgement, is_run_by};
use crate::hint::Hint;
use crate::host::{Host, Probe, Provider};
use crate::plan::{Member, Plan};
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "addresses",
    title: "no other host is known to have a member's address",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let own = plan
        .members
        .iter()
        .filter_map(|member| own(plan, host, member));
    let neighbours = plan
        .members
        .iter()
        .filter_map(|member| neighbour(plan, host, member));
    let diagnostics: Vec<Diagnostic> = own.chain(neighbours).collect();
    let evidence = match diagnostics.len() {
        0 => "none is known to be in use; none was probed".to_owned(),
        1 => "one is in use".to_owned(),
        count => format!("{count} are in use"),
    };
    let found = Judgement::of(evidence, diagnostics);
    match (&host.network.addresses, &host.network.neighbours) {
        (Probe::Seen(_), Probe::Seen(_)) => found,
        (Probe::Unknown(why), _) | (_, Probe::Unknown(why)) => {
            found.except(&format!("addresses ({why})"))
        }
        (Probe::Missing, _) | (_, Probe::Missing) => {
            found.except("addresses, because `ip` is missing (Debian and Ubuntu: `iproute2`)")
        }
    }
}

fn own(plan: &Plan, host: &Host, member: &Member) -> Option<Diagnostic> {
    let Member { name, address, .. } = member;
    let mut addresses = host.network.addresses.seen()?.iter();
    let own = addresses.find(|own| own.address == *address)?;
    let interface = &own.interface;
    Some(
        Diagnostic::error(format!(
            "`{address}`, the address of {name}, belongs to `{interface}` on this host"
        ))
        .note("packets to the member would stay on this host")
        .hint(format!(
            "give {name} another address in {}; the cluster's identity changes with it",
            plan.source
        ))
        .hint(Hint::heals(
            "or remove it from the host",
            [format!("sudo ip addr del {address} dev {interface}")],
        )),
    )
}

/// Whether this is the interface of the cluster's own network. A neighbour there with a member's address was
/// that member.
fn is_of_the_cluster(host: &Host, interface: &str) -> bool {
    let mut networks = host.libvirt_networks.seen().into_iter().flatten();
    let own = networks.find(|network| network.name == host.own.network);
    own.is_some_and(|network| network.bridge.as_deref() == Some(interface))
        || (is_run_by(host, &Provider::VirtualBox) && interface.starts_with("vboxnet"))
}

fn neighbour(plan: &Plan, host: &Host, member: &Member) -> Option<Diagnostic> {
    let Member { name, address, .. } = member;
    let mut neighbours = host.network.neighbours.seen()?.iter();
    let neighbour = neighbours.find(|neighbour| {
        neighbour.address == *address && !is_of_the_cluster(host, &neighbour.interface)
    })?;
    let (interface, card) = (&neighbour.interface, &neighbour.card);
    Some(
        Diagnostic::warning(format!(
            "another host recently answered at `{address}`, the address of {name}, on `{interface}`"
        ))
        .note(format!(
            "its network card is {card}; it may be a machine that no longer exists"
        ))
        .hint(Hint::heals(
            "remove the entry, and see whether it comes back",
            [format!("sudo ip neigh del {address} dev {interface}")],
        ))
        .hint(format!(
            "or give {name} another address in {}; the cluster's identity changes with it",
            plan.source
        )),
    )
}
