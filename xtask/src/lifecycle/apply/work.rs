//! Takes the steps.

use std::time::{Duration, Instant};

use super::present::{self, Present};
use super::{downgrade, see_what_is_wrong, upgrade};
use crate::change::apply::{Kind, Known, Leaving, Life, Moving, Step};
use crate::change::upgrade::FIRST_WITH_DOWNGRADE;
use crate::etcd::http::Sender;
use crate::etcd::serving::{self, Serving};
use crate::etcd::tools::Tools;
use crate::facts::upgrades;
use crate::lifecycle::backup::{self, BackupRequest};
use crate::lifecycle::membership_change::MembershipChange;
use crate::lifecycle::{member_machine, restart};
use crate::observation::Condition;
use crate::pause::pause;
use crate::plan::flags::InitialState;
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Record;
use crate::steps::Start;
use crate::ui::Ui;
use crate::values::HostName;

/// How long a process may take to serve before all members are looked at.
const STARTING: Duration = Duration::from_secs(10);

/// The pause between two questions.
const AGAIN: Duration = Duration::from_millis(50);

/// The steps under way.
pub(super) struct Work {
    pub(super) ui: Ui,
    /// The command that continues.
    pub(super) go_on: String,
    pub(super) is_backed_up: bool,
}

impl Work {
    pub(super) const fn new(ui: Ui, go_on: String, is_backed_up: bool) -> Self {
        Self {
            ui,
            go_on,
            is_backed_up,
        }
    }

    /// Takes a step.
    pub(super) fn take(
        &mut self,
        session: &mut Session,
        present: &Present,
        step: &Step,
    ) -> Outcome<()> {
        let one = present.state.members.iter().find(|one| step.is_of(one));
        let Some(one) = one else {
            return Ok(());
        };
        // Before the change is recorded.
        let as_before = upgrade::starts_as_before(session);
        if upgrade::changes_version(session, one, step) {
            self.prepare_upgrade(session, present)?;
        }
        match &step.kind {
            // It has the user-data of another definition, which may be why it does not run.
            Kind::Start(to)
                if session.driver.machines().is_some()
                    && !one.differs.is_empty()
                    && (present.failing.contains(&to.name)
                        || !(as_before && upgrade::is_under_way(session))) =>
            {
                self.restart(session, present, to, false)
            }
            Kind::Start(to) => {
                self.run(session, present, to, as_before)?;
                self.ui.say(&format!("{}: started", to.name));
                Ok(())
            }
            Kind::Restart | Kind::Upgrade(_) => match &one.place {
                Some(place) => self.restart(session, present, place, step.is_upgrade()),
                None => Ok(()),
            },
            Kind::Add(stage) => match &one.defined {
                Some(member) => self.add(session, present, member, *stage),
                None => Ok(()),
            },
            Kind::Remove(Leaving::Remove(id)) => self.remove(session, present, one, *id),
            Kind::Remove(stage) => self.clear(session, present, one, *stage),
            Kind::Move(to, Moving::Update) => self.update(session, present, one, to),
            Kind::Move(to, Moving::Restart) => {
                self.preflight_move(session, one, to)?;
                self.restart(session, present, to, false)
            }
        }
    }

    /// The failure that a step was taken and has to be taken again.
    pub(super) fn without_effect(
        &self,
        session: &Session,
        present: &Present,
        step: &Step,
    ) -> Failure {
        let exited = step.at.as_ref().and_then(|member| {
            let change = self.change(session, present, member).ok()?;
            change.fail_unless_it_runs().err()
        });
        exited.unwrap_or_else(|| {
            // Its process may take flags from elsewhere.
            Failure::failed(
                Diagnostic::error(format!("this step had no effect: {}", step.what()))
                    .note(step.why.clone())
                    .hint(see_what_is_wrong(session)),
            )
        })
    }

    pub(super) fn change<'a>(
        &self,
        session: &'a Session,
        present: &'a Present,
        member: &'a Member,
    ) -> Outcome<MembershipChange<'a>> {
        let Some((asked, applied)) = present.asked(member.name.as_str()) else {
            return Err(Failure::could_not_look(Diagnostic::error(
                "no member answers",
            )));
        };
        Ok(MembershipChange {
            session,
            asked,
            applied: *applied,
            member,
            go_on: self.go_on.clone(),
        })
    }

    /// Fails if the member could not be started at its place.
    pub(super) fn preflight(&self, session: &Session, member: &Member) -> Outcome<()> {
        let mut plan = session.defined.clone();
        plan.members = vec![member.clone()];
        let names = std::slice::from_ref(&member.name);
        let warnings = session.driver.preflight(&session.home, &plan, names)?;
        self.ui.report(&warnings);
        Ok(())
    }

    /// Fails if somebody else uses what a running member is about to use. It uses its own ports itself.
    pub(super) fn preflight_move(
        &self,
        session: &Session,
        one: &Known,
        to: &Member,
    ) -> Outcome<()> {
        let mut new = to.clone();
        if let Some(was) = one.place.as_ref().filter(|_| one.life == Life::Running)
            && was.address == to.address
        {
            let is_kept = |port: u16| [was.ports.client, was.ports.peer].contains(&port);
            match (is_kept(to.ports.client), is_kept(to.ports.peer)) {
                (true, true) => return Ok(()),
                (true, false) => new.ports.client = to.ports.peer,
                (false, true) => new.ports.peer = to.ports.client,
                (false, false) => {}
            }
        }
        self.preflight(session, &new)
    }

    /// Restarts a member at this place.
    fn restart(
        &self,
        session: &mut Session,
        present: &Present,
        to: &Member,
        is_upgrade: bool,
    ) -> Outcome<()> {
        let name = &to.name;
        let members = std::slice::from_ref(name);
        restart::hand_over(session, name);
        let home = session.home.clone();
        if let Some(machines) = session.driver.machines() {
            note_place(session, present, to)?;
            machines.provision(&home, &session.defined, name)?;
        } else {
            let data = session.driver.data();
            data.halt(&home, members, &self.ui.saying())?;
            data.release(&home, members)?;
            self.run(session, present, to, false)?;
        }
        let with = if is_upgrade {
            format!(" with etcd {}", session.defined.version())
        } else {
            String::new()
        };
        self.ui.say(&format!("{name}: restarted{with}"));
        Ok(())
    }

    /// Prepares the cluster for another version, before the first member gets it: the version before cannot read the
    /// data any more, once all have it.
    fn prepare_upgrade(&mut self, session: &mut Session, present: &Present) -> Outcome<()> {
        // The cluster may have moved on since the last member.
        if let Some(refused) = upgrade::obstacle(session, present) {
            return Err(Failure::failed(
                refused.note("no member was restarted after that"),
            ));
        }
        if !self.is_backed_up {
            backup::take_locked(self.ui, &session.home, BackupRequest::default())?;
            self.is_backed_up = true;
        }
        upgrade::begin(session, present)?;
        let wanted = session.defined.version().minor_release();
        let Some((from, highest)) = upgrade::range(present) else {
            return Ok(());
        };
        if highest >= FIRST_WITH_DOWNGRADE {
            downgrade::prepare(session, wanted, highest > wanted)?;
        }
        match upgrades::old_entries(wanted) {
            Some(known) if from == highest && from < wanted => {
                downgrade::renew_raft_snapshots(session, from, known.why)
            }
            _ => Ok(()),
        }
    }

    /// Starts a member with its data, at this place. `as_before`: with the version that it ran last, also if another one
    /// is wanted.
    fn run(
        &self,
        session: &mut Session,
        present: &Present,
        to: &Member,
        as_before: bool,
    ) -> Outcome<()> {
        let before = session.record.tools_before(&to.name);
        let tools = before.filter(|_| as_before);
        let tools = tools.unwrap_or_else(|| session.tools.clone());
        if !as_before {
            note(session, &|record| record.gets_version(&to.name))?;
        }
        note_place(session, present, to)?;
        if let Some(machines) = session.driver.machines() {
            member_machine::boot(session, &to.name)?;
            let members = std::slice::from_ref(&to.name);
            session.driver.data().release(&session.home, members)?;
            return member_machine::wait_until_at_work(session, machines, &to.name);
        }
        let mut plan = listed(session, present, &tools);
        plan.members.retain(|one| one.name != to.name);
        plan.members.push(to.clone());
        let start = Start {
            members: vec![(to.name.clone(), InitialState::Existing)],
            lost: Vec::new(),
        };
        let Session { home, driver, .. } = &*session;
        driver.start(home, &plan, &tools, &start, &mut |_, _| {})?;
        if wait_until_it_serves(session, to)? && !as_before {
            note(session, &Record::serves_with_version)?;
        }
        Ok(())
    }
}

/// Changes the record, and writes it if that is news.
fn note(session: &mut Session, change: &dyn Fn(&mut Record)) -> Outcome<()> {
    let before = session.record.clone();
    change(&mut session.record);
    match session.record == before {
        true => Ok(()),
        false => session.record.write(&session.home),
    }
}

/// Waits a while for a process that was started. Whoever calls this looks at all members then, which takes more from the
/// clients than this does. Returns whether it serves.
fn wait_until_it_serves(session: &Session, member: &Member) -> Outcome<bool> {
    let Session { home, driver, .. } = session;
    let deadline = Instant::now() + STARTING;
    let sender = Sender::of(&session.tools);
    while serving::ask(member, &sender) != Serving::Serves && Instant::now() < deadline {
        let conditions = driver.conditions(home, std::slice::from_ref(&member.name))?;
        if !conditions.iter().all(Condition::is_running) {
            return Ok(false);
        }
        pause(AGAIN);
    }
    Ok(Instant::now() < deadline)
}

/// Records where a member is about to run.
fn note_place(session: &mut Session, present: &Present, to: &Member) -> Outcome<()> {
    let (mut joined, mut in_transit) = present.state.settled();
    for one in joined.iter_mut().chain(&mut in_transit) {
        if one.name == to.name {
            (one.address, one.ports) = (to.address, to.ports);
        }
    }
    present::record(session, &joined, &in_transit).map(drop)
}

/// The plan of the definition with the members that the cluster lists, for these binaries.
pub(super) fn listed(session: &Session, present: &Present, tools: &Tools) -> Plan {
    let mut plan = session.driver.run_by(&session.defined, tools);
    let members = present.state.members.iter();
    let listed = members.filter_map(|one| {
        let name: HostName = one.name.parse().ok()?;
        let place = one.listed_place()?;
        Some(Member { name, ..place })
    });
    plan.members = listed.collect();
    plan
}
