//! The steps that faults consist of, each with its undo. This file has those for members and their
//! data.

mod network;
mod requests;

use camino::{Utf8Path, Utf8PathBuf};

use super::stranger::Stranger;
use super::throttle::Throttle;
use super::undo::{self, Undo};
use super::{Fault, Injected, Journal};
use crate::etcd::snapshot;
use crate::etcd::tools::Tools;
use crate::pki::{self, Flaw};
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps::Start;
use crate::values::HostName;

/// Resources that a fault may need besides the cluster.
#[derive(Debug, Clone)]
pub struct Resources {
    /// An etcd of another version than the cluster's.
    pub other_etcd: Option<Tools>,
    /// Whether the cluster's etcd comes with a program that restores snapshots.
    pub restores_snapshots: bool,
}

impl Resources {
    /// Those of a started cluster, and the other etcd that the user named.
    pub fn of(session: &Session, other_etcd: Option<Tools>) -> Self {
        Self {
            other_etcd,
            restores_snapshots: session.tools.restorer().is_some(),
        }
    }

    /// Those that a cluster has before it is started, as far as that is known: every release of etcd
    /// has a program that restores snapshots.
    pub const fn before_start(other_etcd: Option<Tools>) -> Self {
        Self {
            other_etcd,
            restores_snapshots: true,
        }
    }
}

/// Changes a cluster, and records each change in the journal before it is made.
pub struct Injector<'a> {
    session: &'a Session,
    resources: &'a Resources,
    leader: HostName,
    interruption: &'a DeferredInterrupt,
    journal: Journal,
    /// What this process keeps up while the fault lasts.
    held: Vec<Held>,
}

/// Something that this process keeps up during a fault.
#[expect(dead_code, reason = "what they hold works until it is dropped")]
enum Held {
    Stranger(Stranger),
    Throttle(Throttle),
}

impl<'a> Injector<'a> {
    /// Creates the injector of a fault. `leader`: the current leader. `interruption`: ends slow
    /// steps early.
    pub fn new(
        session: &'a Session,
        resources: &'a Resources,
        leader: HostName,
        interruption: &'a DeferredInterrupt,
        fault: &Fault,
    ) -> Self {
        Self {
            session,
            resources,
            leader,
            interruption,
            journal: Journal::of(fault.name),
            held: Vec::new(),
        }
    }

    /// Injects a fault. Changes made before a failure are in the journal.
    pub fn inject(&mut self, fault: &Fault) -> Outcome<Injected> {
        (fault.inject)(self)
    }

    /// The plan of the cluster.
    pub(super) fn plan(&self) -> &'a Plan {
        &self.session.plan
    }

    /// The leader.
    pub(super) fn leader(&self) -> Outcome<&'a Member> {
        let leads = |member: &&Member| member.name == self.leader;
        self.plan().members.iter().find(leads).ok_or_else(|| {
            Failure::failed(Diagnostic::error(
                "the leader is not a member of the definition",
            ))
        })
    }

    /// The followers, in the plan's order.
    pub(super) fn followers(&self) -> Vec<&'a Member> {
        let members = self.plan().members.iter();
        members
            .filter(|member| member.name != self.leader)
            .collect()
    }

    /// The first follower.
    pub(super) fn follower(&self) -> Outcome<&'a Member> {
        self.followers()
            .into_iter()
            .next()
            .map_or_else(|| self.leader(), Ok)
    }

    /// Kills a member.
    pub(super) fn kill(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::Start {
            member: member.clone(),
        })?;
        match self.session.driver.faults() {
            Some(faults) => faults.kill(&self.session.home, member),
            None => Ok(()),
        }
    }

    /// Halts a member.
    pub(super) fn pause(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::Resume {
            member: member.clone(),
        })?;
        match self.session.driver.faults() {
            Some(faults) => faults.pause(&self.session.home, member),
            None => Ok(()),
        }
    }

    /// Lets a member run only a small part of the time.
    pub(super) fn throttle(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::Resume {
            member: member.clone(),
        })?;
        let throttle = Throttle::begin(self.session, member);
        self.held.push(Held::Throttle(throttle));
        Ok(())
    }

    /// Answers at a member's client URL with a server that is not etcd. The member must be stopped.
    pub(super) fn answer_as_stranger(&mut self, member: &Member) -> Outcome<()> {
        let stranger = Stranger::begin(member).map_err(|error| {
            Failure::host(Diagnostic::error(format!(
                "cannot listen at {}: {error}",
                member.client_url()
            )))
        })?;
        self.held.push(Held::Stranger(stranger));
        Ok(())
    }

    /// Stops a member cleanly.
    pub(super) fn stop(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::Start {
            member: member.clone(),
        })?;
        let members = std::slice::from_ref(member);
        self.session
            .driver
            .stop(&self.session.home, members, &self.session.ui.saying())
    }

    /// Moves the data of a stopped member aside.
    pub(super) fn set_data_aside(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::PutDataBack {
            member: member.clone(),
        })?;
        let data = self.data(member)?;
        undo::set_aside(&data).map_err(|error| {
            Failure::host(Diagnostic::error(format!(
                "`{data}` cannot be moved: {error}"
            )))
        })
    }

    /// Kills these members and takes their data away.
    pub(super) fn lose(&mut self, members: &[HostName]) -> Outcome<()> {
        for member in members {
            self.kill(member)?;
        }
        for member in members {
            self.set_data_aside(member)?;
        }
        Ok(())
    }

    /// Gives a member a wrong certificate. It serves that from then on.
    pub(super) fn spoil_certificate(&mut self, member: &Member, flaw: Flaw) -> Outcome<()> {
        self.note(Undo::PutCertificateBack {
            member: member.name.clone(),
        })?;
        pki::spoil(&self.session.home, self.plan(), member, flaw)
    }

    /// Starts a stopped member, whose stop is in the journal, with another plan or other binaries.
    pub(super) fn start_by(
        &mut self,
        plan: &Plan,
        tools: &Tools,
        member: &HostName,
        state: InitialState,
    ) -> Outcome<()> {
        self.note(Undo::Restart {
            member: member.clone(),
        })?;
        self.start(plan, tools, member, state)
    }

    /// Starts a member that is not in the definition, in a cluster that already lists it.
    pub(super) fn start_extra(&mut self, plan: &Plan, extra: &HostName) -> Outcome<()> {
        self.note(Undo::Remove {
            member: extra.clone(),
        })?;
        self.start(plan, self.tools(), extra, InitialState::Existing)
    }

    /// Moves the data of all members aside and starts them empty, by this plan.
    pub(super) fn replace_all(&mut self, plan: &Plan, state: InitialState) -> Outcome<()> {
        let tools = self.tools();
        for member in &self.plan().members {
            self.stop(&member.name)?;
            self.set_data_aside(&member.name)?;
        }
        for member in &self.plan().members {
            self.start_by(plan, tools, &member.name, state)?;
        }
        Ok(())
    }

    /// Adds a member that is not in the definition, and returns it.
    pub(super) fn join_extra(&mut self, more: &[&str]) -> Outcome<Member> {
        let mut plan = self.plan().clone();
        let (address, ports) = (plan.unused_address(), plan.ports());
        let extra = Member::new(
            extra_name()?,
            address,
            ports,
            plan.scheme(),
            &plan.etcd.token,
        );
        self.add_to_cluster(&extra, more)?;
        plan.members.push(extra.clone());
        // It applies the whole log, also what was compacted since, and must raise no alarm of its own.
        plan.etcd.quota = None;
        self.start_extra(&plan, &extra.name)?;
        Ok(extra)
    }

    /// The folder of a member's data.
    pub(super) fn data(&self, member: &HostName) -> Outcome<Utf8PathBuf> {
        let faults = self.session.driver.faults();
        let data = faults.and_then(|faults| faults.data(&self.session.home, member));
        data.ok_or_else(|| {
            Failure::failed(Diagnostic::error(format!(
                "the data of `{member}` is not on this host"
            )))
        })
    }

    /// Runs etcdctl against a member.
    pub(super) fn etcdctl(&self, member: &Member, arguments: &[&str]) -> Outcome<String> {
        undo::ask_at(self.session, vec![member.client_url()], arguments)
    }

    /// Restores a snapshot as the data of a stopped member.
    pub(super) fn restore(&self, member: &Member, file: &Utf8Path) -> Outcome<()> {
        let data = self.data(&member.name)?;
        snapshot::restore(self.tools(), file, self.plan(), member, &data, None)
            .map_err(|why| Failure::failed(Diagnostic::error(format!("`{file}`: {why}"))))
    }

    /// The failure that a resource of the fault is missing.
    pub(super) fn lacks<T>(&self, what: &str) -> Outcome<T> {
        let fault = &self.journal.fault;
        Err(Failure::usage(Diagnostic::error(format!(
            "the fault `{fault}` needs {what}"
        ))))
    }

    /// The cluster's binaries.
    pub(super) const fn tools(&self) -> &'a Tools {
        &self.session.tools
    }

    /// The resources besides the cluster.
    pub(super) const fn resources(&self) -> &'a Resources {
        self.resources
    }

    fn start(
        &self,
        plan: &Plan,
        tools: &Tools,
        member: &HostName,
        state: InitialState,
    ) -> Outcome<()> {
        let start = Start {
            members: vec![(member.clone(), state)],
            lost: Vec::new(),
        };
        self.session
            .driver
            .start(&self.session.home, plan, tools, &start, &mut |_, _| {})
    }

    /// Fails if the user wants to stop.
    fn fail_if_interrupted(&self) -> Outcome<()> {
        if !self.interruption.is_asked() {
            return Ok(());
        }
        let fault = &self.journal.fault;
        Err(Failure::interrupted(Diagnostic::error(format!(
            "interrupted while injecting `{fault}`"
        ))))
    }

    fn note(&mut self, undo: Undo) -> Outcome<()> {
        if !self.journal.undo.contains(&undo) {
            self.journal.undo.push(undo);
            self.journal.write(&self.session.home)?;
        }
        Ok(())
    }
}

/// All members but one.
fn others<'a>(plan: &'a Plan, member: &Member) -> impl Iterator<Item = &'a Member> {
    let id = member.id;
    plan.members.iter().filter(move |other| other.id != id)
}

/// A member name that definitions are unlikely to have.
fn extra_name() -> Outcome<HostName> {
    let name = "drill-extra";
    name.parse()
        .map_err(|_| Failure::failed(Diagnostic::error(format!("`{name}` is not a host name"))))
}
