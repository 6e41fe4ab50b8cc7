//! Replaces one member of a running cluster: it leaves the cluster, and joins it again without data.

mod present;
mod work;

use std::time::Duration;

use super::{apply, joining_user_data, look, member_machine, open, replace_data, unfinished};
use crate::advice;
use crate::command_line;
use crate::etcd::verify::Verified;
use crate::hint::Hint;
use crate::plan::{Member, Plan};
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::{Lock, Replacement};
use crate::ui::{self, Ui};
use crate::values::{ClusterName, HostName};
use crate::wording::list_of_words;
use crate::workspace::Workspace;
use present::Present;
use work::Work;

/// A member that was replaced.
pub struct Replaced {
    /// The cluster, with the member's new ID.
    pub session: Session,
    /// What `verify` found.
    pub verified: Verified,
    /// Where the member's old data is, if it had any.
    pub aside: Option<String>,
    /// Other members without usable data, which had to leave the cluster, too.
    pub removed: Vec<HostName>,
}

/// How long etcd may refuse a new member because connections are younger than five seconds
/// (`HealthInterval`), also on a busy host.
pub(super) const SETTLING: Duration = Duration::from_secs(60);

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
    let Some(mut work) = begun(&session, member, agree)? else {
        return Ok(None);
    };
    let go_on = command_line::replace(name, member);
    let interrupted = process::on_interrupt(format!(
        "{member} is not replaced yet\n{}",
        ui::hint_line(&Hint::heals("continue", [go_on]))
    ));
    complete(&mut session, &mut work)?;
    drop(interrupted);
    let data = session.driver.data();
    let aside = data.aside(&home, member, &work.journal.time);
    let aside = aside.filter(|_| !work.had_none);
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

/// A replacement of which no step was taken by this task, for one that holds the cluster's lock. Returns nothing if
/// the user does not agree.
pub(super) fn begun(
    session: &Session,
    member: &HostName,
    agree: &dyn Fn(&str) -> Outcome<bool>,
) -> Outcome<Option<Work>> {
    let name = &session.home.name;
    refuse_unsuitable(session)?;
    let planned = planned(&session.plan, member)?;
    let left = left(session)?;
    if let Some(other) = left.as_ref().filter(|one| one.member != *member) {
        return Err(another_first(name, &other.member));
    }
    if session.driver.machines().is_some() {
        member_machine::boot(session, member)?;
    }
    let present = Present::of(session, member)?;
    let journal = match left {
        Some(journal) => journal,
        None => {
            refuse_obstacles(session, &present, &planned)?;
            if present.is_healthy(&planned)
                && !agree(&format!("`{member}` is healthy; replace it nevertheless?"))?
            {
                return Ok(None);
            }
            Replacement::begin(
                member.clone(),
                present.id_of(&planned),
                unused_time(session, member),
            )
        }
    };
    Ok(Some(Work {
        ui: session.ui,
        home: session.home.clone(),
        member: planned,
        journal,
        removed: Vec::new(),
        had_none: false,
        started: None,
    }))
}

/// Takes the steps of a replacement. The session keeps the plan from before: open it again.
pub(super) fn complete(session: &mut Session, work: &mut Work) -> Outcome<()> {
    let member = work.member.name.clone();
    apply::cancel_downgrade(session)?;
    let mut present = Present::of(session, &member)?;
    while work.step(session, &present)? {
        present = Present::of(session, &member)?;
    }
    Replacement::remove(&session.home)
}

/// The replacement that has changed the cluster and is not complete. One that has not is forgotten.
fn left(session: &Session) -> Outcome<Option<Replacement>> {
    let Some(journal) = Replacement::read(&session.home)? else {
        return Ok(None);
    };
    let is_defined = session.plan.names().contains(&journal.member);
    if is_defined && !Present::of(session, &journal.member)?.lists(journal.old) {
        return Ok(Some(journal));
    }
    Replacement::remove(&session.home)?;
    Ok(None)
}

fn unused_time(session: &Session, member: &HostName) -> String {
    let members = std::slice::from_ref(member);
    replace_data::unused_time(session.driver, &session.home, members)
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
    let profile = plan.machine.profile;
    if driver.machines().is_some() && !profile.members_can_join {
        return Err(Failure::usage(
            Diagnostic::error(format!("members on {} cannot be replaced", profile.title))
                .note("they start as the recipe of 2015 says: they found a cluster, and join none"),
        ));
    }
    if record.is_redefined_by(&session.defined) {
        super::start::refuse_a_different_cluster(record, &session.defined)?;
    }
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
                [command_line::replace(name, other)],
            )),
    )
}

/// Fails if a later step would fail, when the member has already left the cluster.
fn refuse_obstacles(session: &Session, present: &Present, member: &Member) -> Outcome<()> {
    let Session { home, driver, .. } = session;
    let name = std::slice::from_ref(&member.name);
    if !present.stopped.is_empty() {
        return Err(to_be_started(&home.name, &member.name, &present.stopped));
    }
    if let Some((member, why)) = driver.data().immovable(home, name).first() {
        return Err(Failure::refused(
            Diagnostic::error(format!(
                "the data of `{member}` cannot be moved aside: {why}"
            ))
            .note("nothing was changed"),
        ));
    }
    // A machine without this member in its user-data cannot start it.
    let is_it = |one: &Member| one.name == member.name && one.peer_url() == member.peer_url();
    if driver.machines().is_some() && !session.defined.members.iter().any(is_it) {
        return Err(Failure::refused(
            Diagnostic::error(format!("`{}` is no longer defined as it runs", member.name))
                .note("nothing was changed")
                .hint(advice::see_changes(&home.name)),
        ));
    }
    if let Some(machines) = driver.machines() {
        let has = joining_user_data::digest(session, machines, &member.name)?;
        let go_on = command_line::replace(&home.name, &member.name);
        joining_user_data::choose(session, machines, &member.name, has.as_deref(), &go_on)?;
    }
    if let Some(learner) = present.other_learner(member) {
        let verify = format!("cargo xtask verify {}", home.name);
        return Err(Failure::refused(
            Diagnostic::error(format!("the cluster has a learner already: {learner}"))
                .note("etcd takes one at a time; nothing was changed")
                .hint(Hint::informs("see what to do about it", [verify])),
        ));
    }
    Ok(())
}

fn to_be_started(name: &ClusterName, member: &HostName, stopped: &[HostName]) -> Failure {
    let does = if stopped.len() == 1 { "does" } else { "do" };
    Failure::refused(
        Diagnostic::error(format!("{} {does} not run", list_of_words(stopped)))
            .note("etcd adds no member meanwhile")
            .hint(Hint::heals(
                "start what has its data, then continue",
                [
                    format!("cargo xtask up {name}"),
                    command_line::replace(name, member),
                ],
            )),
    )
}
