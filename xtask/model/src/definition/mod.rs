//! A cluster definition as its author wrote it: `cluster/<name>.toml`, parsed into valid values, each with
//! its place in the file.

mod choice;
pub mod keys;
mod member_address;
mod member_mistakes;
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
pub(crate) use rules::MOST_MEMBERS;
pub use sections::{Etcd, Machine, PlannedEtcd, PlannedMachine};
pub use suggest::nearest;

use std::net::Ipv4Addr;
use std::sync::Arc;

use setting::Setting;

use crate::extra_user_data::ExtraUserData;
use crate::report::Source;
use crate::values::{
    ClusterName, DriverName, FlagName, FlagValue, GuestFolder, HostFolder, HostName, NamePrefix,
    Ports, Subnet,
};

/// `cluster/<name>.toml`, parsed.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The file's name without `.toml`.
    pub name: ClusterName,
    /// The file and its text, for messages that point into it.
    pub source: Arc<Source>,
    /// The members, counted or listed.
    pub members: Setting<Members>,
    /// The start of the names of counted members: `core` gives `core-01`.
    pub name_prefix: Setting<NamePrefix>,
    /// What runs the members, if the author chose.
    pub driver: Setting<Option<DriverName>>,
    /// The network of the members.
    pub network: Network,
    /// The settings of each member's machine.
    pub machine: Machine,
    /// The settings of etcd.
    pub etcd: Etcd,
    /// Whether fleet runs beside etcd (CoreOS of 2015 only).
    pub fleet: Setting<bool>,
    /// The content of the file that `machine.user_data` names.
    pub extra_user_data: Option<Arc<ExtraUserData>>,
}

impl Definition {
    /// The definition in an empty file of this name.
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
            extra_user_data: None,
        }
    }

    /// The ports of every member.
    pub const fn ports(&self) -> Ports {
        Ports {
            client: *self.etcd.client_port.get(),
            peer: *self.etcd.peer_port.get(),
        }
    }

    /// The names and addresses of all members, listed or counted.
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
    /// This many members, with names and addresses derived from the prefix and the network.
    Count(u8),
    /// These members, with the names and addresses that were written.
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
#[derive(Debug, Clone)]
pub struct Network {
    /// `subnet`: the private network that the members share.
    pub subnet: Setting<Subnet>,
    /// `first_host`: the host number of the first counted member, 101 for 192.168.56.101.
    pub first_host: Setting<u32>,
}

/// A port of every machine that the host also serves.
#[derive(Debug, Clone)]
pub struct ForwardedPort {
    /// The port on the machine.
    pub guest: Setting<u16>,
    /// The host's port for the first machine.
    pub host: Setting<u16>,
}

/// A folder of the host that is shared with every machine.
#[derive(Debug, Clone)]
pub struct SharedFolder {
    /// The folder on this host. A relative one starts at the rendered files.
    pub host: Setting<HostFolder>,
    /// The folder's path on the machines.
    pub guest: Setting<GuestFolder>,
}

/// An etcd flag that the author sets directly.
#[derive(Debug, Clone)]
pub struct ExtraFlag {
    /// The flag's name without dashes.
    pub name: Setting<FlagName>,
    /// Its value, as passed to etcd.
    pub value: Setting<FlagValue>,
}
