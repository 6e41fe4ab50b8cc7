//! The record of a cluster: `.state/<name>/cluster.json`.

use std::net::Ipv4Addr;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic::{self, cannot_write};
use crate::etcd::tools::{Tools, ToolsOrigin};
use crate::hint::Hint;
use crate::plan::identity::{EtcdId, cluster_id};
use crate::plan::{Member, Plan};
use crate::process::quoted;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::versioned;
use crate::values::{ClusterName, DriverName, EtcdVersion, HostName, Ports, Token};
use crate::workspace::Home;

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
    /// The members: those with which the cluster bootstraps, and each that was added since.
    pub members: Vec<RecordedMember>,
    /// The cluster's ID, if other members have bootstrapped it than those above. Otherwise, it follows
    /// from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster_id: Option<EtcdId>,
    /// The etcd that the cluster runs.
    pub etcd: RecordedEtcd,
    /// Whether fleet uses the cluster.
    pub fleet: bool,
}

/// A member as it was when it was started for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMember {
    /// Its name.
    pub name: HostName,
    /// The member's address, as its driver placed it.
    pub address: Ipv4Addr,
    /// Whether it was seen with data. From then on, missing data is a loss.
    pub had_data: bool,
    /// The ID that etcd gave it, if it was added to the running cluster. That of a bootstrap member is
    /// predicted.
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
            members: plan.members.iter().map(RecordedMember::of).collect(),
            cluster_id: None,
            etcd: RecordedEtcd::of(tools),
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

    /// Records other binaries of the same minor release.
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

    /// The plan with the IDs that this cluster and its members really have, if it is the plan of this
    /// cluster.
    #[must_use]
    pub fn identify(&self, mut plan: Plan) -> Plan {
        if !self.differences(&plan).is_empty() {
            return plan;
        }
        plan.cluster_id = self.cluster_id();
        for member in &mut plan.members {
            let added = self.members.iter().find(|one| one.is(member));
            if let Some(id) = added.and_then(|one| one.added_id) {
                member.id = id;
            }
        }
        plan
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
        let member = |member: &RecordedMember| {
            let mut known = self.predicted(member);
            known.id = member.added_id.unwrap_or(known.id);
            known
        };
        self.members.iter().map(member).collect()
    }

    /// The member as a bootstrap would make it.
    fn predicted(&self, member: &RecordedMember) -> Member {
        Member::new(member.name.clone(), member.address, self.ports, &self.token)
    }

    /// The members' client URLs.
    pub fn client_urls(&self) -> Vec<String> {
        self.members().iter().map(Member::client_url).collect()
    }

    fn path(home: &Home) -> Utf8PathBuf {
        home.folder().join("cluster.json")
    }

    /// The recorded binaries, if they still exist.
    pub fn tools(&self) -> Option<Tools> {
        let RecordedEtcd {
            version,
            origin,
            etcd,
            etcdctl,
        } = self.etcd.clone();
        (etcd.is_file() && etcdctl.is_file()).then_some(Tools {
            etcd,
            etcdctl,
            version,
            origin,
        })
    }

    /// The plan's members that were not started with the cluster.
    pub fn new_members(&self, plan: &Plan) -> Vec<HostName> {
        let is_known = |planned: &&Member| {
            planned.ports == self.ports && self.members.iter().any(|member| member.is(planned))
        };
        let new = plan.members.iter().filter(|planned| !is_known(planned));
        new.map(|planned| planned.name.clone()).collect()
    }

    /// The differences between this record and the plan that make another cluster, in words.
    pub fn differences(&self, plan: &Plan) -> Vec<String> {
        let mut differences = Vec::new();
        if self.token != plan.etcd.token {
            differences.push(format!(
                "the token was `{}` and is now `{}`",
                self.token, plan.etcd.token
            ));
        }
        let ports = plan.ports();
        for (port, was, is) in [
            ("client", self.ports.client, ports.client),
            ("peer", self.ports.peer, ports.peer),
        ] {
            if was != is {
                differences.push(format!("the {port} port was {was} and is now {is}"));
            }
        }
        for member in &self.members {
            if !plan.members.iter().any(|planned| member.is(planned)) {
                differences.push(format!("`{}` at {} is gone", member.name, member.address));
            }
        }
        for planned in &plan.members {
            if self.members.iter().any(|member| member.is(planned)) {
                continue;
            }
            differences.push(format!("`{}` at {} is new", planned.name, planned.address));
        }
        differences
    }
}

impl RecordedEtcd {
    fn of(tools: &Tools) -> Self {
        let Tools {
            etcd,
            etcdctl,
            version,
            origin,
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
            had_data: false,
            added_id: None,
            is_left_out: false,
        }
    }

    fn is(&self, member: &Member) -> bool {
        self.name == member.name && self.address == member.address
    }
}

fn unusable(path: &Utf8Path, name: &ClusterName, why: &Reason) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{path}` cannot be read: {why}"))
            .note("it records which etcd the cluster runs and how it was created")
            .hint("restore the file")
            .hint(Hint::heals(
                "or rebuild it from the existing data",
                [
                    format!("mv {0} {0}.old", quoted(path.as_str())),
                    format!("cargo xtask down {name}"),
                    format!("cargo xtask up {name}"),
                ],
            )),
    )
}
