//! A started cluster that a task works on.

use crate::driver::{self, Driver};
use crate::etcd::credentials::Credentials;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::pki;
use crate::plan::Plan;
use crate::plan::flags::InitialState;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::Record;
use crate::steps::Start;
use crate::ui::Ui;
use crate::values::{HostFile, HostName};
use crate::wording::list_of_words;
use crate::workspace::Home;

/// A cluster that was started and not yet destroyed. Its definition may no longer exist.
pub struct Started {
    /// The cluster's name and workspace.
    pub home: Home,
    /// What the cluster was started from.
    pub record: Record,
    /// The driver that runs its members.
    pub driver: &'static dyn Driver,
    /// The file with the user of etcd that its definition names.
    pub credentials: Option<HostFile>,
}

/// A started cluster with its definition and binaries. Tasks act on clusters only through it.
pub struct Session {
    /// Prints messages to the user.
    pub ui: Ui,
    /// The cluster's name and workspace.
    pub home: Home,
    /// What the cluster was started from.
    pub record: Record,
    /// The driver that runs its members.
    pub driver: &'static dyn Driver,
    /// The plan of what runs: the recorded members, with the definition's other settings.
    pub plan: Plan,
    /// The plan of the definition, which may have been edited since the start.
    pub defined: Plan,
    /// The etcdctl that queries the members, and the etcd that runs members that are processes.
    pub tools: Tools,
    /// The etcd of another version that `apply` brings members to; none if it does not change their version.
    pub next_tools: Option<Tools>,
}

impl Session {
    /// Starts these members: each with the version that it ran last, if a change of the version is not complete.
    pub fn start(&self, start: &Start, doing: &mut dyn FnMut(&HostName, &str)) -> Outcome<()> {
        let before = |(name, _): &(HostName, InitialState)| self.record.tools_before(name);
        let (old, new): (Vec<_>, Vec<_>) = start
            .members
            .iter()
            .cloned()
            .partition(|one| before(one).is_some());
        if let Some(tools) = old.first().and_then(before) {
            let plan = self.driver.run_by(&self.plan, &tools);
            let old = Start {
                members: old,
                lost: start.lost.clone(),
            };
            self.driver.start(&self.home, &plan, &tools, &old, doing)?;
        }
        let new = Start {
            members: new,
            lost: start.lost.clone(),
        };
        self.driver
            .start(&self.home, &self.plan, &self.tools, &new, doing)
    }
}

impl Started {
    /// Opens a cluster from its record. `credentials`: the file that its definition names.
    pub fn of(home: Home, record: Record, credentials: Option<HostFile>) -> Self {
        let driver = driver::named(record.driver);
        Self {
            home,
            record,
            driver,
            credentials,
        }
    }

    /// The binaries that the cluster runs on. Fails if they, or this host's certificate, were removed.
    pub fn tools(&self) -> Outcome<Tools> {
        let tools = self.record.tools(&self.home).ok_or_else(|| {
            let recorded = &self.record.etcd;
            let name = &self.home.name;
            let (gone, program) = if recorded.etcdctl.is_file() {
                (&recorded.etcd, "etcd")
            } else {
                (&recorded.etcdctl, "etcdctl")
            };
            Failure::could_not_look(
                Diagnostic::error(format!("`{gone}` is gone"))
                    .note(format!(
                        "it was the {program} of cluster `{name}`, which runs etcd {}",
                        recorded.version
                    ))
                    .hint(Hint::heals(
                        "find it again",
                        [format!("cargo xtask up {name}")],
                    )),
            )
        })?;
        self.equipped(tools)
    }

    /// These binaries, with the certificate and the user that this cluster wants to see. Fails if they cannot be read.
    pub fn equipped(&self, tools: Tools) -> Outcome<Tools> {
        let Self { home, record, .. } = self;
        pki::require_client(home, record.scheme)?;
        let tools = known(tools, home, self.credentials.as_ref())?;
        Ok(tools.with(pki::client(home, record.scheme)))
    }

    /// Fails if the cluster has no member of this name, and lists the names it has.
    pub fn insist_on(&self, member: &HostName) -> Outcome<()> {
        let names = self.record.names();
        if names.contains(member) {
            return Ok(());
        }
        Err(Failure::usage(
            Diagnostic::error(format!(
                "cluster `{}` has no member `{member}`",
                self.home.name
            ))
            .hint(format!("its members are {}", list_of_words(names))),
        ))
    }
}

/// These binaries, with the user in this file, which a definition names. One that the environment names comes first.
pub fn known(tools: Tools, home: &Home, file: Option<&HostFile>) -> Outcome<Tools> {
    let file = file.filter(|_| tools.credentials.is_none());
    let credentials = file.map(|file| Credentials::read(&home.named(file.as_str())));
    Ok(tools.known_as(credentials.transpose()?))
}
