//! Everything that follows from a definition: members, addresses, URLs, flags, identity. Pure data
//! that leaves nothing to decide to whoever carries it out.

pub mod etcdctl_words;
pub mod flags;
pub mod identity;

use std::net::Ipv4Addr;

use camino::Utf8PathBuf;

use crate::definition::Definition;
use crate::facts::flag_table;
use crate::profile::{Profile, Runtime};
use crate::values::{
    Architecture, Channel, ClusterName, DriverName, EtcdVersion, FlagName, FlagValue, GuestFolder,
    HostFolder, HostName, ImageName, ImageVersion, NamePrefix, ReleaseUrl, Sha256, Subnet, Token,
    Virtualization, loopback,
};
use identity::EtcdId;

/// The port that etcd serves clients on (IANA: `etcd-client`).
pub const CLIENT_PORT: u16 = 2379;
/// The port that members talk to each other on (IANA: `etcd-server`).
pub const PEER_PORT: u16 = 2380;

/// A cluster, ready to be rendered, run and judged.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cluster's name.
    pub name: ClusterName,
    /// The definition's file, relative to the workspace.
    pub source: Utf8PathBuf,
    /// Who runs the members, where the definition insists.
    pub driver: Option<DriverName>,
    /// The members, in the definition's order.
    pub members: Vec<Member>,
    /// What the names of counted members start with.
    pub name_prefix: NamePrefix,
    /// The network that the members share.
    pub subnet: Subnet,
    /// The cluster ID that a bootstrap of exactly these members will have.
    pub cluster_id: EtcdId,
    /// What each member's machine is like.
    pub machine: Machine,
    /// What etcd each member runs, and how.
    pub etcd: Etcd,
    /// Whether fleet runs beside etcd.
    pub fleet: bool,
    /// Whether each member has a machine of its own, or else they are processes of this host.
    pub on_machines: bool,
    /// The version that really runs, where it is not the pinned one. Always announced.
    pub stand_in: Option<EtcdVersion>,
}

/// One member of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its host name, which is also its name in etcd.
    pub name: HostName,
    /// Its address.
    pub address: Ipv4Addr,
    /// The ID that a static bootstrap will give it.
    pub id: EtcdId,
}

impl Member {
    /// The member that bootstraps with this name, address and token.
    pub fn new(name: HostName, address: Ipv4Addr, token: &Token) -> Self {
        let mut member = Self {
            name,
            address,
            id: EtcdId(0),
        };
        member.id = identity::member_id(&[member.peer_url()], token.as_str());
        member
    }

    /// Where it serves clients.
    pub fn client_url(&self) -> String {
        format!("http://{}:{CLIENT_PORT}", self.address)
    }

    /// Where it serves the other members.
    pub fn peer_url(&self) -> String {
        format!("http://{}:{PEER_PORT}", self.address)
    }
}

/// What a member's machine is like.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The operating system.
    pub profile: &'static Profile,
    /// The release channel, where the system has one.
    pub channel: Option<Channel>,
    /// The image's version, where the system is pinned by one.
    pub image_version: Option<ImageVersion>,
    /// Memory in MiB.
    pub memory: u32,
    /// Processors.
    pub cpus: u32,
    /// What the processors run on, where the definition insists.
    pub virtualization: Option<Virtualization>,
    /// Whether the serial console is kept in a file.
    pub serial_log: bool,
    /// Guest port to host port, sorted.
    pub forwarded_ports: Vec<(u16, u16)>,
    /// Host folder to guest folder, sorted.
    pub shared_folders: Vec<(HostFolder, GuestFolder)>,
}

/// What etcd a member runs, and how.
#[derive(Debug, Clone)]
pub struct Etcd {
    /// The pinned version.
    pub version: EtcdVersion,
    /// How a machine gets and runs it.
    pub runtime: Runtime,
    /// The container image without its tag, where the definition names one.
    pub image: Option<ImageName>,
    /// Where release tarballs are downloaded from.
    pub release_url: ReleaseUrl,
    /// Checksums by architecture that the definition brings along.
    pub sha256: Vec<(Architecture, Sha256)>,
    /// The initial cluster token, its generation included.
    pub token: Token,
    /// Milliseconds between the leader's heartbeats.
    pub heartbeat_interval: u32,
    /// Milliseconds without a heartbeat until a follower calls an election.
    pub election_timeout: u32,
    /// The backend quota in bytes, where it is not etcd's own default.
    pub quota: Option<u64>,
    /// Minutes of history to keep; none where compaction is off.
    pub auto_compaction: Option<u32>,
    /// Further flags, by name without dashes, in the definition's order.
    pub flags: Vec<(FlagName, FlagValue)>,
}

impl Plan {
    /// Works out the plan of a definition that has no errors.
    pub fn new(definition: &Definition) -> Self {
        let etcd = &definition.etcd;
        let token = token(definition);
        let members = definition
            .named_addresses()
            .into_iter()
            .map(|(name, address)| Member::new(name, address, &token))
            .collect();
        let machine = &definition.machine;
        Self {
            name: definition.name.clone(),
            source: definition.source.path.clone(),
            driver: *definition.driver.get(),
            name_prefix: definition.name_prefix.get().clone(),
            subnet: *definition.network.subnet.get(),
            cluster_id: EtcdId(0),
            members,
            machine: Machine {
                profile: machine.profile.get(),
                channel: machine.channel.get().clone(),
                image_version: machine.image_version.get().clone(),
                memory: *machine.memory.get(),
                cpus: *machine.cpus.get(),
                virtualization: *machine.virtualization.get(),
                serial_log: *machine.serial_log.get(),
                forwarded_ports: machine
                    .forwarded_ports
                    .get()
                    .iter()
                    .map(|port| (*port.guest.get(), *port.host.get()))
                    .collect(),
                shared_folders: machine
                    .shared_folders
                    .get()
                    .iter()
                    .map(|folder| (folder.host.get().clone(), folder.guest.get().clone()))
                    .collect(),
            },
            etcd: Etcd {
                version: *etcd.version.get(),
                runtime: *etcd.runtime.get(),
                image: etcd.image.get().clone(),
                release_url: etcd
                    .release_url
                    .get()
                    .clone()
                    .unwrap_or_else(ReleaseUrl::official),
                sha256: etcd.sha256.get().clone(),
                token,
                heartbeat_interval: *etcd.heartbeat_interval.get(),
                election_timeout: *etcd.election_timeout.get(),
                quota: *etcd.quota.get(),
                auto_compaction: *etcd.auto_compaction.get(),
                flags: etcd
                    .flags
                    .get()
                    .iter()
                    .map(|flag| (flag.name.get().clone(), flag.value.get().clone()))
                    .collect(),
            },
            fleet: *definition.fleet.get(),
            on_machines: true,
            stand_in: None,
        }
        .with_cluster_id()
    }

    /// The same cluster on this host's loopback: only the addresses differ, and with them the
    /// identity. 192.168.56.101 becomes 127.168.56.101, so that ports and everything else stay, and
    /// clusters meet only where their addresses differ in nothing but the first number.
    #[must_use]
    pub fn on_loopback(&self) -> Self {
        let members = self
            .members
            .iter()
            .map(|m| Member::new(m.name.clone(), loopback(m.address), &self.etcd.token))
            .collect();
        Self {
            members,
            on_machines: false,
            ..self.clone()
        }
        .with_cluster_id()
    }

    /// The same cluster, run by another version than the pinned one. Flags of the definition that
    /// this version does not have are left out; [`Plan::flags_unknown_to`] names them.
    #[must_use]
    pub fn run_by(&self, version: EtcdVersion) -> Self {
        let mut plan = self.clone();
        plan.stand_in = (version != self.etcd.version).then_some(version);
        let flags = &mut plan.etcd.flags;
        flags.retain(|(name, _)| !is_unknown_to(version, name));
        plan
    }

    /// The flags of the definition that this version of etcd does not have.
    pub fn flags_unknown_to(&self, version: EtcdVersion) -> Vec<&FlagName> {
        let names = self.etcd.flags.iter().map(|(name, _)| name);
        names.filter(|name| is_unknown_to(version, name)).collect()
    }

    /// The version that runs: flags and formats follow it.
    pub fn version(&self) -> EtcdVersion {
        self.stand_in.unwrap_or(self.etcd.version)
    }

    /// The IDs that a static bootstrap gives the members, in their order.
    pub fn predicted_ids(&self) -> Vec<EtcdId> {
        self.members.iter().map(|member| member.id).collect()
    }

    /// The names of all members.
    pub fn names(&self) -> Vec<HostName> {
        self.members
            .iter()
            .map(|member| member.name.clone())
            .collect()
    }

    /// The members that must agree: more than half.
    pub fn quorum(&self) -> usize {
        self.members.len() / 2 + 1
    }

    /// etcd's `initial-cluster`: every member's name and peer URL.
    pub fn initial_cluster(&self) -> String {
        let pairs: Vec<String> = self
            .members
            .iter()
            .map(|m| format!("{}={}", m.name, m.peer_url()))
            .collect();
        pairs.join(",")
    }

    /// The client URLs of all members, as etcdctl's `--endpoints` wants them.
    pub fn endpoints(&self) -> String {
        let urls: Vec<String> = self.members.iter().map(Member::client_url).collect();
        urls.join(",")
    }

    fn with_cluster_id(mut self) -> Self {
        self.cluster_id = identity::cluster_id(self.members.iter().map(|member| member.id));
        self
    }
}

fn is_unknown_to(version: EtcdVersion, flag: &FlagName) -> bool {
    flag_table::find(flag.as_str()).is_some_and(|fact| !fact.exists_in(version))
}

/// The token: etcd's identity follows from it, so without one of its own a cluster is told apart by
/// its name and generation (etcd issue 9630: the same token lets a wiped majority form an empty
/// cluster under the old identity).
fn token(definition: &Definition) -> Token {
    match (
        definition.etcd.token.get(),
        definition.etcd.generation.get(),
    ) {
        (Some(token), None) => token.clone(),
        (Some(token), Some(generation)) => token.of_generation(*generation),
        (None, generation) => Token::from(&definition.name).of_generation(generation.unwrap_or(1)),
    }
}
