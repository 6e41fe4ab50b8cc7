use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::ops::Range;

use super::RuleAcross;
use crate::definition::{Definition, Members};
use crate::report::Diagnostic;
use crate::values::{DriverName, Ports, Subnet, loopback};

/// No two definitions should claim the same address, because their clusters could not run at the same time.
/// The same holds for addresses that become the same loopback address on this host, where clusters with
/// different ports may share addresses.
pub(super) static RULE: RuleAcross = RuleAcross {
    name: "shared_addresses",
    judge: |definitions, out| {
        let mut claimed: HashMap<Ipv4Addr, Vec<(&Definition, Ipv4Addr)>> = HashMap::new();
        for definition in definitions {
            let addresses = addresses(definition);
            // One clash is enough: if one address is claimed twice, the others often are too.
            let shared = addresses.iter().find_map(|address| {
                let mut claims = claimed.get(&loopback(*address))?.iter();
                let first = claims.find(|claim| are_in_the_way((definition, *address), **claim))?;
                Some((*address, *first))
            });
            if let Some((address, first)) = shared {
                out.push(clash((definition, address), first, definitions));
            }
            for address in addresses {
                let entry = claimed.entry(loopback(address)).or_default();
                entry.push((definition, address));
            }
        }
    },
};

/// Whether the clusters of these two claims of one loopback address cannot run at the same time. Machines need
/// an address for themselves, processes only a port.
fn are_in_the_way(
    (definition, address): (&Definition, Ipv4Addr),
    (other, before): (&Definition, Ipv4Addr),
) -> bool {
    let is_local = |one: &Definition| *one.driver.get() == Some(DriverName::Local);
    let on_machines = !is_local(definition) && !is_local(other);
    share_a_port(definition, other) || (address == before && on_machines)
}

fn share_a_port(definition: &Definition, other: &Definition) -> bool {
    let Ports { client, peer } = other.ports();
    let ports = definition.ports();
    [ports.client, ports.peer]
        .iter()
        .any(|port| [client, peer].contains(port))
}

fn addresses(definition: &Definition) -> Vec<Ipv4Addr> {
    let known = definition.members.known().is_some()
        && definition.network.subnet.known().is_some()
        && definition.network.first_host.known().is_some();
    if known {
        let named = definition.named_addresses().into_iter();
        named.map(|(_, address)| address).collect()
    } else {
        Vec::new()
    }
}

fn clash(
    (definition, address): (&Definition, Ipv4Addr),
    (other, before): (&Definition, Ipv4Addr),
    all: &[Definition],
) -> Diagnostic {
    let (name, first) = (&definition.name, &other.name);
    let mut diagnostic = if address == before {
        Diagnostic::warning(format!(
            "`{first}` and `{name}` both claim the address `{address}`"
        ))
        .note(if share_a_port(definition, other) {
            "only one of them can be up at a time"
        } else {
            "only one of them can be up on virtual machines; as their ports differ, both can be up as \
             processes on this host"
        })
    } else {
        Diagnostic::warning(format!(
            "`{before}` of `{first}` and `{address}` of `{name}` are both `{}` on loopback",
            loopback(address)
        ))
        .note("as processes on this host, only one of them can be up at a time")
    };
    let claims = [(definition, address), (other, before)];
    let written = claims.map(|(definition, address)| claim(definition, address));
    for ((definition, _), span) in claims.iter().zip(&written) {
        let Some(span) = span.clone() else { continue };
        diagnostic = if diagnostic.place.is_some() {
            diagnostic.and_at(&definition.source, span, "and here")
        } else {
            diagnostic.at(&definition.source, span, "claimed here")
        };
    }
    for ((definition, address), span) in claims.iter().zip(&written).rev() {
        if span.is_none() {
            let path = &definition.source.path;
            diagnostic = diagnostic.note(format!("`{path}` claims `{address}` by default"));
        }
    }
    diagnostic = diagnostic.hint(match free_subnet(all) {
        Some(free) => {
            format!("give `{name}` its own subnet under `[network]`, such as `subnet = \"{free}\"`")
        }
        None => format!("give `{name}` its own subnet under `[network]`"),
    });
    if share_a_port(definition, other) {
        diagnostic
    } else {
        diagnostic.hint("or write `driver = \"local\"` into both, if neither needs machines")
    }
}

/// A subnet that no definition uses, among those that VirtualBox allows by default.
fn free_subnet(definitions: &[Definition]) -> Option<Subnet> {
    let used: BTreeSet<u8> = definitions
        .iter()
        .flat_map(addresses)
        .map(|address| address.octets())
        .filter(|octets| octets[1] == 168)
        .map(|octets| octets[2])
        .collect();
    let mut thirds = (57..64).filter(|third| !used.contains(third));
    let third = thirds.next()?;
    format!("192.168.{third}.0/24").parse().ok()
}

/// The place of the value that this address follows from.
fn claim(definition: &Definition, address: Ipv4Addr) -> Option<Range<usize>> {
    if let Members::List(entries) = definition.members.get() {
        return entries
            .iter()
            .find(|entry| *entry.address.get() == address)?
            .address
            .span();
    }
    let network = &definition.network;
    network.subnet.span().or_else(|| network.first_host.span())
}
