//! The record of a cluster: `.state/<name>/cluster.json`.

mod comparison;
mod version_change;

use std::net::Ipv4Addr;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic::{self, cannot_write};
use crate::etcd::credentials::Credentials;
use crate::etcd::tools::{Tools, ToolsOrigin};
use crate::hint::Hint;
use crate::pki;
use crate::plan::identity::{EtcdId, cluster_id};
use crate::plan::{Member, Plan};
use crate::process::quoted;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::versioned;
use crate::values::{ClusterName, DriverName, EtcdVersion, HostName, Ports, Scheme, Token};
use crate::workspace::Home;
use version_change::RecordedBefore;

/// What a cluster was created from. It is written before the first member starts and kept until
/// `destroy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this format.
    format: u32,
    /// The driver that runs the members.
    pub driver: DriverName,
    /// The token with which the members bootstrap.
    pub token: Token,
    /// The ports of every member. Older versions of this program knew only etcd's own.
    #[serde(default)]
    pub ports: Ports,
    /// How every member is spoken to. Older versions of this program knew no TLS.
    #[serde(default, skip_serializing_if = "Scheme::is_http")]
    pub scheme: Scheme,
    /// The members: those with which the cluster bootstraps, and each that was added since.
    pub members: Vec<RecordedMember>,
    /// The members that `apply` is adding or removing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_transit: Vec<RecordedMember>,
    /// The cluster's ID, if other members have bootstrapped it than those above. Otherwise, it follows
    /// from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster_id: Option<EtcdId>,
    /// Whether it was made for data that was found without a record. The IDs in that data may be others than
    /// those of a bootstrap, until a running cluster was seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ids_are_guessed: bool,
    /// The etcd that the cluster runs.
    pub etcd: RecordedEtcd,
    /// What it ran before, until all members have the version above and the cluster has followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<RecordedBefore>,
    /// What the definition said when the cluster was started. Older versions of this program did not record
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defined: Option<RecordedDefinition>,
    /// Whether fleet uses the cluster.
    pub fleet: bool,
}

/// What a definition said of the version and the driver when members were started with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedDefinition {
    /// The pinned version, beside which another one may run.
    pub version: EtcdVersion,
    /// The driver, if the definition named one; the user may have chosen another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<DriverName>,
}

/// A member as it was when it was started last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMember {
    /// Its name.
    pub name: HostName,
    /// The member's address, as its driver placed it.
    pub address: Ipv4Addr,
    /// Its ports, if they are not those of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ports: Option<Ports>,
    /// Whether it was seen with data. From then on, missing data is a loss.
    pub had_data: bool,
    /// The ID that etcd gave it, if it was added to the running cluster, or has changed its address since the
    /// bootstrap. Otherwise, it is the predicted one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added_id: Option<EtcdId>,
    /// Whether the last restoration left it out: its data is that of the cluster before, under another identity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_left_out: bool,
}

/// The etcd binaries that a cluster runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEtcd {
    /// The version of the binaries.
    pub version: EtcdVersion,
    /// Where they came from.
    pub origin: ToolsOrigin,
    /// The server.
    pub etcd: Utf8PathBuf,
    /// Its client.
    pub etcdctl: Utf8PathBuf,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

impl Record {
    /// Creates the record of a cluster that is about to start.
    pub fn new(driver: DriverName, plan: &Plan, tools: &Tools) -> Self {
        Self {
            format: FORMAT,
            driver,
            token: plan.etcd.token.clone(),
            ports: plan.ports(),
            scheme: plan.scheme(),
            members: plan.members.iter().map(RecordedMember::of).collect(),
            in_transit: Vec::new(),
            cluster_id: None,
            ids_are_guessed: false,
            etcd: RecordedEtcd::of(tools),
            before: None,
            defined: Some(RecordedDefinition {
                version: plan.etcd.version,
                driver: plan.driver,
            }),
            fleet: plan.fleet,
        }
    }

    /// Reads the record of a cluster; `None` if there is no such cluster.
    ///
    /// # Errors
    /// Fails if the record exists but cannot be read.
    pub fn read(home: &Home) -> Outcome<Option<Self>> {
        let (path, name) = (Self::path(home), &home.name);
        let read = versioned::read(&path, FORMAT);
        let record: Option<Self> = read.map_err(|why| unusable(&path, name, &why))?;
        if record.as_ref().is_some_and(|one| one.members.is_empty()) {
            return Err(unusable(&path, name, &"it lists no members".into()));
        }
        Ok(record)
    }

    /// Whether a record exists, readable or not.
    pub fn is_there(home: &Home) -> bool {
        Self::path(home).exists()
    }

    /// Writes the record atomically.
    pub fn write(&self, home: &Home) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let path = Self::path(home);
        atomic::replace(&path, &text).map_err(|error| {
            cannot_write(
                &path,
                &error,
                "later tasks read from it what this cluster is",
            )
        })
    }

    /// Records other binaries.
    pub fn use_tools(&mut self, tools: &Tools) {
        self.etcd = RecordedEtcd::of(tools);
    }

    /// Records that this member has data.
    pub fn saw_data_of(&mut self, name: &HostName) {
        for member in self.members.iter_mut().filter(|one| one.name == *name) {
            member.had_data = true;
        }
    }

    /// The ID of the cluster, which its members keep whatever is added or removed.
    pub fn cluster_id(&self) -> EtcdId {
        let predicted = || self.members.iter().map(|member| self.predicted(member).id);
        self.cluster_id.unwrap_or_else(|| cluster_id(predicted()))
    }

    /// Records the ID that a member got when it was added to the running cluster.
    pub fn added(&mut self, name: &HostName, id: EtcdId) {
        self.gets_data(name);
        self.is_of_cluster(self.cluster_id());
        for member in self.members.iter_mut().filter(|one| one.name == *name) {
            member.added_id = Some(id);
            member.is_left_out = false;
        }
    }

    /// Records the ID of a cluster that other members have bootstrapped.
    pub const fn is_of_cluster(&mut self, id: EtcdId) {
        self.cluster_id = Some(id);
    }

    /// Records the members as they are: those that have joined, and so have data, and those that are being added
    /// or removed.
    pub fn settle(&mut self, joined: &[Member], in_transit: &[Member]) {
        let id = self.cluster_id();
        let before = [
            std::mem::take(&mut self.members),
            std::mem::take(&mut self.in_transit),
        ]
        .concat();
        if let Some(first) = joined.first()
            && joined.iter().all(|member| member.ports == first.ports)
        {
            self.ports = first.ports;
        }
        let before = before.into_iter().map(|one| (self.id_of(&one), one));
        let before: Vec<(EtcdId, RecordedMember)> = before.collect();
        let recorded = |member: &Member| {
            let known = before.iter();
            let mut known = known.filter(|(id, one)| one.name == member.name && *id == member.id);
            let known = known.next().map(|(_, known)| known.clone());
            let mut recorded = known.unwrap_or_else(|| RecordedMember::of(member));
            recorded.address = member.address;
            recorded.ports = (member.ports != self.ports).then_some(member.ports);
            recorded.added_id = None;
            let is_predicted = self.predicted(&recorded).id == member.id;
            recorded.added_id = (!is_predicted).then_some(member.id);
            recorded
        };
        let joined = joined.iter().map(|member| RecordedMember {
            had_data: true,
            ..recorded(member)
        });
        let joined = joined.collect();
        let in_transit = in_transit.iter().map(recorded).collect();
        (self.members, self.in_transit) = (joined, in_transit);
        if self.cluster_id() != id {
            self.cluster_id = Some(id);
        }
    }

    /// The members that `apply` is adding or removing.
    pub fn in_transit(&self) -> Vec<Member> {
        let members = self.in_transit.iter();
        members.map(|member| self.member(member)).collect()
    }

    /// Records that a restoration leaves these members out.
    pub fn leave_out(&mut self, names: &[HostName]) {
        for member in self
            .members
            .iter_mut()
            .filter(|one| names.contains(&one.name))
        {
            member.is_left_out = true;
        }
    }

    /// The members that the last restoration left out.
    pub fn left_out(&self) -> Vec<HostName> {
        let members = self.members.iter().filter(|member| member.is_left_out);
        members.map(|member| member.name.clone()).collect()
    }

    /// The members that were seen with data.
    pub fn had_data(&self) -> Vec<HostName> {
        let members = self.members.iter().filter(|member| member.had_data);
        members.map(|member| member.name.clone()).collect()
    }

    /// The names of all members.
    pub fn names(&self) -> Vec<HostName> {
        self.members
            .iter()
            .map(|member| member.name.clone())
            .collect()
    }

    /// The members, in the form that plans use.
    pub fn members(&self) -> Vec<Member> {
        let members = self.members.iter();
        members.map(|member| self.member(member)).collect()
    }

    fn member(&self, member: &RecordedMember) -> Member {
        let mut known = self.predicted(member);
        known.id = member.added_id.unwrap_or(known.id);
        known
    }

    fn id_of(&self, member: &RecordedMember) -> EtcdId {
        self.member(member).id
    }

    /// The member as a bootstrap would make it.
    fn predicted(&self, member: &RecordedMember) -> Member {
        let ports = member.ports.unwrap_or(self.ports);
        Member::new(
            member.name.clone(),
            member.address,
            ports,
            self.scheme,
            &self.token,
        )
    }

    /// The members' client URLs.
    pub fn client_urls(&self) -> Vec<String> {
        self.members().iter().map(Member::client_url).collect()
    }

    fn path(home: &Home) -> Utf8PathBuf {
        home.folder().join("cluster.json")
    }

    /// The recorded binaries, if they still exist, with the certificate for the members of this cluster.
    pub fn tools(&self, home: &Home) -> Option<Tools> {
        let tools = self.etcd.tools()?;
        Some(tools.with(pki::client(home, self.scheme)))
    }
}

impl RecordedEtcd {
    /// These binaries, if they still exist.
    pub fn tools(&self) -> Option<Tools> {
        let Self {
            version,
            origin,
            etcd,
            etcdctl,
        } = self.clone();
        (etcd.is_file() && etcdctl.is_file()).then_some(Tools {
            etcd,
            etcdctl,
            version,
            origin,
            certificate: None,
            credentials: Credentials::given(),
        })
    }

    fn of(tools: &Tools) -> Self {
        let Tools {
            etcd,
            etcdctl,
            version,
            origin,
            ..
        } = tools.clone();
        Self {
            version,
            origin,
            etcd,
            etcdctl,
        }
    }
}

impl RecordedMember {
    fn of(member: &Member) -> Self {
        Self {
            name: member.name.clone(),
            address: member.address,
            ports: None,
            had_data: false,
            added_id: None,
            is_left_out: false,
        }
    }
}

fn unusable(path: &Utf8Path, name: &ClusterName, why: &Reason) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{path}` cannot be read: {why}"))
            .note("it records which etcd the cluster runs and how it was created")
            .hint("restore the file")
            .hint(Hint::heals(
                "or rebuild it from the members and their data",
                [
                    format!("mv {0} {0}.old", quoted(path.as_str())),
                    format!("cargo xtask up {name}"),
                ],
            )),
    )
}
