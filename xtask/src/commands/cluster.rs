//! What every task about a started cluster begins with: its record and its driver.

use super::load;
use crate::driver::{self, DRIVERS, Driver, Home};
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::state::Record;
use crate::values::{ClusterName, HostName};
use crate::workspace::Workspace;

/// A cluster that has been started and not yet been destroyed.
pub(super) struct Started {
    pub(super) workspace: Workspace,
    pub(super) name: ClusterName,
    pub(super) record: Record,
    pub(super) driver: &'static dyn Driver,
}

impl Started {
    /// Finds a started cluster. The definition is not needed for this and may be gone.
    pub(super) fn find(name: &ClusterName) -> Outcome<Self> {
        let workspace = Workspace::find()?;
        let record = Record::read(&workspace, name).map_err(|failure| Failure {
            kind: FailureKind::CouldNotLook,
            ..failure
        })?;
        let record = record.ok_or_else(|| {
            let home = Home {
                workspace: &workspace,
                name,
            };
            if has_traces(&home) {
                without_record(name)
            } else {
                not_started(&workspace, name)
            }
        })?;
        let driver = driver::named(record.driver);
        Ok(Self {
            workspace,
            name: name.clone(),
            record,
            driver,
        })
    }

    /// The same cluster as it is by now; none where it has been destroyed since.
    pub(super) fn again(&self) -> Outcome<Option<Self>> {
        match Self::find(&self.name) {
            Err(_) if !has_traces(&self.home()) => Ok(None),
            found => found.map(Some),
        }
    }

    pub(super) fn home(&self) -> Home<'_> {
        Home {
            workspace: &self.workspace,
            name: &self.name,
        }
    }

    /// Whether the definition now describes another cluster, and `up` refuses to start this one. It may be gone
    /// or have errors: then other tasks say so.
    pub(super) fn is_redefined(&self) -> bool {
        let definition = load::load_silently(&self.workspace, &self.name);
        let plan = definition.map(|definition| self.driver.place(&Plan::new(&definition)));
        let differs = plan.is_some_and(|plan| !self.record.differences(&plan).is_empty());
        differs && !self.record.had_data().is_empty()
    }

    /// The binaries that it runs on.
    pub(super) fn tools(&self) -> Outcome<Tools> {
        self.record.tools().ok_or_else(|| {
            let recorded = &self.record.etcd;
            let name = &self.name;
            let (gone, what) = if recorded.etcdctl.is_file() {
                (&recorded.etcd, "it")
            } else {
                (&recorded.etcdctl, "its etcdctl")
            };
            Failure::could_not_look(
                Diagnostic::error(format!("`{gone}` is gone"))
                    .note(format!(
                        "cluster `{name}` runs etcd {}, and {what} was there",
                        recorded.version
                    ))
                    .hint(Hint::heals(
                        "find it again",
                        [format!("cargo xtask up {name}")],
                    )),
            )
        })
    }

    /// The member of this name.
    pub(super) fn member(&self, name: &HostName) -> Outcome<()> {
        let names = self.record.names();
        if names.contains(name) {
            return Ok(());
        }
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        Err(Failure::usage(
            Diagnostic::error(format!("cluster `{}` has no member `{name}`", self.name))
                .hint(format!("its members are {}", names.join(", "))),
        ))
    }
}

/// Insists that the cluster has left anything here: a record, data, a process.
///
/// # Errors
/// Fails where it has not.
pub(super) fn insist_on_traces(home: &Home<'_>) -> Outcome<()> {
    if has_traces(home) {
        Ok(())
    } else {
        Err(not_started(home.workspace, home.name))
    }
}

/// Whether the cluster has left anything here.
pub(super) fn has_traces(home: &Home<'_>) -> bool {
    let folder = home.workspace.state(home.name);
    folder.exists() || DRIVERS.iter().any(|driver| !driver.traces(home).is_empty())
}

fn without_record(name: &ClusterName) -> Failure {
    Failure::could_not_look(Diagnostic::error(format!("cluster `{name}` has left its members here and no record"))
            .note(format!("the record `.state/{name}/cluster.json` says what they are; it is written before the first of them starts"))
            .hint(Hint::heals("make it anew", [format!("cargo xtask down {name}"), format!("cargo xtask up {name}")]))
            .hint(Hint::heals("or remove all of it", [format!("cargo xtask destroy {name}")])),
    )
}

fn not_started(workspace: &Workspace, name: &ClusterName) -> Failure {
    let diagnostic = Diagnostic::error(format!("cluster `{name}` has not been started"));
    let known = workspace.cluster().join(format!("{name}.toml")).is_file();
    Failure::could_not_look(if known {
        diagnostic.hint(Hint::heals("start it", [format!("cargo xtask up {name}")]))
    } else {
        let diagnostic = diagnostic.note(format!("there is no `cluster/{name}.toml` either"));
        load::hint_at_definitions(workspace, name, diagnostic)
    })
}
