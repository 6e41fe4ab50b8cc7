//! What is remembered of a cluster: `.state/<name>/cluster.json`.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::etcd::tools::{Origin, Tools};
use crate::hint::Hint;
use crate::plan::{Member, Plan};
use crate::process::quoted;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::{ClusterName, DriverName, EtcdVersion, HostName, Token};
use crate::workspace::Home;

/// What a cluster was made from. Written before its first member starts, kept until `destroy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this format.
    format: u32,
    /// What runs the members.
    pub driver: DriverName,
    /// The token that the members bootstrap with.
    pub token: Token,
    /// The members that the cluster bootstraps with.
    pub members: Vec<RecordedMember>,
    /// The etcd that runs them.
    pub etcd: RecordedEtcd,
    /// Whether fleet is a client of it.
    pub fleet: bool,
}

/// A member as it was at bootstrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMember {
    /// Its name.
    pub name: HostName,
    /// Its address, as its driver gave it.
    pub address: Ipv4Addr,
    /// Whether it has been seen with data. From then on to have none is a loss, not a beginning.
    pub had_data: bool,
}

/// The binaries that a cluster runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEtcd {
    /// The version that they are.
    pub version: EtcdVersion,
    /// Where they came from.
    pub origin: Origin,
    /// The server.
    pub etcd: Utf8PathBuf,
    /// Its client.
    pub etcdctl: Utf8PathBuf,
}

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

impl Record {
    /// The record of a cluster that is about to start.
    pub fn new(driver: DriverName, plan: &Plan, tools: &Tools) -> Self {
        Self {
            format: FORMAT,
            driver,
            token: plan.etcd.token.clone(),
            members: plan.members.iter().map(RecordedMember::of).collect(),
            etcd: RecordedEtcd::of(tools),
            fleet: plan.fleet,
        }
    }

    /// Reads the record of a cluster; none where there is no such cluster.
    ///
    /// # Errors
    /// Fails where there is a record that cannot be read.
    pub fn read(home: &Home) -> Outcome<Option<Self>> {
        let (path, name) = (Self::path(home), &home.name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&path, name, &Reason::of(error))),
        };
        let parsed = parse(&text).map(Some);
        parsed.map_err(|why| unusable(&path, name, &why))
    }

    /// Whether there is one, readable or not.
    pub fn is_there(home: &Home) -> bool {
        Self::path(home).exists()
    }

    /// Writes the record, in one piece or not at all.
    ///
    /// # Errors
    /// Fails where the file system does.
    pub fn write(&self, home: &Home) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let path = Self::path(home);
        atomic::replace(&path, &text).map_err(|error| {
            Failure::host(
                Diagnostic::error(format!("cannot write `{path}`: {error}"))
                    .note("without it a later task could not tell what this cluster is")
                    .hint(Hint::informs(
                        "see who may write there, and whether its disk has room",
                        [format!(
                            "ls -ld {0}; df -h {0}",
                            quoted(home.workspace.root().join(".state").as_str())
                        )],
                    )),
            )
        })
    }

    /// Takes note of other binaries of the same minor release.
    pub fn use_tools(&mut self, tools: &Tools) {
        self.etcd = RecordedEtcd::of(tools);
    }

    /// Takes note that this member has data.
    pub fn saw_data_of(&mut self, name: &HostName) {
        for member in self.members.iter_mut().filter(|one| one.name == *name) {
            member.had_data = true;
        }
    }

    /// The members that have been seen with data.
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

    /// The members, as a plan has them.
    pub fn members(&self) -> Vec<Member> {
        let member =
            |member: &RecordedMember| Member::new(member.name.clone(), member.address, &self.token);
        self.members.iter().map(member).collect()
    }

    /// Where clients reach the members.
    pub fn client_urls(&self) -> Vec<String> {
        self.members().iter().map(Member::client_url).collect()
    }

    fn path(home: &Home) -> Utf8PathBuf {
        home.folder().join("cluster.json")
    }

    /// The recorded binaries, as long as they are still there.
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

    /// The plan's members that are not among those that were started.
    pub fn new_members(&self, plan: &Plan) -> Vec<HostName> {
        let is_known = |planned: &&Member| self.members.iter().any(|member| member.is(planned));
        let new = plan.members.iter().filter(|planned| !is_known(planned));
        new.map(|planned| planned.name.clone()).collect()
    }

    /// What would have to change for a cluster with this record to be the plan's, in words.
    pub fn differences(&self, plan: &Plan) -> Vec<String> {
        let mut differences = Vec::new();
        if self.token != plan.etcd.token {
            differences.push(format!(
                "the token was `{}` and is now `{}`",
                self.token, plan.etcd.token
            ));
        }
        for member in &self.members {
            if !plan.members.iter().any(|planned| member.is(planned)) {
                differences.push(format!("`{}` at {} is gone", member.name, member.address));
            }
        }
        let new = self.new_members(plan);
        for planned in plan.members.iter().filter(|one| new.contains(&one.name)) {
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
        }
    }

    fn is(&self, member: &Member) -> bool {
        self.name == member.name && self.address == member.address
    }
}

fn parse(text: &str) -> Result<Record, Reason> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    // The format comes first: what another one lacks or adds says nothing to anybody.
    let Format { format } = serde_json::from_str(text).map_err(Reason::of)?;
    if format != FORMAT {
        return Err(Reason::from(format!(
            "it has format {format}, and this program reads {FORMAT}"
        )));
    }
    serde_json::from_str(text).map_err(Reason::of)
}

fn unusable(path: &Utf8Path, name: &ClusterName, why: &Reason) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("`{path}` cannot be read: {why}"))
            .note("it says which etcd the cluster runs on and what it was made from")
            .hint("restore the file")
            .hint(Hint::heals(
                "or make it anew from the data that is there",
                [
                    format!("mv {0} {0}.old", quoted(path.as_str())),
                    format!("cargo xtask down {name}"),
                    format!("cargo xtask up {name}"),
                ],
            )),
    )
}
