use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::Refused;

/// An IPv4 subnet, such as 192.168.56.0/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subnet {
    network: Ipv4Addr,
    prefix: u8,
}

impl Subnet {
    /// 192.168.56.0/24: the network that VirtualBox allows by default since 6.1.28.
    pub const fn virtualbox_host_only() -> Self {
        Self {
            network: Ipv4Addr::new(192, 168, 56, 0),
            prefix: 24,
        }
    }

    /// 172.17.0.0/16: the network of Docker's default bridge.
    pub const fn docker_bridge() -> Self {
        Self {
            network: Ipv4Addr::new(172, 17, 0, 0),
            prefix: 16,
        }
    }

    /// The subnet's first address, which names it.
    pub const fn network(self) -> Ipv4Addr {
        self.network
    }

    /// The number of leading bits that all its addresses share.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The netmask, such as 255.255.255.0.
    pub const fn netmask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask(self.prefix))
    }

    /// The address that reaches all hosts at once: the last one.
    pub const fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | !mask(self.prefix))
    }

    /// The address that Vagrant's providers give to the host itself: the first after the network's.
    pub const fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() + 1)
    }

    /// Whether the address lies in this subnet.
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix) == self.network.to_bits()
    }

    /// Whether the two share an address.
    pub const fn overlaps(self, other: Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }

    /// The address `number` places after the network's, if the subnet has it.
    pub fn host(self, number: u32) -> Option<Ipv4Addr> {
        let address = Ipv4Addr::from_bits(self.network.to_bits().checked_add(number)?);
        self.contains(address).then_some(address)
    }

    /// Addresses that members can have, those with the usual host numbers first.
    pub fn member_addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        let free = move |number| self.host(number).filter(|&host| host != self.broadcast());
        let usual = (101..).map_while(free);
        usual.chain((2..101).map_while(free))
    }
}

const fn mask(prefix: u8) -> u32 {
    if prefix == 0 {
        0
    } else {
        u32::MAX << (32 - prefix)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.network, self.prefix))
    }
}

impl FromStr for Subnet {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let hint = "write a network and its prefix length, as in `192.168.56.0/24`";
        let refused = || {
            let shown = text.escape_debug();
            let network = text.split('/').next().unwrap_or_default();
            Refused::new(
                match network.parse::<Ipv6Addr>() {
                    Ok(_) => {
                        format!("`{shown}` is an IPv6 network, and members have IPv4 addresses")
                    }
                    Err(_) => format!("`{shown}` is not a subnet"),
                },
                hint,
            )
        };
        let (address, prefix) = text.split_once('/').ok_or_else(refused)?;
        let address: Ipv4Addr = address.parse().map_err(|_| refused())?;
        let plain = prefix.bytes().all(|b| b.is_ascii_digit()) && prefix.len() <= 2;
        let prefix: u8 = if plain {
            prefix.parse().map_err(|_| refused())?
        } else {
            return Err(refused());
        };
        if !(8..=29).contains(&prefix) {
            return Err(Refused::new(
                format!("a prefix of /{prefix} is not a sensible size for a cluster"),
                "use a prefix length from 8 to 29, as in `192.168.56.0/24`",
            ));
        }
        let network = Ipv4Addr::from_bits(address.to_bits() & mask(prefix));
        if network != address {
            return Err(Refused::new(
                format!("`{address}` is a host address in {network}/{prefix}"),
                format!("write the network's own address: `{network}/{prefix}`"),
            ));
        }
        Ok(Self { network, prefix })
    }
}
