//! A cluster definition as its author wrote it: `cluster/<name>.toml`, parsed into values that
//! cannot be wrong, each with its place in the file.

mod choice;
pub mod keys;
mod members;
pub mod read;
mod reader;
pub mod rules;
pub mod schema;
mod sections;
pub mod setting;
mod suggest;
mod syntax;
mod tables;

pub use read::read;
pub use sections::{Etcd, Machine, PlannedEtcd, PlannedMachine};
pub use suggest::nearest;

use std::net::Ipv4Addr;
use std::sync::Arc;

use setting::Setting;

use crate::report::Source;
use crate::values::{
    ClusterName, DriverName, FlagName, FlagValue, GuestFolder, HostFolder, HostName, NamePrefix,
    Subnet,
};

/// `cluster/<name>.toml`, parsed.
#[derive(Debug)]
pub struct Definition {
    /// The file's name without `.toml`.
    pub name: ClusterName,
    /// The file and its text, for messages that point into it.
    pub source: Arc<Source>,
    /// The members, counted or listed.
    pub members: Setting<Members>,
    /// What the names of counted members start with: `core` gives `core-01`.
    pub name_prefix: Setting<NamePrefix>,
    /// Who runs the members, where the author insists.
    pub driver: Setting<Option<DriverName>>,
    /// Where the members live.
    pub network: Network,
    /// What each member's machine is like.
    pub machine: Machine,
    /// What etcd each member runs, and how.
    pub etcd: Etcd,
    /// Whether fleet runs beside etcd (CoreOS of 2015 only).
    pub fleet: Setting<bool>,
}

impl Definition {
    /// What an empty file of this name means.
    pub fn with_defaults(name: ClusterName, source: Arc<Source>) -> Self {
        Self {
            name,
            source,
            members: Setting::default(Members::Count(3)),
            name_prefix: Setting::default(NamePrefix::core()),
            driver: Setting::default(None),
            network: Network {
                subnet: Setting::default(Subnet::virtualbox_host_only()),
                first_host: Setting::default(101),
            },
            machine: Machine::default(),
            etcd: Etcd::default(),
            fleet: Setting::default(false),
        }
    }

    /// The names and addresses of all members, given or counted.
    pub fn named_addresses(&self) -> Vec<(HostName, Ipv4Addr)> {
        let network = &self.network;
        let counted = |index| {
            let number = network.first_host.get().checked_add(u32::from(index))?;
            let name = self.name_prefix.get().numbered(index + 1);
            Some((name, network.subnet.get().host(number)?))
        };
        match self.members.get() {
            Members::List(entries) => entries
                .iter()
                .map(|entry| (entry.name.get().clone(), *entry.address.get()))
                .collect(),
            Members::Count(count) => (0..*count).filter_map(counted).collect(),
        }
    }
}

/// `members`: a number, or a list.
#[derive(Debug, Clone)]
pub enum Members {
    /// So many, with names and addresses derived from the prefix and the network.
    Count(u8),
    /// Exactly these, with the names and addresses that were written.
    List(Vec<MemberEntry>),
}

/// One entry of a member list.
#[derive(Debug, Clone)]
pub struct MemberEntry {
    /// The host name of its machine, and its name in etcd.
    pub name: Setting<HostName>,
    /// Its address in the subnet.
    pub address: Setting<Ipv4Addr>,
}

/// The addresses that the members get.
#[derive(Debug)]
pub struct Network {
    /// `subnet`: the private network that the members share.
    pub subnet: Setting<Subnet>,
    /// `first_host`: the host number of the first counted member, 101 for 192.168.56.101.
    pub first_host: Setting<u32>,
}

/// A port of every machine that the host serves too.
#[derive(Debug, Clone)]
pub struct ForwardedPort {
    /// The port on the machine.
    pub guest: Setting<u16>,
    /// The host's port for the first machine.
    pub host: Setting<u16>,
}

/// A folder of the host that every machine sees.
#[derive(Debug, Clone)]
pub struct SharedFolder {
    /// The folder on this host. A relative one starts at the rendered files.
    pub host: Setting<HostFolder>,
    /// Where the machines see it.
    pub guest: Setting<GuestFolder>,
}

/// A flag of etcd that the author sets directly.
#[derive(Debug, Clone)]
pub struct ExtraFlag {
    /// The flag's name without dashes.
    pub name: Setting<FlagName>,
    /// Its value, as etcd would be given it.
    pub value: Setting<FlagValue>,
}
