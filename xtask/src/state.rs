//! What is remembered of a cluster between tasks: `.state/<name>/`, and the lock beside it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::etcd::tools::{Origin, Tools};
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::values::{ClusterName, DriverName, EtcdVersion, HostName, Token};
use crate::workspace::Workspace;

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
    /// Whether the members have agreed on something since. From then on a member without data is a
    /// loss, not a beginning.
    pub bootstrapped: bool,
}

/// A member as it was at bootstrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedMember {
    /// Its name.
    pub name: HostName,
    /// Its address, as its driver gave it.
    pub address: Ipv4Addr,
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
            bootstrapped: false,
        }
    }

    /// Reads the record of a cluster; none where there is no such cluster.
    ///
    /// # Errors
    /// Fails where there is a record that cannot be read.
    pub fn read(workspace: &Workspace, name: &ClusterName) -> Outcome<Option<Self>> {
        let path = Self::path(workspace, name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&path, name, &error.to_string())),
        };
        let record: Self = serde_json::from_str(&text)
            .map_err(|error| unusable(&path, name, &error.to_string()))?;
        if record.format != FORMAT {
            let why = format!(
                "it has format {}, and this program reads {FORMAT}",
                record.format
            );
            return Err(unusable(&path, name, &why));
        }
        Ok(Some(record))
    }

    /// Writes the record, in one piece or not at all.
    ///
    /// # Errors
    /// Fails where the file system does.
    pub fn write(&self, workspace: &Workspace, name: &ClusterName) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let path = Self::path(workspace, name);
        atomic::replace(&path, &text).map_err(|error| {
            Failure::new(
                Exit::Host,
                Diagnostic::error(format!("cannot write `{path}`: {error}"))
                    .note("without it a later task could not tell what this cluster is")
                    .hint(format!(
                        "make room and see who may write there: df -h {0}; ls -ld {0}",
                        workspace.root()
                    )),
            )
        })
    }

    /// Takes note of other binaries of the same minor release.
    pub fn use_tools(&mut self, tools: &Tools) {
        self.etcd = RecordedEtcd::of(tools);
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

    fn path(workspace: &Workspace, name: &ClusterName) -> Utf8PathBuf {
        workspace.state(name).join("cluster.json")
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

    /// What would have to change for a cluster with this record to be the plan's, in words.
    pub fn differences(&self, plan: &Plan) -> Vec<String> {
        let mut differences = Vec::new();
        if self.token != plan.etcd.token {
            differences.push(format!(
                "the token was `{}` and is now `{}`",
                self.token, plan.etcd.token
            ));
        }
        let planned: Vec<_> = plan.members.iter().map(RecordedMember::of).collect();
        for member in self
            .members
            .iter()
            .filter(|member| !planned.contains(member))
        {
            differences.push(format!("`{}` at {} is gone", member.name, member.address));
        }
        for member in planned
            .iter()
            .filter(|member| !self.members.contains(member))
        {
            differences.push(format!("`{}` at {} is new", member.name, member.address));
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
        }
    }
}

fn unusable(path: &Utf8Path, name: &ClusterName, why: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        Diagnostic::error(format!("`{path}` cannot be read: {why}"))
            .note("it says which etcd the cluster runs on and what it was made from")
            .hint(format!(
                "restore the file, or remove the cluster: `cargo xtask destroy {name}`"
            )),
    )
}

/// The right to change one cluster. Ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: Utf8PathBuf,
}

impl Lock {
    /// Waits until nobody else is changing this cluster. Says once whom it waits for.
    ///
    /// # Errors
    /// Fails where the file system does.
    pub fn take(
        workspace: &Workspace,
        name: &ClusterName,
        task: &str,
        say: &dyn Fn(&str),
    ) -> Outcome<Self> {
        let path = workspace.root().join(format!(".state/{name}.lock"));
        Self::try_take(&path, task, say).map_err(|error| {
            Failure::new(
                Exit::Host,
                Diagnostic::error(format!("`{path}` cannot be locked: {error}"))
                    .note("the lock keeps two tasks from changing one cluster at once")
                    .hint("make the folder writable and its disk not full, and try again"),
            )
        })
    }

    fn try_take(path: &Utf8Path, task: &str, say: &dyn Fn(&str)) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            let file = File::options()
                .read(true)
                .append(true)
                .create(true)
                .open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let holder = fs::read_to_string(path).unwrap_or_default();
                    let holder = holder.lines().next().unwrap_or("another task");
                    say(&format!("waiting: {holder} is changing this cluster"));
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever held it may have removed the file with the cluster: then this locks nothing.
            let current = fs::metadata(path).ok();
            if current.is_some_and(|current| {
                Some(current.ino()) == file.metadata().ok().map(|own| own.ino())
            }) {
                file.set_len(0)?;
                writeln!(
                    &file,
                    "`cargo xtask {task}` (process {})",
                    std::process::id()
                )?;
                return Ok(Self {
                    file,
                    path: path.to_owned(),
                });
            }
        }
    }

    /// Gives the lock up together with its file: the cluster is no more.
    pub fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}
