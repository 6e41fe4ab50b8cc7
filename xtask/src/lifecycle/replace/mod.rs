//! Replaces one member of a running cluster: it leaves the cluster, and joins it again without data.

mod present;

use std::time::{Duration, Instant};

use super::backup::{self, BackupRequest};
use super::{look, open, replace_data, unfinished};
use crate::change::replace::{Replacement as Change, Step};
use crate::etcd::verify::Verified;
use crate::etcd::{membership, observe};
use crate::hint::Hint;
use crate::observation::{Condition, ListedMember};
use crate::pause::pause;
use crate::plan::flags::InitialState;
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::process;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::{Lock, Replacement};
use crate::steps::Start;
use crate::ui::{self, Ui};
use crate::values::{ClusterName, HostName};
use crate::workspace::{Home, Workspace};
use present::Present;

/// A member that was replaced.
pub struct Replaced {
    /// The cluster, with the member's new ID.
    pub session: Session,
    /// What `verify` found.
    pub verified: Verified,
    /// Where the member's old data is, if it had any.
    pub aside: Option<String>,
    /// Other members that did not answer and had to leave the cluster, too.
    pub removed: Vec<HostName>,
}

/// How long etcd may refuse a new member because connections are younger than five seconds
/// (`HealthInterval`), also on a busy host.
const SETTLING: Duration = Duration::from_secs(60);

/// How long a member may take to receive all data, of which there may be GiBs.
const CATCHING_UP: Duration = Duration::from_secs(30 * 60);

/// The pause between two attempts.
pub(super) const AGAIN: Duration = Duration::from_millis(200);

/// Replaces a member. `agree`: asks whether to replace a healthy one. Returns nothing if the user does
/// not agree.
pub fn replace(
    ui: Ui,
    name: &ClusterName,
    member: &HostName,
    agree: &dyn Fn(&str) -> Outcome<bool>,
) -> Outcome<Option<Replaced>> {
    let home = Workspace::find()?.home(name);
    open::with_member("replace", name, member, &[])?;
    let _lock = Lock::take(&home, &format!("replace {member}"), &ui.saying())?;
    unfinished::refuse(&home)?;
    let mut session = open::session(ui, name)?;
    refuse_unsuitable(&session)?;
    let planned = planned(&session.plan, member)?;
    let unfinished = Replacement::read(&home)?;
    if let Some(other) = unfinished.as_ref().filter(|one| one.member != *member) {
        return Err(another_first(name, &other.member));
    }
    let mut present = Present::of(&session, member)?;
    let journal = match unfinished {
        Some(journal) => journal,
        None => {
            if present.is_healthy(&planned)
                && !agree(&format!("`{member}` is healthy; replace it nevertheless?"))?
            {
                return Ok(None);
            }
            let journal = Replacement::begin(
                member.clone(),
                present.id_of(&planned),
                replace_data::unused_time(session.driver, &home, std::slice::from_ref(member)),
            );
            journal.write(&home)?;
            journal
        }
    };
    let go_on = format!("cargo xtask replace {member} --cluster {name}");
    let _interrupted = process::on_interrupt(format!(
        "{member} is not replaced yet\n{}",
        ui::hint_line(&Hint::heals("continue", [go_on]))
    ));
    let mut work = Work {
        ui,
        home: &home,
        member: planned,
        journal,
        removed: Vec::new(),
    };
    while work.step(&mut session, &present)? {
        present = Present::of(&session, member)?;
    }
    Replacement::remove(&home)?;
    let aside = session
        .driver
        .data()
        .aside(&home, member, &work.journal.time);
    let removed = work.removed;
    let session = open::session(ui, name)?;
    let verified = if removed.is_empty() {
        look::wait(&session, SETTLING)
    } else {
        look::once(&session)
    };
    Ok(Some(Replaced {
        session,
        verified,
        aside,
        removed,
    }))
}

/// A replacement under way.
struct Work<'a> {
    ui: Ui,
    home: &'a Home,
    member: Member,
    journal: Replacement,
    removed: Vec<HostName>,
}

impl Work<'_> {
    /// Takes the next step. Returns whether there may be another one.
    fn step(&mut self, session: &mut Session, present: &Present) -> Outcome<bool> {
        let name = self.member.name.clone();
        let (ui, home) = (self.ui, self.home);
        let members = std::slice::from_ref(&name);
        let step = Change {
            member: &self.member,
            old: self.journal.old,
            listed: &present.listed,
            dead: &present.dead,
            is_running: present.is_running,
            is_backed_up: self.journal.is_backed_up,
            is_set_aside: self.journal.is_set_aside,
        }
        .next();
        match step {
            Step::BackUp => {
                backup::take_locked(ui, &home.name, BackupRequest::default())?;
                self.journal.is_backed_up = true;
                self.journal.write(home)?;
            }
            Step::Stop => {
                session.driver.data().halt(home, members, &ui.saying())?;
                ui.say(&format!("{name}: stopped"));
            }
            Step::Remove(id) => {
                let who = present.name_of(id);
                ui.say(&format!("removing {who} ({id}) from the cluster"));
                self.remove(session, present, id)?;
                if let (true, Ok(who)) = (id != self.journal.old, who.parse()) {
                    self.removed.push(who);
                }
            }
            Step::SetAside => {
                let time = &self.journal.time;
                session.driver.data().set_aside(home, members, time)?;
                self.journal.is_set_aside = true;
                self.journal.write(home)?;
            }
            Step::Add => {
                let id = self.add(session, present)?;
                session.record.added(&name, id);
                session.record.write(home)?;
                ui.say(&format!("{name}: added to the cluster as {id}"));
            }
            Step::Start(id) => {
                // An earlier run may have been killed before it recorded the ID.
                session.record.added(&name, id);
                session.record.write(home)?;
                self.start(session, present)?;
            }
            Step::Promote(id) => self.promote(session, present, id)?,
            Step::Done => return Ok(false),
        }
        Ok(true)
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
                Err(why) if Instant::now() > deadline => return Err(self.failed("added", &why)),
                Err(why) => {
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
            let why = match membership::promote(&session.tools, &present.asked, id) {
                Ok(()) => {
                    self.ui.say(&format!("{name}: has all data, and votes"));
                    return Ok(());
                }
                Err(why) => why,
            };
            let names = std::slice::from_ref(name);
            let conditions = session.driver.conditions(self.home, names)?;
            if !conditions.iter().all(Condition::is_running) {
                let log = session.driver.log(self.home, name);
                return Err(self.failed("started", &format!("it exited; see `{log}`").into()));
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

    fn failed(&self, what: &str, why: &Reason) -> Failure {
        let (member, name) = (&self.member.name, &self.home.name);
        Failure::failed(
            Diagnostic::error(format!("`{member}` could not be {what}: {why}"))
                .note("the others keep running, and its old data is kept")
                .hint(Hint::heals(
                    "fix the cause, then continue",
                    [format!("cargo xtask replace {member} --cluster {name}")],
                )),
        )
    }
}

fn planned(plan: &Plan, member: &HostName) -> Outcome<Member> {
    let planned = plan.members.iter().find(|one| one.name == *member);
    planned.cloned().ok_or_else(|| {
        Failure::usage(Diagnostic::error(format!(
            "`{member}` is not defined in `{}`",
            plan.source
        )))
    })
}

fn refuse_unsuitable(session: &Session) -> Outcome<()> {
    let Session {
        home,
        driver,
        plan,
        record,
        ..
    } = session;
    let version = plan.version();
    if version.is_v2() {
        return Err(Failure::usage(
            Diagnostic::error(format!("members of etcd {version} cannot be replaced"))
                .note("etcd before 3.0 has no backup that this program could take first")
                .note("by hand: `member remove` and `member add`, then a start with an empty data folder and `initial-cluster-state=existing`"),
        ));
    }
    if driver.machines().is_some() {
        return Err(Failure::usage(
            Diagnostic::error("no task replaces members on machines yet")
                .note("their start script founds a cluster, and cannot join one"),
        ));
    }
    super::start::refuse_a_different_cluster(record, &plan.on_ports(session.defined_ports))?;
    if plan.members.len() == 1 {
        let name = &home.name;
        return Err(Failure::usage(
            Diagnostic::error(format!("`{name}` has no other members"))
                .note("a member is replaced by data of the others")
                .hint(Hint::informs(
                    "restore it from a backup, if it has one",
                    [format!("cargo xtask backup {name} --list")],
                )),
        ));
    }
    Ok(())
}

fn another_first(name: &ClusterName, other: &HostName) -> Failure {
    Failure::refused(
        Diagnostic::error(format!("the replacement of `{other}` is not complete"))
            .note("members are replaced one at a time")
            .hint(Hint::heals(
                "complete it first",
                [format!("cargo xtask replace {other} --cluster {name}")],
            )),
    )
}
