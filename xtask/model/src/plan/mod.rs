//! Everything that follows from a definition: members, addresses, URLs, flags, identity. A plan is plain data
//! and leaves no decisions to the code that carries it out.

pub mod etcdctl_words;
pub mod flags;
pub mod identity;

use std::net::{Ipv4Addr, SocketAddrV4};

use camino::Utf8PathBuf;

use crate::definition::Definition;
pub use crate::definition::{PlannedEtcd as Etcd, PlannedMachine as Machine};
use crate::facts::flag_table;
use crate::profile::Runtime;
use crate::values::{
    ClusterName, DriverName, EtcdVersion, FlagName, HostName, NamePrefix, Ports, Scheme, Subnet,
    Token, loopback,
};
use flags::Certificate;
use identity::EtcdId;

/// The flag that turns off etcd's gRPC gateway, from 3.4 on.
pub const GATEWAY_FLAG: &str = "enable-grpc-gateway";

/// A cluster, ready to be rendered, run and judged.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cluster's name: the file name of its definition.
    pub name: ClusterName,
    /// The definition's file, relative to the workspace.
    pub source: Utf8PathBuf,
    /// What runs the members, if the definition says so.
    pub driver: Option<DriverName>,
    /// The members, in the definition's order.
    pub members: Vec<Member>,
    /// The start of the names of counted members.
    pub name_prefix: NamePrefix,
    /// The network that the members share.
    pub subnet: Subnet,
    /// The cluster's ID: the one after a bootstrap of exactly these members, unless members were added or
    /// removed later.
    pub cluster_id: EtcdId,
    /// The settings of each member's machine.
    pub machine: Machine,
    /// The settings of etcd.
    pub etcd: Etcd,
    /// Whether fleet runs beside etcd.
    pub fleet: bool,
    /// Whether each member has its own machine; otherwise members are processes on this host.
    pub on_machines: bool,
    /// The version that runs, if it is not the pinned one. A stand-in is always announced.
    pub stand_in: Option<EtcdVersion>,
}

/// One member of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its host name, which is also its name in etcd.
    pub name: HostName,
    /// Its address: in the subnet, or on loopback.
    pub address: Ipv4Addr,
    /// Its ports.
    pub ports: Ports,
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its ID: the one that a static bootstrap gives it, unless it was added later.
    pub id: EtcdId,
}

impl Member {
    /// The member that bootstraps with this name, address, ports, scheme and token.
    pub fn new(
        name: HostName,
        address: Ipv4Addr,
        ports: Ports,
        scheme: Scheme,
        token: &Token,
    ) -> Self {
        let mut member = Self {
            name,
            address,
            ports,
            scheme,
            id: EtcdId(0),
        };
        member.id = identity::member_id(&[member.peer_url()], token.as_str());
        member
    }

    /// The same member as it bootstraps at this address, on these ports, with this token.
    #[must_use]
    pub fn at(&self, address: Ipv4Addr, ports: Ports, token: &Token) -> Self {
        Self::new(self.name.clone(), address, ports, self.scheme, token)
    }

    /// The URL where it serves clients.
    pub fn client_url(&self) -> String {
        self.scheme.url(self.address, self.ports.client)
    }

    /// The URL where it serves the other members.
    pub fn peer_url(&self) -> String {
        self.scheme.url(self.address, self.ports.peer)
    }

    /// The address and port where it serves clients.
    pub const fn client_socket(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.ports.client)
    }

    /// The address and port where it serves the other members.
    pub const fn peer_socket(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.ports.peer)
    }
}

impl Plan {
    /// Works out the plan of a definition that has no errors.
    pub fn new(definition: &Definition) -> Self {
        let etcd = Etcd::from(definition);
        let members = definition.named_addresses().into_iter();
        let (ports, scheme) = (definition.ports(), Scheme::of(etcd.tls));
        let member = |(name, address)| Member::new(name, address, ports, scheme, &etcd.token);
        let members = members.map(member);
        Self {
            name: definition.name.clone(),
            source: definition.source.path.clone(),
            driver: *definition.driver.get(),
            name_prefix: definition.name_prefix.get().clone(),
            subnet: *definition.network.subnet.get(),
            cluster_id: EtcdId(0),
            members: members.collect(),
            machine: Machine::from(definition),
            etcd,
            fleet: *definition.fleet.get(),
            on_machines: true,
            stand_in: None,
        }
        .with_cluster_id()
    }

    /// The same cluster on this host's loopback. Only the addresses differ, and with them the identity:
    /// 192.168.56.101 becomes 127.168.56.101. Ports and everything else stay, and clusters clash only if
    /// they share a port and their addresses differ in nothing but the first number.
    #[must_use]
    pub fn on_loopback(&self) -> Self {
        let members = self
            .members
            .iter()
            .map(|m| m.at(loopback(m.address), m.ports, &self.etcd.token))
            .collect();
        Self {
            members,
            on_machines: false,
            ..self.clone()
        }
        .with_cluster_id()
    }

    /// The same cluster, run by another version than the pinned one. Flags of the definition that this
    /// version does not have are left out; [`Plan::flags_unknown_to`] lists them.
    #[must_use]
    pub fn run_by(&self, version: EtcdVersion) -> Self {
        let mut plan = self.clone();
        plan.stand_in = (version != self.etcd.version).then_some(version);
        let flags = &mut plan.etcd.flags;
        flags.retain(|(name, _)| !is_unknown_to(version, name));
        plan
    }

    /// The same cluster with another pinned version, on the way to that of the definition. Flags that this version does
    /// not have are left out, and so are the definition's checksums, which are of its own version.
    #[must_use]
    pub fn pinned_to(&self, version: EtcdVersion) -> Self {
        let mut plan = self.run_by(version);
        plan.stand_in = None;
        if plan.etcd.version != version {
            plan.etcd.version = version;
            plan.etcd.sha256.clear();
        }
        plan
    }

    /// Whether members serve etcd's gRPC gateway, which the definition can turn off.
    pub fn has_gateway(&self) -> bool {
        // As Go reads a boolean.
        const FALSE: &[&str] = &["0", "f", "F", "false", "False", "FALSE"];
        let mut flags = self.etcd.flags.iter();
        let gateway = flags.find(|(name, _)| name.as_str() == GATEWAY_FLAG);
        gateway.is_none_or(|(_, value)| !FALSE.contains(&value.as_str()))
    }

    /// The flags of the definition that this version of etcd does not have.
    pub fn flags_unknown_to(&self, version: EtcdVersion) -> Vec<&FlagName> {
        let names = self.etcd.flags.iter().map(|(name, _)| name);
        names.filter(|name| is_unknown_to(version, name)).collect()
    }

    /// The version that runs, which decides flags and formats.
    pub fn version(&self) -> EtcdVersion {
        self.stand_in.unwrap_or(self.etcd.version)
    }

    /// How every member is spoken to.
    pub const fn scheme(&self) -> Scheme {
        Scheme::of(self.etcd.tls)
    }

    /// The ports of every member.
    pub const fn ports(&self) -> Ports {
        Ports {
            client: self.etcd.client_port,
            peer: self.etcd.peer_port,
        }
    }

    /// The same cluster with other URLs, and so with another identity.
    #[must_use]
    pub fn served_at(&self, scheme: Scheme, ports: Ports) -> Self {
        let mut plan = self.clone();
        plan.etcd.tls = !scheme.is_http();
        (plan.etcd.client_port, plan.etcd.peer_port) = (ports.client, ports.peer);
        plan.members = self
            .members
            .iter()
            .map(|m| Member {
                scheme,
                ..m.clone()
            })
            .map(|m| m.at(m.address, ports, &self.etcd.token))
            .collect();
        plan.cluster_id = identity::cluster_id(plan.members.iter().map(|member| member.id));
        plan
    }

    /// Whether a member has the ID that a static bootstrap gives it, and was not added later.
    pub fn is_predicted(&self, member: &Member) -> bool {
        member.id == self.predicted_id(member)
    }

    /// The ID that a static bootstrap gives this member, also if it was added later.
    pub fn predicted_id(&self, member: &Member) -> EtcdId {
        identity::member_id(&[member.peer_url()], self.etcd.token.as_str())
    }

    /// The ID that a static bootstrap of these members gives the cluster.
    pub fn predicted_cluster_id(&self) -> EtcdId {
        identity::cluster_id(self.members.iter().map(|member| self.predicted_id(member)))
    }

    /// The IDs of the members, in their order.
    pub fn member_ids(&self) -> Vec<EtcdId> {
        self.members.iter().map(|member| member.id).collect()
    }

    /// The names of all members.
    pub fn names(&self) -> Vec<HostName> {
        self.members
            .iter()
            .map(|member| member.name.clone())
            .collect()
    }

    /// The number of members that must agree: more than half.
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

    /// The client URLs of all members, in the form of etcdctl's `--endpoints`.
    pub fn endpoints(&self) -> String {
        let urls: Vec<String> = self.members.iter().map(Member::client_url).collect();
        urls.join(",")
    }

    /// The command that runs etcdctl on a member's machine. With TLS it has the member's certificate: in a container,
    /// by variables of the container, else as root.
    pub fn etcdctl_inside(&self) -> String {
        match self.etcd.runtime {
            Runtime::Container => self.machine.profile.etcdctl_in_container.to_owned(),
            _ if !self.etcd.tls => "etcdctl".to_owned(),
            Runtime::Release | Runtime::Package | Runtime::BuiltIn => {
                let certificate = Certificate::on_machine();
                let [authorities, certificate, key] = certificate.files();
                format!(
                    "sudo --preserve-env=ETCDCTL_USER \
                     etcdctl --cacert={authorities} --cert={certificate} --key={key}"
                )
            }
        }
    }

    /// The command that runs curl on a member's machine. With TLS it has the member's certificate.
    pub fn curl_inside(&self) -> String {
        if self.etcd.tls {
            format!(
                "sudo curl {}",
                Certificate::on_machine().curl_options().join(" ")
            )
        } else {
            "curl".to_owned()
        }
    }

    /// The same with one more member.
    #[must_use]
    pub fn with_member(&self, member: Member) -> Self {
        let mut plan = self.clone();
        plan.members.push(member);
        plan.with_cluster_id()
    }

    /// The same without this member.
    #[must_use]
    pub fn without_member(&self, name: &HostName) -> Self {
        let mut plan = self.clone();
        plan.members.retain(|member| member.name != *name);
        plan.with_cluster_id()
    }

    /// An unused address beside that of the first member: the highest usual host address.
    pub fn unused_address(&self) -> Ipv4Addr {
        let first = self.members.first();
        let first = first.map_or(Ipv4Addr::LOCALHOST, |member| member.address);
        let [one, two, three, _] = first.octets();
        let mut free = (2..=254)
            .rev()
            .map(|last| Ipv4Addr::new(one, two, three, last));
        let is_used = |address: &Ipv4Addr| self.members.iter().any(|one| one.address == *address);
        free.find(|address| !is_used(address)).unwrap_or(first)
    }

    fn with_cluster_id(mut self) -> Self {
        self.cluster_id = identity::cluster_id(self.members.iter().map(|member| member.id));
        self
    }
}

fn is_unknown_to(version: EtcdVersion, flag: &FlagName) -> bool {
    flag_table::find(flag.as_str()).is_some_and(|fact| !fact.exists_in(version))
}
