use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::RuleAcross;
use crate::definition::{Definition, Members};
use crate::plan::named_addresses;
use crate::report::Diagnostic;

/// No two definitions claim the same address: their clusters could not run at the same time.
pub(super) static RULE: RuleAcross = RuleAcross {
    name: "shared_addresses",
    judge: |definitions, out| {
        let mut claimed: HashMap<Ipv4Addr, &Definition> = HashMap::new();
        for definition in definitions {
            let addresses = addresses(definition);
            // One clash says enough: where one address is claimed twice, the others often are.
            let shared = addresses
                .iter()
                .find_map(|address| Some((*address, *claimed.get(address)?)));
            if let Some((address, first)) = shared {
                out.push(clash(definition, first, address));
            }
            for address in addresses {
                claimed.entry(address).or_insert(definition);
            }
        }
    },
};

fn addresses(definition: &Definition) -> Vec<Ipv4Addr> {
    let known = definition.members.known().is_some()
        && definition.network.subnet.known().is_some()
        && definition.network.first_host.known().is_some();
    if known {
        let named = named_addresses(definition).into_iter();
        named.map(|(_, address)| address).collect()
    } else {
        Vec::new()
    }
}

fn clash(definition: &Definition, other: &Definition, shared: Ipv4Addr) -> Diagnostic {
    let (name, before) = (&definition.name, &other.name);
    let mut diagnostic = Diagnostic::warning(format!(
        "`{before}` and `{name}` both claim the address `{shared}`"
    ))
    .note("only one of them can be up at a time");
    if let Some(span) = claim(definition, shared) {
        diagnostic = diagnostic.at(&definition.source, span, "claimed here");
    }
    if let Some(span) = claim(other, shared) {
        diagnostic = if diagnostic.place.is_some() {
            diagnostic.and_at(&other.source, span, "and here")
        } else {
            diagnostic.at(&other.source, span, "claimed here")
        };
    }
    for quiet in [other, definition] {
        if claim(quiet, shared).is_none() {
            let path = &quiet.source.path;
            diagnostic = diagnostic.note(format!("`{path}` claims it by default"));
        }
    }
    diagnostic.hint(format!(
        "give `{name}` a subnet of its own under `[network]`, such as `subnet = \"192.168.60.0/24\"`"
    ))
}

/// What the author wrote that leads to this address.
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
