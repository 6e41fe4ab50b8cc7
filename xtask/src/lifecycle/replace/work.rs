//! The steps of a replacement.

use std::fs;
use std::time::{Duration, Instant};

use super::present::Present;
use super::{AGAIN, SETTLING, to_be_started, unused_time};
use crate::change::replace::{Replacement as Change, Step};
use crate::command_line;
use crate::etcd::{membership, observe};
use crate::hint::Hint;
use crate::lifecycle::backup::{self, BackupRequest};
use crate::observation::{Condition, ListedMember, Look, log};
use crate::pause::pause;
use crate::plan::Member;
use crate::plan::flags::InitialState;
use crate::plan::identity::EtcdId;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Replacement;
use crate::steps::Start;
use crate::ui::Ui;
use crate::values::HostName;
use crate::workspace::Home;

/// How long a member may take to receive all data, of which there may be GiBs.
const CATCHING_UP: Duration = Duration::from_secs(30 * 60);

/// A replacement under way.
pub(super) struct Work<'a> {
    pub(super) ui: Ui,
    pub(super) home: &'a Home,
    pub(super) member: Member,
    pub(super) journal: Replacement,
    pub(super) removed: Vec<HostName>,
}

impl Work<'_> {
    /// Takes the next step. Returns whether there may be another one.
    pub(super) fn step(&mut self, session: &mut Session, present: &Present) -> Outcome<bool> {
        let name = self.member.name.clone();
        let (ui, home) = (self.ui, self.home);
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
                backup::take_locked(ui, &home.name, BackupRequest::default())?;
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
                self.remove(session, present, id)?;
                if let (true, Ok(who)) = (present.lost.contains(&id), who.parse()) {
                    self.removed.push(who);
                }
            }
            Step::SetAside => {
                self.journal.write(home)?;
                let time = &self.journal.time;
                session.driver.data().set_aside(home, members, time)?;
                self.journal.is_set_aside = true;
                self.journal.write(home)?;
            }
            Step::Add => {
                self.refuse_stopped(present)?;
                let id = self.add(session, present)?;
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
                self.start(session, present)?;
            }
            Step::Promote(id) => self.promote(session, present, id)?,
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

    /// Removes a member from the list. An election may be under way.
    fn remove(&self, session: &Session, present: &Present, id: EtcdId) -> Outcome<()> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let removed = membership::remove(&session.tools, &present.asked, id);
            let Err(why) = removed else {
                return Ok(());
            };
            // The request may have succeeded although its answer was lost.
            let listed = observe::member_list(&present.asked, &session.tools, observe::PATIENCE);
            let is_listed = |listed: &Vec<ListedMember>| listed.iter().any(|one| one.id == id);
            if listed.seen().is_some_and(|listed| !is_listed(listed)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed("removed", &why));
            }
            pause(AGAIN);
        }
    }

    /// Adds the member. etcd refuses while a connection between members is younger than five seconds.
    fn add(&self, session: &Session, present: &Present) -> Outcome<EtcdId> {
        let deadline = Instant::now() + SETTLING;
        let mut is_said = false;
        loop {
            match membership::add(&session.tools, &present.asked, &self.member) {
                Ok(id) => return Ok(id),
                Err(why) => {
                    // The request may have succeeded although its answer was lost.
                    let url = self.member.peer_url();
                    if let Some(one) = listed(session, present, &|one| one.peer_urls.contains(&url))
                    {
                        return Ok(one.id);
                    }
                    if Instant::now() > deadline {
                        return Err(self.failed("added", &why));
                    }
                    if !std::mem::replace(&mut is_said, true) {
                        let name = &self.member.name;
                        self.ui.say(&format!(
                            "{name}: waiting until etcd accepts a new member, which takes 5 s of \
                             undisturbed connections ({why})"
                        ));
                    }
                }
            }
            pause(AGAIN);
        }
    }

    /// Starts the member with the list that the cluster has, as etcd demands.
    fn start(&self, session: &Session, present: &Present) -> Outcome<()> {
        let name = &self.member.name;
        let mut plan = session.plan.clone();
        plan.members.retain(|one| {
            let url = one.peer_url();
            let mut listed = present.listed.iter();
            listed.any(|entry| entry.peer_urls.contains(&url))
        });
        let names = std::slice::from_ref(name);
        self.ui
            .report(&session.driver.preflight(self.home, &plan, names)?);
        let start = Start {
            members: vec![(name.clone(), InitialState::Existing)],
            lost: Vec::new(),
        };
        self.ui.say(&format!("{name}: starting without data"));
        session
            .driver
            .start(self.home, &plan, &session.tools, &start, &mut |_, _| {})
    }

    /// Waits until the member has the others' data, and gives it its vote.
    fn promote(&self, session: &Session, present: &Present, id: EtcdId) -> Outcome<()> {
        let name = &self.member.name;
        let deadline = Instant::now() + CATCHING_UP;
        let mut is_said = false;
        loop {
            // The leader may take it for what it was before it lost its data.
            let why = if self.has_caught_up(session, present, id) {
                match membership::promote(&session.tools, &present.asked, id) {
                    Ok(()) => {
                        self.ui.say(&format!("{name}: has all data, and votes"));
                        return Ok(());
                    }
                    // As above.
                    Err(_)
                        if listed(session, present, &|one| one.id == id && !one.is_learner)
                            .is_some() =>
                    {
                        return Ok(());
                    }
                    Err(why) => why,
                }
            } else {
                "it has not received all data".into()
            };
            let names = std::slice::from_ref(name);
            let conditions = session.driver.conditions(self.home, names)?;
            match conditions.first() {
                Some(Condition::Running(_)) => {}
                Some(Condition::Halted { id }) => return Err(self.halted(*id)),
                _ => return Err(self.exited(session)),
            }
            if Instant::now() > deadline {
                return Err(self.failed("promoted", &why));
            }
            if !std::mem::replace(&mut is_said, true) {
                self.ui
                    .say(&format!("{name}: receiving the data of the others"));
            }
            pause(AGAIN);
        }
    }

    /// Whether the member itself answers, and has what the others had when they were asked.
    fn has_caught_up(&self, session: &Session, present: &Present, id: EtcdId) -> bool {
        let members = std::slice::from_ref(&self.member);
        let statuses = observe::statuses(members, &session.tools, observe::PATIENCE);
        let status = statuses.first().and_then(Look::seen);
        status.is_some_and(|status| {
            let applied = status.raft_applied_index.or(status.raft_index);
            status.member_id == id && applied >= present.applied
        })
    }

    fn exited(&self, session: &Session) -> Failure {
        let log = session.driver.log(self.home, &self.member.name);
        let said = fs::read_to_string(&log).unwrap_or_default();
        let why = match log::last_words(&said) {
            Some(words) => format!("it exited: {}", words.quoted),
            None => format!("it exited; see `{log}`"),
        };
        self.failed("started", &why.into())
    }

    fn halted(&self, id: i32) -> Failure {
        let (member, name) = (&self.member.name, &self.home.name);
        let resume = format!("kill -CONT {id}");
        Failure::failed(
            Diagnostic::error(format!("`{member}` is halted: process {id}")).hint(Hint::heals(
                "continue it, and then its replacement",
                [resume, command_line::replace(name, member)],
            )),
        )
    }

    fn failed(&self, what: &str, why: &Reason) -> Failure {
        let (member, name) = (&self.member.name, &self.home.name);
        Failure::failed(
            Diagnostic::error(format!("`{member}` could not be {what}: {why}"))
                .note("its old data is kept")
                .hint(Hint::heals(
                    "fix the cause, then continue",
                    [command_line::replace(name, member)],
                )),
        )
    }
}

/// The member in the cluster's list for which something holds, if the list can be had.
fn listed(
    session: &Session,
    present: &Present,
    holds: &dyn Fn(&ListedMember) -> bool,
) -> Option<ListedMember> {
    let listed = observe::member_list(&present.asked, &session.tools, observe::PATIENCE);
    listed.seen()?.iter().find(|one| holds(one)).cloned()
}
