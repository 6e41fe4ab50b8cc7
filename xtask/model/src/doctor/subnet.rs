use super::{HostCheck, Judgement, is_run_by, list, task};
use crate::hint::Hint;
use crate::host::libvirt::{LibvirtNetwork, URI};
use crate::host::network::{Range, Route};
use crate::host::{Host, Probe, Provider};
use crate::plan::Plan;
use crate::report::Diagnostic;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "subnet",
    title: "no other network has the members' addresses",
    judge,
};

fn judge(plan: &Plan, host: &Host) -> Judgement {
    let subnet = Range::of(plan.subnet);
    let mut diagnostics = of_libvirts_networks(plan, host, subnet);
    let routes = host.network.routes.seen().into_iter().flatten();
    let clashing = routes.filter(|route| {
        // A wider route is as good as the default route, which covers everything.
        route.to.prefix >= 8 && route.to.overlaps(subnet) && !is_libvirts(host, &route.interface)
    });
    diagnostics.extend(clashing.filter_map(|route| clash(plan, host, route)));
    let evidence = match diagnostics.len() {
        0 => format!("{subnet} is free"),
        1 => format!("{subnet} clashes with another network"),
        count => format!("{subnet} clashes with {count} other networks"),
    };
    let found = Judgement::of(evidence, diagnostics);
    let found = match &host.network.routes {
        Probe::Seen(_) => found,
        Probe::Missing => {
            found.except("routes, because `ip` is missing (Debian and Ubuntu: `iproute2`)")
        }
        Probe::Unknown(why) => found.except(&format!("routes ({why})")),
    };
    match &host.libvirt_networks {
        _ if !is_run_by(host, &Provider::Libvirt) => found,
        Probe::Seen(_) => found,
        Probe::Missing => found.except(
            "libvirt's networks, because `virsh` is missing (Debian and Ubuntu: `libvirt-clients`)",
        ),
        Probe::Unknown(why) => found.except(&format!("libvirt's networks ({why})")),
    }
}

/// Whether the interface is the bridge of a libvirt network, which libvirt knows better than the route. If
/// libvirt does not say, names that libvirt gives count as libvirt's.
fn is_libvirts(host: &Host, interface: &str) -> bool {
    if is_run_by(host, &Provider::VirtualBox) {
        return false;
    }
    match &host.libvirt_networks {
        Probe::Seen(networks) => networks
            .iter()
            .any(|network| network.bridge.as_deref() == Some(interface)),
        Probe::Missing | Probe::Unknown(_) => interface.starts_with("virbr"),
    }
}

/// Diagnostics for libvirt networks that have these addresses and are not the cluster's own, and for the
/// cluster's own if it has others. Inactive networks count too, because the plugin considers all that are
/// defined.
fn of_libvirts_networks(plan: &Plan, host: &Host, subnet: Range) -> Vec<Diagnostic> {
    if is_run_by(host, &Provider::VirtualBox) {
        return Vec::new();
    }
    let networks = host.libvirt_networks.seen().into_iter().flatten();
    networks
        .filter_map(|network| Some((network, range(network)?)))
        .filter(|(network, range)| {
            let is_own = network.name == host.own.network;
            if is_own { *range != subnet } else { range.overlaps(subnet) }
        })
        .map(|(network, range)| {
            let name = &network.name;
            if *name == host.own.network {
                return Diagnostic::error(format!(
                    "the cluster's network has the addresses `{range}`, not `{subnet}`"
                ))
                .note("it was created from an earlier definition, and Vagrant does not change it")
                .hint(Hint::heals("remove it with the machines and their data", [task(plan, "destroy")]))
                .hint(Hint::heals("or remove it alone, if its machines are gone", [removal(name)]));
            }
            // vagrant-libvirt, `CreateNetworks`: it compares the first address and nothing else.
            let diagnostic = if range.first == subnet.first {
                let already = if range == subnet {
                    format!("already has the addresses `{subnet}`")
                } else {
                    format!("starts at the same address as `{subnet}`: it has `{range}`")
                };
                Diagnostic::error(format!("libvirt's network `{name}` {already}"))
                    .note("Vagrant finds a network by its first address: if that network has DHCP, it creates no machine")
                    .note("if it has no DHCP, the machines would join it, and it would be removed with them")
            } else {
                Diagnostic::warning(format!(
                    "libvirt's network `{name}` shares addresses with `{subnet}`"
                ))
                .note("packets to these addresses may end up in the other network")
            };
            diagnostic
                .hint(Hint::heals("if nobody needs it, remove it", [removal(name)]))
                .hint(another_subnet(plan))
        })
        .collect()
}

/// The command line that removes a libvirt network, active or not.
fn removal(network: &str) -> String {
    format!(
        "virsh --connect {URI} net-destroy {network}; virsh --connect {URI} net-undefine {network}"
    )
}

fn range(network: &LibvirtNetwork) -> Option<Range> {
    let (address, prefix) = (network.address?, network.prefix?);
    let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or_default();
    Some(Range {
        first: std::net::Ipv4Addr::from_bits(address.to_bits() & !hosts),
        prefix,
    })
}

fn clash(plan: &Plan, host: &Host, route: &Route) -> Option<Diagnostic> {
    let subnet = Range::of(plan.subnet);
    let Route { to, interface } = route;
    if *to == subnet {
        // VirtualBox's own network from an earlier run, which Vagrant reuses.
        let is_own = interface.starts_with("vboxnet") && is_run_by(host, &Provider::VirtualBox);
        return (!is_own).then(|| {
            Diagnostic::error(format!(
                "`{interface}` on this host already has the network `{subnet}`"
            ))
            .note("the provider refuses to create a second network with the same addresses")
            .hint(Hint::informs(
                "see what it is",
                [format!("ip addr show {interface}")],
            ))
            .hint(another_subnet(plan))
        });
    }
    if to.prefix < subnet.prefix {
        let whose = match interface.as_str() {
            "docker0" => "Docker's default bridge".to_owned(),
            interface => format!("`{interface}`"),
        };
        return Some(
            Diagnostic::warning(format!("the subnet `{subnet}` is part of `{to}`, which {whose} has"))
                .note("the narrower route wins, so the members can be reached, but other hosts with their addresses cannot")
                .hint(another_subnet(plan)),
        );
    }
    // A route narrower than the subnet takes precedence for the addresses it covers.
    let members = plan.members.iter();
    let lost: Vec<&str> = members
        .filter(|member| to.contains(member.address))
        .map(|member| member.name.as_str())
        .collect();
    if lost.is_empty() {
        return Some(
            Diagnostic::warning(format!(
                "`{interface}` on this host has `{to}`, which is part of `{subnet}`"
            ))
            .note("no member has an address in it, but a further one may")
            .hint(another_subnet(plan)),
        );
    }
    let machines = match lost.len() {
        1 => "the machine",
        _ => "the machines",
    };
    Some(
        Diagnostic::error(format!(
            "packets to {} go to `{interface}` on this host, by its route to `{to}`",
            list(&lost)
        ))
        .note(format!(
            "the narrower route wins, so this host would not reach {machines}"
        ))
        .hint(Hint::heals(
            "if nobody needs it, remove it",
            [format!("sudo ip route del {to} dev {interface}")],
        ))
        .hint(another_subnet(plan)),
    )
}

fn another_subnet(plan: &Plan) -> String {
    format!(
        "use another `subnet` in {}; the cluster's identity changes with it",
        plan.source
    )
}
