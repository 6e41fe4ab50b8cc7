//! The steps of a replacement.

use super::present::Present;
use super::{to_be_started, unused_time};
use crate::change::replace::{Replacement as Change, Step};
use crate::command_line;
use crate::lifecycle::backup::{self, BackupRequest};
use crate::lifecycle::member_machine;
use crate::lifecycle::membership_change::MembershipChange;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::report::Outcome;
use crate::session::Session;
use crate::state::Replacement;
use crate::ui::Ui;
use crate::values::HostName;
use crate::workspace::Home;

/// A replacement under way.
pub(in crate::lifecycle) struct Work {
    pub(super) ui: Ui,
    pub(super) home: Home,
    pub(super) member: Member,
    pub(super) journal: Replacement,
    pub(super) removed: Vec<HostName>,
    /// Whether the member had no data to move aside.
    pub(super) had_none: bool,
    /// The ID under which it was started last.
    pub(super) started: Option<EtcdId>,
}

impl Work {
    /// Takes the next step. Returns whether there may be another one.
    pub(super) fn step(&mut self, session: &mut Session, present: &Present) -> Outcome<bool> {
        let name = self.member.name.clone();
        let (ui, home) = (self.ui, &self.home.clone());
        let members = std::slice::from_ref(&name);
        let step = Change {
            member: &self.member,
            old: self.journal.old,
            joined: self.journal.joined,
            listed: &present.listed,
            lost: &present.lost,
            is_running: present.is_running,
            has_data: present.has_data,
            is_backed_up: self.journal.is_backed_up,
            is_set_aside: self.journal.is_set_aside,
        }
        .next();
        match step {
            Step::BackUp => {
                backup::take_locked(ui, home, BackupRequest::default())?;
                self.journal.is_backed_up = true;
            }
            Step::Stop => {
                session.driver.data().halt(home, members, &ui.saying())?;
                ui.say(&format!("{name}: stopped"));
            }
            Step::Remove(id) => {
                // From here on, only a new member can take its place.
                self.journal.write(home)?;
                let who = present.name_of(id);
                ui.say(&format!("removing {who} ({id}) from the cluster"));
                self.change(session, present).remove(id)?;
                if let (true, Ok(who)) = (present.lost.contains(&id), who.parse()) {
                    self.removed.push(who);
                }
            }
            Step::SetAside => {
                if self.journal.is_set_aside {
                    self.journal.time = unused_time(session, &name);
                }
                self.journal.write(home)?;
                self.had_none = !present.has_data;
                if self.is_in_use(session)? {
                    let data = session.driver.data();
                    // It does not run, but a reboot would start it.
                    data.halt(home, members, &|_| ())?;
                    data.set_aside(home, members, &self.journal.time)?;
                }
                self.journal.is_set_aside = true;
                self.journal.write(home)?;
            }
            Step::Add => {
                self.refuse_stopped(present)?;
                let id = self.change(session, present).add()?;
                session.record.added(&name, id);
                session.record.write(home)?;
                ui.say(&format!("{name}: added to the cluster as {id}"));
            }
            Step::Start(id) => {
                // An earlier run may have been killed before it recorded the ID.
                session.record.added(&name, id);
                session.record.write(home)?;
                self.journal.joined = Some(id);
                self.journal.write(home)?;
                if self.started.replace(id) == Some(id) {
                    self.change(session, present).fail_unless_it_runs()?;
                    let why = "it exited".into();
                    return Err(self.change(session, present).failed("started", &why));
                }
                let listed = Self::as_listed(session, present);
                self.change(session, present).start(&listed, id)?;
            }
            Step::Promote(id) => self.change(session, present).promote(id)?,
            Step::StartOver => {
                let time = unused_time(session, &name);
                self.journal = Replacement::begin(name, self.journal.old, time);
                self.journal.is_backed_up = true;
                self.journal.write(home)?;
            }
            Step::Done => return Ok(false),
        }
        Ok(true)
    }

    /// Fails if other members have to be started first: etcd adds no member meanwhile.
    fn refuse_stopped(&self, present: &Present) -> Outcome<()> {
        match present.stopped.as_slice() {
            [] => Ok(()),
            stopped => Err(to_be_started(&self.home.name, &self.member.name, stopped)),
        }
    }

    /// Whether there may be data to move: not on a machine that does not exist or was never set up.
    fn is_in_use(&self, session: &Session) -> Outcome<bool> {
        match session.driver.machines() {
            Some(machines) => member_machine::is_in_use(session, machines, &self.member.name),
            None => Ok(true),
        }
    }

    /// The plan with the list of members that the cluster has, as etcd demands.
    fn as_listed(session: &Session, present: &Present) -> Plan {
        let mut plan = session.plan.clone();
        plan.members.retain(|one| {
            let url = one.peer_url();
            let mut listed = present.listed.iter();
            listed.any(|entry| entry.peer_urls.contains(&url))
        });
        plan
    }

    fn change<'s>(&'s self, session: &'s Session, present: &'s Present) -> MembershipChange<'s> {
        MembershipChange {
            session,
            asked: &present.asked,
            applied: present.applied,
            member: &self.member,
            go_on: command_line::replace(&self.home.name, &self.member.name),
        }
    }
}
