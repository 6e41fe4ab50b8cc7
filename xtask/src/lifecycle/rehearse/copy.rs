//! A scratch copy of a cluster: as many local processes as the cluster has members, restored from a fresh backup.

use std::fs;
use std::net::Ipv4Addr;

use crate::check::Health;
use crate::etcd::snapshot;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::lifecycle::backup::{self, ScratchCluster};
use crate::lifecycle::{look, open};
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Record;
use crate::steps::Start;
use crate::values::DriverName;

/// The copy. It is stopped and removed when this is dropped; if this program is killed, the next task removes it.
pub(super) struct ClusterCopy<'a> {
    /// The copy, which tells the user nothing: its paths and commands are of no use.
    pub(super) session: Session,
    /// Held until the copy is no longer used.
    _scratch: ScratchCluster<'a>,
}

/// The plan of a copy, apart from its ports. The addresses are those that the cluster has on this host, or would have.
pub(super) fn plan_of_copy(original: &Plan, tools: &Tools) -> Plan {
    let mut plan = original.on_loopback().run_by(tools.version);
    plan.driver = None;
    plan.fleet = false;
    plan
}

impl<'a> ClusterCopy<'a> {
    /// Takes a backup of the cluster, restores it for each member, and starts them. `more`: other addresses that the
    /// copy is going to use.
    pub(super) fn of(
        original: &'a Session,
        tools: &'a Tools,
        plan: &Plan,
        more: &[Ipv4Addr],
        interruption: &DeferredInterrupt,
    ) -> Outcome<Self> {
        let ui = original.ui;
        let addresses = plan.members.iter().map(|member| member.address);
        let addresses: Vec<Ipv4Addr> = addresses.chain(more.iter().copied()).collect();
        let on_ports = |ports| plan.served_at(plan.scheme(), ports);
        let scratch = ScratchCluster::new(ui, &original.home, tools, &addresses, &on_ports)?;
        let (home, plan) = (scratch.home(), &scratch.plan);
        let snapshot = scratch.root().join("snapshot.db");
        backup::take_into(ui.quiet(), original, &snapshot)?;
        for member in &plan.members {
            if interruption.is_asked() {
                return Err(interrupted());
            }
            let data = scratch.data_of(&member.name)?;
            if let Some(folder) = data.parent() {
                fs::create_dir_all(folder)
                    .map_err(|error| backup::scratch_unwritten(folder, &error))?;
            }
            let restored = snapshot::restore(tools, &snapshot, plan, member, &data, None);
            restored.map_err(|why| {
                let name = &member.name;
                Failure::host(Diagnostic::error(format!(
                    "the copy of `{name}` cannot be restored: {why}"
                )))
            })?;
        }
        let mut record = Record::new(DriverName::Local, plan, tools);
        for member in plan.names() {
            record.saw_data_of(&member);
        }
        record.write(home)?;
        let session = open::with_plan(ui.quiet(), home, plan)?;
        let members = plan.names().into_iter();
        let start = Start {
            members: members.map(|name| (name, InitialState::Existing)).collect(),
            lost: Vec::new(),
        };
        let driver = session.driver;
        driver.start(home, plan, tools, &start, &mut |_, _| {})?;
        let verified = look::wait_while(&session, driver.patience(), &|verified| {
            !interruption.is_asked() && !verified.has_stopped_members()
        });
        if interruption.is_asked() {
            return Err(interrupted());
        }
        if verified.report.health() != Health::Healthy {
            let name = &original.home.name;
            let summary = verified.report.summary(plan);
            let diagnostic =
                Diagnostic::error(format!("the copy does not become healthy: {summary}"));
            let conditions = driver.conditions(home, &plan.names())?;
            let mut members = plan.members.iter().zip(conditions);
            let exited = members.find(|(_, condition)| !condition.is_running());
            let diagnostic = match exited {
                Some((Member { name, .. }, _)) => {
                    diagnostic.note(format!("{name} exited: {}", scratch.last_words(name)))
                }
                None => diagnostic,
            };
            return Err(Failure::failed(
                diagnostic
                    .note("the cluster itself was not changed")
                    .hint(Hint::informs(
                        "check the cluster, because its copy has the same data and settings",
                        [format!("cargo xtask verify {name}")],
                    )),
            ));
        }
        Ok(Self {
            session,
            _scratch: scratch,
        })
    }
}

/// The failure that the user stopped a rehearsal.
pub(super) fn interrupted() -> Failure {
    Failure::interrupted(
        Diagnostic::error("interrupted; the copy is removed")
            .note("the cluster itself was not changed"),
    )
}
