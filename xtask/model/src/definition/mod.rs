//! A cluster definition as its author wrote it: `cluster/<name>.toml`, parsed into values that
//! cannot be wrong, each with its place in the file.

pub mod keys;
mod members;
pub mod read;
mod reader;
pub mod rules;
pub mod schema;
pub mod setting;
mod suggest;
mod syntax;
mod tables;

pub use read::read;
pub use suggest::nearest;

use std::net::Ipv4Addr;
use std::sync::Arc;

use setting::Setting;

use crate::profile::{PROFILES, Profile, Runtime};
use crate::report::Source;
use crate::values::{
    Architecture, Channel, ClusterName, DriverName, EtcdVersion, FlagName, FlagValue, GuestFolder,
    HostFolder, HostName, ImageName, ImageVersion, NamePrefix, ReleaseUrl, Sha256, Subnet, Token,
    Virtualization,
};

/// `cluster/<name>.toml`, parsed.
#[derive(Debug)]
pub struct Definition {
    /// The file's name without `.toml`.
    pub name: ClusterName,
    /// The file.
    pub source: Arc<Source>,
    /// Who takes part.
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
            machine: Machine {
                profile: Setting::default(PROFILES[0]),
                channel: Setting::default(None),
                image_version: Setting::default(None),
                memory: Setting::default(1024),
                cpus: Setting::default(1),
                virtualization: Setting::default(None),
                serial_log: Setting::default(false),
                forwarded_ports: Setting::default(Vec::new()),
                shared_folders: Setting::default(Vec::new()),
            },
            etcd: Etcd {
                version: Setting::default(PROFILES[0].usual_etcd),
                runtime: Setting::default(PROFILES[0].runtimes[0]),
                image: Setting::default(None),
                release_url: Setting::default(None),
                sha256: Setting::default(Vec::new()),
                token: Setting::default(None),
                generation: Setting::default(None),
                heartbeat_interval: Setting::default(100),
                election_timeout: Setting::default(1000),
                quota: Setting::default(None),
                auto_compaction: Setting::default(Some(60)),
                flags: Setting::default(Vec::new()),
            },
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
    /// Exactly these.
    List(Vec<MemberEntry>),
}

/// One entry of a member list.
#[derive(Debug, Clone)]
pub struct MemberEntry {
    /// `name`.
    pub name: Setting<HostName>,
    /// `address`.
    pub address: Setting<Ipv4Addr>,
}

/// `[network]`.
#[derive(Debug)]
pub struct Network {
    /// `subnet`: the private network that the members share.
    pub subnet: Setting<Subnet>,
    /// `first_host`: the host number of the first counted member, 101 for 192.168.56.101.
    pub first_host: Setting<u32>,
}

/// `[machine]`.
#[derive(Debug)]
pub struct Machine {
    /// `profile`: the operating system.
    pub profile: Setting<&'static Profile>,
    /// `channel`: the release channel, for systems that have several.
    pub channel: Setting<Option<Channel>>,
    /// `image_version`: the image's version, for systems that are pinned by one.
    pub image_version: Setting<Option<ImageVersion>>,
    /// `memory`, in MiB.
    pub memory: Setting<u32>,
    /// `cpus`.
    pub cpus: Setting<u32>,
    /// `virtualization`: what the processors run on, where the author insists.
    pub virtualization: Setting<Option<Virtualization>>,
    /// `serial_log`: whether each machine's serial console is kept in a file.
    pub serial_log: Setting<bool>,
    /// `forwarded_ports`, sorted by guest port.
    pub forwarded_ports: Setting<Vec<ForwardedPort>>,
    /// `shared_folders`, sorted by host folder.
    pub shared_folders: Setting<Vec<SharedFolder>>,
}

/// A port of every machine that the host serves too.
#[derive(Debug, Clone)]
pub struct ForwardedPort {
    /// The machine's port.
    pub guest: Setting<u16>,
    /// The host's port for the first machine.
    pub host: Setting<u16>,
}

/// A folder of the host that every machine sees.
#[derive(Debug, Clone)]
pub struct SharedFolder {
    /// The host's folder.
    pub host: Setting<HostFolder>,
    /// Where the machines see it.
    pub guest: Setting<GuestFolder>,
}

/// `[etcd]`.
#[derive(Debug)]
pub struct Etcd {
    /// `version`.
    pub version: Setting<EtcdVersion>,
    /// `runtime`: how a machine gets and runs it.
    pub runtime: Setting<Runtime>,
    /// `image`: the container image without its tag.
    pub image: Setting<Option<ImageName>>,
    /// `release_url`: where release tarballs are downloaded from, in the place of the official one.
    pub release_url: Setting<Option<ReleaseUrl>>,
    /// `sha256`: checksums by architecture, for a release this project does not know.
    pub sha256: Setting<Vec<(Architecture, Sha256)>>,
    /// `token`.
    pub token: Setting<Option<Token>>,
    /// `generation`: raised to recreate the cluster under a new identity.
    pub generation: Setting<Option<u32>>,
    /// `heartbeat_interval`, in milliseconds.
    pub heartbeat_interval: Setting<u32>,
    /// `election_timeout`, in milliseconds.
    pub election_timeout: Setting<u32>,
    /// `quota`, in bytes.
    pub quota: Setting<Option<u64>>,
    /// `auto_compaction`: how much history is kept, in minutes; none where compaction is off.
    pub auto_compaction: Setting<Option<u32>>,
    /// `flags`: further flags, by name without dashes, in the file's order.
    pub flags: Setting<Vec<ExtraFlag>>,
}

/// A flag of etcd that the author sets directly.
#[derive(Debug, Clone)]
pub struct ExtraFlag {
    /// The flag's name without dashes.
    pub name: Setting<FlagName>,
    /// Its value.
    pub value: Setting<FlagValue>,
}
