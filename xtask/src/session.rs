//! A cluster that a task works on: what `up` has left of it, and what its definition says it should be.

use crate::driver::{self, Driver};
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::HostName;
use crate::workspace::Home;

/// A cluster that was started and has not been destroyed since. Its definition may be gone.
pub struct Started {
    /// Where it is kept.
    pub home: Home,
    /// What it was started from.
    pub record: Record,
    /// What runs its members.
    pub driver: &'static dyn Driver,
}

/// A started cluster with its definition and its binaries: whatever a task does to a cluster, it does it by this.
pub struct Session {
    /// Tells the user what is done.
    pub ui: Ui,
    /// Where it is kept.
    pub home: Home,
    /// What it was started from.
    pub record: Record,
    /// What runs its members.
    pub driver: &'static dyn Driver,
    /// The definition's plan, with the addresses and the version that its members really have.
    pub plan: Plan,
    /// The etcdctl that asks its members, and the etcd that runs those that are processes.
    pub tools: Tools,
}

impl Started {
    /// A cluster with this record.
    pub fn of(home: Home, record: Record) -> Self {
        let driver = driver::named(record.driver);
        Self {
            home,
            record,
            driver,
        }
    }

    /// The binaries that it runs on.
    ///
    /// # Errors
    /// Fails where they are gone.
    pub fn tools(&self) -> Outcome<Tools> {
        self.record.tools().ok_or_else(|| {
            let recorded = &self.record.etcd;
            let name = &self.home.name;
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

    /// Insists that the cluster has a member of this name.
    ///
    /// # Errors
    /// Fails where it has none, and says which members there are.
    pub fn insist_on(&self, member: &HostName) -> Outcome<()> {
        let names = self.record.names();
        if names.contains(member) {
            return Ok(());
        }
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        Err(Failure::usage(
            Diagnostic::error(format!(
                "cluster `{}` has no member `{member}`",
                self.home.name
            ))
            .hint(format!("its members are {}", names.join(", "))),
        ))
    }
}
