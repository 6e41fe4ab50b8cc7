//! Changes of the cluster's list of members, which wait for what etcd demands. `replace` and `apply` share
//! them.

use std::time::{Duration, Instant};

use super::member_machine;
use super::replace::{AGAIN, SETTLING};
use crate::etcd::gateway::Gateway;
use crate::etcd::{membership, observe, version_change};
use crate::hint::Hint;
use crate::observation::{Condition, ListedMember, Look, log};
use crate::pause::pause;
use crate::plan::flags::InitialState;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::steps::Start;

/// How long a member may take to receive all data, of which there may be GiBs.
const CATCHING_UP: Duration = Duration::from_secs(30 * 60);

/// One member that joins a cluster, moves within it or leaves it.
pub(super) struct MembershipChange<'a> {
    pub(super) session: &'a Session,
    /// The member that is asked, which has a leader.
    pub(super) asked: &'a Member,
    /// The last log entry that it had applied.
    pub(super) applied: Option<u64>,
    /// The member that changes.
    pub(super) member: &'a Member,
    /// The command that continues after a failure.
    pub(super) go_on: String,
}

impl MembershipChange<'_> {
    /// Removes an entry from the list. An election may be under way.
    pub(super) fn remove(&self, id: EtcdId) -> Outcome<()> {
        let tools = &self.session.tools;
        self.again_and_again(
            "removed",
            &|| membership::remove(tools, self.asked, id),
            &|listed| !listed.iter().any(|one| one.id == id),
        )
    }

    /// Gives an entry the member's peer URL.
    pub(super) fn update(&self, id: EtcdId) -> Outcome<()> {
        let tools = &self.session.tools;
        let url = self.member.peer_url();
        let is_it = |one: &ListedMember| one.id == id && one.peer_urls == [url.as_str()];
        self.again_and_again(
            "moved",
            &|| membership::update(tools, self.asked, id, &url),
            &|listed| listed.iter().any(is_it),
        )
    }

    /// Repeats a request until it succeeds. It may have succeeded although its answer was lost.
    fn again_and_again(
        &self,
        what: &str,
        request: &dyn Fn() -> Result<(), Reason>,
        is_done: &dyn Fn(&[ListedMember]) -> bool,
    ) -> Outcome<()> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let Err(why) = request() else {
                return Ok(());
            };
            if self.list().is_some_and(|listed| is_done(&listed)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed(what, &why));
            }
            pause(AGAIN);
        }
    }

    /// Adds the member. etcd refuses while a connection between members is younger than five seconds.
    pub(super) fn add(&self) -> Outcome<EtcdId> {
        let deadline = Instant::now() + SETTLING;
        let mut is_said = false;
        loop {
            let why = match membership::add(&self.session.tools, self.asked, self.member) {
                Ok(id) => return Ok(id),
                Err(why) => why,
            };
            // As above.
            let url = self.member.peer_url();
            let listed = self.list().unwrap_or_default();
            if let Some(one) = listed.iter().find(|one| one.peer_urls.contains(&url)) {
                return Ok(one.id);
            }
            if Instant::now() > deadline {
                return Err(self.failed("added", &why));
            }
            if !std::mem::replace(&mut is_said, true) {
                let name = &self.member.name;
                self.session.ui.say(&format!(
                    "{name}: waiting until etcd accepts a new member, which takes 5 s of \
                     undisturbed connections ({why})"
                ));
            }
            pause(AGAIN);
        }
    }

    /// Starts the member without data, to join under this ID. `plan`: with the members that the cluster lists,
    /// as etcd demands.
    pub(super) fn start(&self, plan: &Plan, id: EtcdId) -> Outcome<()> {
        let Session {
            ui,
            home,
            driver,
            tools,
            ..
        } = self.session;
        let name = &self.member.name;
        let names = std::slice::from_ref(name);
        if let Some(machines) = driver.machines() {
            ui.say(&format!("{name}: starting without data"));
            return member_machine::join(self.session, machines, self.member, id, &self.go_on);
        }
        ui.report(&driver.preflight(home, plan, names)?);
        let start = Start {
            members: vec![(name.clone(), InitialState::Existing)],
            lost: Vec::new(),
        };
        ui.say(&format!("{name}: starting without data"));
        match self.session.record.tools_before(name) {
            Some(before) => {
                let plan = driver.run_by(plan, &before);
                driver.start(home, &plan, &before, &start, &mut |_, _| {})
            }
            None => driver.start(home, plan, tools, &start, &mut |_, _| {}),
        }
    }

    /// Waits until the member has the others' data, and gives it its vote. Returns early if the member that is asked
    /// no longer answers: whoever calls this looks again then, and finds another one.
    pub(super) fn promote(&self, id: EtcdId) -> Outcome<()> {
        let ui = self.session.ui;
        let name = &self.member.name;
        let deadline = Instant::now() + CATCHING_UP;
        let mut is_said = false;
        let is_voter = |one: &ListedMember| one.id == id && !one.is_learner;
        loop {
            // The leader may take it for what it was before it lost its data.
            let why = if self.has_caught_up(id)? {
                match membership::promote(&self.session.tools, self.asked, id) {
                    Ok(()) => {
                        ui.say(&format!("{name}: has all data, and votes"));
                        return Ok(());
                    }
                    // As above.
                    Err(_) if self.list().is_some_and(|all| all.iter().any(is_voter)) => {
                        return Ok(());
                    }
                    Err(why) => why,
                }
            } else {
                "it has not received all data".into()
            };
            self.fail_unless_it_runs()?;
            if self.list().is_none() {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed("promoted", &why));
            }
            if !std::mem::replace(&mut is_said, true) {
                ui.say(&format!("{name}: receiving the data of the others"));
            }
            pause(AGAIN);
        }
    }

    /// Whether the member itself answers, and has what the others had when they were asked.
    fn has_caught_up(&self, id: EtcdId) -> Outcome<bool> {
        let members = std::slice::from_ref(self.member);
        let statuses = observe::statuses(members, &self.session.tools, observe::PATIENCE);
        if let Some(status) = statuses.first().and_then(Look::seen) {
            let applied = status.raft_applied_index.or(status.raft_index);
            return Ok(status.member_id == id && applied >= self.applied);
        }
        // A learner lets no user log in, but knows those that have done so elsewhere.
        let Session { plan, tools, .. } = self.session;
        let asked = Gateway::of(plan, tools, self.asked, observe::PATIENCE.as_secs());
        let neighbor = asked.of_neighbor(plan, self.member);
        match asked.status().and_then(|_| neighbor.status()) {
            Ok(status) => Ok(status.member == id && Some(status.applied) >= self.applied),
            // Otherwise it may only be starting.
            Err(unanswered)
                if unanswered.is_without_gateway()
                    && version_change::has_auth(&self.session.tools, self.asked) == Some(true) =>
            {
                Err(self.failed("promoted", &unanswered.why().into()))
            }
            Err(_) => Ok(false),
        }
    }

    /// Fails if the member's process has exited or is halted.
    pub(super) fn fail_unless_it_runs(&self) -> Outcome<()> {
        let Session { home, driver, .. } = self.session;
        let member = &self.member.name;
        if let Some(machines) = driver.machines()
            && let Some(why) = member_machine::ended(self.session, machines, member)?
        {
            return Err(self.failed("started", &why));
        }
        let conditions = driver.conditions(home, std::slice::from_ref(member))?;
        let failure = match conditions.first() {
            Some(Condition::Running(_)) => return Ok(()),
            Some(Condition::Halted { id }) => Failure::failed(
                Diagnostic::error(format!("`{member}` is halted: process {id}")).hint(Hint::heals(
                    "continue it, and then this task",
                    [format!("kill -CONT {id}"), self.go_on.clone()],
                )),
            ),
            _ => {
                let said = driver.said(home, member);
                let why = match said.and_then(|said| log::last_words(&said)) {
                    Some(words) => format!("it exited: {}", words.quoted),
                    None => format!("it exited; see `{}`", driver.log(home, member)),
                };
                self.failed("started", &why.into())
            }
        };
        Err(failure)
    }

    fn list(&self) -> Option<Vec<ListedMember>> {
        let tools = &self.session.tools;
        let listed = observe::member_list(self.asked, tools, observe::PATIENCE);
        listed.seen().cloned()
    }

    pub(super) fn failed(&self, what: &str, why: &Reason) -> Failure {
        let member = &self.member.name;
        Failure::failed(
            Diagnostic::error(format!("`{member}` could not be {what}: {why}"))
                .note("no data was deleted")
                .hint(Hint::heals(
                    "fix the cause, then continue",
                    [self.go_on.clone()],
                )),
        )
    }
}
