//! What faults are made of: single things to do to a session, each with what undoes it. Those to members
//! and their data are here.

mod network;
mod requests;

use camino::Utf8PathBuf;

use super::stranger::Stranger;
use super::throttle::Throttle;
use super::undo::{self, Undo};
use super::{Fault, Injected, Journal, unused_address};
use crate::etcd::tools::Tools;
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::process::DeferredInterrupt;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps::Start;
use crate::values::HostName;

/// What a fault may need beside the cluster itself.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// An etcd of another version than the cluster's.
    pub other_etcd: Option<Tools>,
}

/// Does things to a session, and takes note of each before it is done.
pub struct Injector<'a> {
    session: &'a Session,
    means: &'a Resources,
    leader: HostName,
    interruption: &'a DeferredInterrupt,
    journal: Journal,
    /// What is done by this process as long as the fault lasts, and ends with it.
    held: Vec<Held>,
}

/// Something that this process does as long as a fault lasts.
#[expect(dead_code, reason = "what they hold works until it is dropped")]
enum Held {
    Stranger(Stranger),
    Throttle(Throttle),
}

impl<'a> Injector<'a> {
    /// Something to inject this fault with. `leader`: who leads right now. `interruption`: ends what
    /// takes long before it is done.
    pub fn new(
        session: &'a Session,
        means: &'a Resources,
        leader: HostName,
        interruption: &'a DeferredInterrupt,
        fault: &Fault,
    ) -> Self {
        Self {
            session,
            means,
            leader,
            interruption,
            journal: Journal::of(fault.name),
            held: Vec::new(),
        }
    }

    /// Brings a fault about.
    ///
    /// # Errors
    /// Fails where something cannot be done to the cluster. What was done is noted, to be undone.
    pub fn inject(&mut self, fault: &Fault) -> Outcome<Injected> {
        (fault.inject)(self)
    }

    /// The cluster as it should be.
    pub(super) fn plan(&self) -> &'a Plan {
        &self.session.plan
    }

    /// The member that leads.
    pub(super) fn leader(&self) -> Outcome<&'a Member> {
        let leads = |member: &&Member| member.name == self.leader;
        self.plan().members.iter().find(leads).ok_or_else(|| {
            Failure::failed(Diagnostic::error(
                "the leader is no member of the definition",
            ))
        })
    }

    /// The members that do not lead, in the plan's order.
    pub(super) fn followers(&self) -> Vec<&'a Member> {
        let members = self.plan().members.iter();
        members
            .filter(|member| member.name != self.leader)
            .collect()
    }

    /// The first member that does not lead.
    pub(super) fn follower(&self) -> Outcome<&'a Member> {
        self.followers()
            .into_iter()
            .next()
            .map_or_else(|| self.leader(), Ok)
    }

    /// Ends a member without a word to it.
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

    /// Lets a member run a small part of the time only.
    pub(super) fn throttle(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::Resume {
            member: member.clone(),
        })?;
        let throttle = Throttle::begin(self.session, member);
        self.held.push(Held::Throttle(throttle));
        Ok(())
    }

    /// Has somebody answer at a member's client URL who is not etcd. The member must not run.
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

    /// Stops a member in good order.
    pub(super) fn stop(&mut self, member: &HostName) -> Outcome<()> {
        self.note(Undo::Start {
            member: member.clone(),
        })?;
        let members = std::slice::from_ref(member);
        self.session
            .driver
            .stop(&self.session.home, members, &self.session.ui.saying())
    }

    /// Sets the data of a member aside that does not run.
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

    /// Starts a member that does not run, and that is noted to be undone already, by another plan
    /// than its own or with other binaries.
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

    /// Starts a member that the definition does not have. It joins a cluster that knows of it.
    pub(super) fn start_extra(&mut self, plan: &Plan, extra: &HostName) -> Outcome<()> {
        self.note(Undo::Remove {
            member: extra.clone(),
        })?;
        self.start(plan, self.tools(), extra, InitialState::Existing)
    }

    /// Sets the data of all members aside and starts them without any, by this plan.
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

    /// Has a member join that the definition does not have, and returns it.
    pub(super) fn join_extra(&mut self, more: &[&str]) -> Outcome<Member> {
        let mut plan = self.plan().clone();
        let extra = Member::new(extra_name()?, unused_address(&plan), &plan.etcd.token);
        self.add_to_cluster(&extra, more)?;
        plan.members.push(extra.clone());
        self.start_extra(&plan, &extra.name)?;
        Ok(extra)
    }

    /// Where a member has its data.
    pub(super) fn data(&self, member: &HostName) -> Outcome<Utf8PathBuf> {
        let faults = self.session.driver.faults();
        let data = faults.and_then(|faults| faults.data(&self.session.home, member));
        data.ok_or_else(|| {
            Failure::failed(Diagnostic::error(format!(
                "the data of `{member}` is not on this host"
            )))
        })
    }

    /// Has etcdctl ask a member.
    pub(super) fn etcdctl(&self, member: &Member, arguments: &[&str]) -> Outcome<String> {
        undo::ask_at(self.session, vec![member.client_url()], arguments)
    }

    /// That something is not there that a fault takes.
    pub(super) fn lacks<T>(&self, what: &str) -> Outcome<T> {
        let fault = &self.journal.fault;
        Err(Failure::usage(Diagnostic::error(format!(
            "the fault `{fault}` takes {what}"
        ))))
    }

    /// The binaries that the cluster runs on.
    pub(super) const fn tools(&self) -> &'a Tools {
        &self.session.tools
    }

    /// What was given beside the cluster.
    pub(super) const fn means(&self) -> &'a Resources {
        self.means
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

    /// Ends what takes long where somebody wants it to end.
    fn insist_on_going_on(&self) -> Outcome<()> {
        if !self.interruption.is_asked() {
            return Ok(());
        }
        let fault = &self.journal.fault;
        Err(Failure::interrupted(Diagnostic::error(format!(
            "interrupted while `{fault}` was brought about"
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

/// The name of a member that no definition is likely to have.
fn extra_name() -> Outcome<HostName> {
    let name = "drill-extra";
    name.parse()
        .map_err(|_| Failure::failed(Diagnostic::error(format!("`{name}` is no host name"))))
}
