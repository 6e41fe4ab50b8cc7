//! Reads the output of `ip -json` about routes, addresses and neighbours.

use std::fmt;
use std::net::Ipv4Addr;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Probe;
use crate::values::Subnet;

/// The networks around this host.
#[derive(Debug, Clone)]
pub struct HostNetwork {
    /// Its routes, without the default route, which covers every subnet.
    pub routes: Probe<Vec<Route>>,
    /// Its own addresses.
    pub addresses: Probe<Vec<Address>>,
    /// The neighbours that it recently saw on its links.
    pub neighbours: Probe<Vec<Neighbour>>,
}

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first address.
    pub first: Ipv4Addr,
    /// The number of bits that they share.
    pub prefix: u8,
}

/// Where packets to some addresses go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The addresses that it leads to.
    pub to: Range,
    /// The interface that packets leave by, such as `eth0`.
    pub interface: String,
}

/// An address of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address, without the length of its prefix.
    pub address: Ipv4Addr,
    /// The interface that has it.
    pub interface: String,
}

/// An address of another host on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The address that the host answered at.
    pub address: Ipv4Addr,
    /// The interface towards that link.
    pub interface: String,
    /// The address of the network card that answered.
    pub card: String,
}

impl Range {
    /// The addresses of a subnet.
    pub const fn of(subnet: Subnet) -> Self {
        Self {
            first: subnet.network(),
            prefix: subnet.prefix(),
        }
    }

    /// Whether an address is one of them.
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.first.to_bits()) & mask(self.prefix) == 0
    }

    /// Whether two ranges share an address.
    pub const fn overlaps(self, other: Self) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }

    fn read(text: &str) -> Option<Self> {
        let (first, prefix) = text.split_once('/').unwrap_or((text, "32"));
        Some(Self {
            first: first.parse().ok()?,
            prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)?,
        })
    }
}

const fn mask(prefix: u8) -> u32 {
    match prefix {
        0 => 0,
        prefix => u32::MAX << (32 - prefix),
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.first, self.prefix))
    }
}

/// A list of entries; some versions print nothing at all if there are none.
fn list<T: DeserializeOwned>(text: &str) -> Option<Vec<T>> {
    match text.trim() {
        "" => Some(Vec::new()),
        text => serde_json::from_str(text).ok(),
    }
}

/// Reads what `ip -json route` prints.
pub fn routes(text: &str) -> Option<Vec<Route>> {
    #[derive(Deserialize)]
    struct Entry {
        dst: String,
        dev: Option<String>,
    }
    let entries: Vec<Entry> = list(text)?;
    let routes = entries.into_iter().filter_map(|entry| {
        Some(Route {
            to: Range::read(&entry.dst)?,
            interface: entry.dev?,
        })
    });
    Some(routes.collect())
}

/// Reads what `ip -json addr` prints.
pub fn addresses(text: &str) -> Option<Vec<Address>> {
    #[derive(Deserialize)]
    struct Entry {
        // Older versions print empty entries without a name.
        #[serde(default)]
        ifname: String,
        #[serde(default)]
        addr_info: Vec<Info>,
    }
    #[derive(Deserialize)]
    struct Info {
        local: Option<String>,
    }
    let entries: Vec<Entry> = list(text)?;
    let addresses = entries.into_iter().flat_map(|entry| {
        let Entry { ifname, addr_info } = entry;
        addr_info.into_iter().filter_map(move |info| {
            Some(Address {
                address: info.local?.parse().ok()?,
                interface: ifname.clone(),
            })
        })
    });
    Some(addresses.collect())
}

/// Reads what `ip -json neigh` prints: the neighbours that have answered.
pub fn neighbours(text: &str) -> Option<Vec<Neighbour>> {
    #[derive(Deserialize)]
    struct Entry {
        dst: String,
        #[serde(default)]
        dev: String,
        lladdr: Option<String>,
        #[serde(default)]
        state: Vec<String>,
    }
    let entries: Vec<Entry> = list(text)?;
    let neighbours = entries.into_iter().filter_map(|entry| {
        let answered = !entry.state.iter().any(|state| state == "FAILED");
        Some(Neighbour {
            address: entry.dst.parse().ok()?,
            interface: entry.dev,
            // A neighbour that did not answer has none.
            card: entry.lladdr.filter(|_| answered)?,
        })
    });
    Some(neighbours.collect())
}
