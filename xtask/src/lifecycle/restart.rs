//! Restarts members one at a time, while the others serve.

use std::time::{Duration, Instant};

use super::{look, open, stop, unfinished};
use crate::advice;
use crate::command_line;
use crate::etcd::verify::Verified;
use crate::etcd::{membership, observe};
use crate::hint::Hint;
use crate::judgement::Verdict;
use crate::observation::Status;
use crate::pause::pause;
use crate::plan::Member;
use crate::plan::flags::InitialState;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::Lock;
use crate::steps::{self, Start};
use crate::ui::{self, Ui};
use crate::values::{ClusterName, HostName};
use crate::wording::list;
use crate::workspace::Workspace;

/// How long to wait for an election before the first restart.
const SETTLING: Duration = Duration::from_secs(10);

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Restarts one member, or all of them: the leader last, and with its leadership handed over before.
/// After each, it waits until all members serve again.
///
/// # Errors
///
/// Refuses if a member does not serve: another one less could cost the quorum.
pub fn restart(
    ui: Ui,
    name: &ClusterName,
    member: Option<&HostName>,
) -> Outcome<(Session, Verified)> {
    let home = Workspace::find()?.home(name);
    match member {
        Some(member) => open::with_member("restart", name, member, &[])?,
        None => open::started(name)?,
    };
    let _lock = Lock::take(&home, &format!("restart {name}"), &ui.saying())?;
    unfinished::refuse(&home)?;
    let session = open::session(ui, name)?;
    if session.record.is_redefined_by(&session.defined) {
        super::start::refuse_a_different_cluster(&session.record, &session.defined)?;
    }
    if session.record.is_upgrading() {
        return Err(unfinished_upgrade(&session));
    }
    let chosen = match member {
        Some(member) => vec![member.clone()],
        None => session.plan.names(),
    };
    let interrupted = process::on_interrupt(String::new());
    let verified = one_at_a_time(&session, &chosen, &mut |member, rest| {
        interrupted.change(left(name, member, rest));
        Ok(())
    })?;
    Ok((session, verified))
}

/// Restarts these members of a cluster whose lock is held. `told`: told before each, with those that follow, and may
/// stop it.
pub(super) fn one_at_a_time(
    session: &Session,
    chosen: &[HostName],
    told: &mut dyn FnMut(&HostName, &[&HostName]) -> Outcome<()>,
) -> Outcome<Verified> {
    let mut verified = wait(session, SETTLING);
    if !serves(&verified) {
        return Err(not_healthy(session, &verified));
    }
    refuse_small_quota(session, &verified)?;
    let leader = stop::leader(&session.home);
    let order = steps::leader_last(chosen, leader.as_ref());
    for (number, member) in order.iter().enumerate() {
        told(member, order.get(number + 1..).unwrap_or_default())?;
        hand_over(session, member);
        restart_one(session, member)?;
        session.ui.say(&format!("{member}: restarted"));
        verified = wait(session, session.driver.patience());
        if !serves(&verified) {
            return Err(did_not_recover(session, member, &verified));
        }
    }
    Ok(verified)
}

/// The checks that a restart must not find failing, because the next member is stopped then. Others, such as
/// `flags`, may be the reason of the restart.
pub(super) const SERVING: &[&str] = &["reachable", "leader", "quorum", "lag", "data"];

fn serves(verified: &Verified) -> bool {
    let failing = verified.report.names(&[Verdict::Fail, Verdict::NotYet]);
    !failing.iter().any(|check| SERVING.contains(check))
}

/// Looks until all members serve, a member has stopped, or the time is over.
fn wait(session: &Session, most: Duration) -> Verified {
    let deadline = Instant::now() + most;
    loop {
        let verified = look::once(session);
        let is_over = Instant::now() > deadline || verified.has_stopped_members();
        if serves(&verified) || is_over {
            return verified;
        }
        pause(LOOK_AGAIN);
    }
}

fn restart_one(session: &Session, member: &HostName) -> Outcome<()> {
    let Session {
        ui,
        home,
        driver,
        plan,
        tools,
        ..
    } = session;
    if let Some(machines) = driver.machines() {
        return machines.restart(home, member);
    }
    let members = std::slice::from_ref(member);
    driver.data().halt(home, members, &ui.saying())?;
    driver.data().release(home, members)?;
    let start = Start {
        members: vec![(member.clone(), InitialState::Existing)],
        lost: Vec::new(),
    };
    driver.start(home, plan, tools, &start, &mut |_, _| {})
}

/// Hands the leadership to another member, if this one leads. etcd does so itself when it is stopped, if
/// this fails.
pub(super) fn hand_over(session: &Session, member: &HostName) {
    let Session {
        ui, plan, tools, ..
    } = session;
    let statuses = observe::statuses(&plan.members, tools, observe::PATIENCE);
    let seen = || plan.members.iter().zip(&statuses);
    let status = |wanted: &dyn Fn(&Member, &Status) -> bool| {
        seen()
            .find_map(|(one, look)| Some((one, look.seen().filter(|status| wanted(one, status))?)))
    };
    let Some((leader, _)) = status(&|one, status| one.name == *member && status.leads()) else {
        return;
    };
    let follower = |one: &Member, status: &Status| {
        one.name != *member && status.leader == Some(leader.id) && !status.is_learner
    };
    let Some((next, status)) = status(&follower) else {
        return;
    };
    if membership::move_leader(tools, leader, status.member_id).is_ok() {
        ui.say(&format!("{member}: handed the leadership to {}", next.name));
    }
}

/// Local members take the defined quota at their next start.
fn refuse_small_quota(session: &Session, verified: &Verified) -> Outcome<()> {
    if session.driver.machines().is_some() {
        return Ok(());
    }
    let members = verified.observation.members.iter();
    let sizes = members.filter_map(|one| one.status.seen()?.db_size);
    let refused = advice::exceeded_quota(&session.defined, sizes.max().unwrap_or(0));
    refused.map_or(Ok(()), |refused| Err(Failure::refused(refused)))
}

/// A restart would give members the new version, and there may be no way back then.
fn unfinished_upgrade(session: &Session) -> Failure {
    Failure::refused(
        Diagnostic::error("a change of the version is not complete")
            .note("a member that is restarted now could get another version")
            .hint(Hint::heals(
                "bring all members to the defined version",
                [command_line::task(&session.plan, "apply")],
            )),
    )
}

/// The message after an interruption.
fn left(name: &ClusterName, member: &HostName, rest: &[&HostName]) -> String {
    let next = Hint::heals(
        "start it if it is stopped",
        [format!("cargo xtask up {name}")],
    );
    let rest = match rest {
        [] => String::new(),
        rest => format!("; not restarted: {}", list(rest)),
    };
    format!(
        "{member} was being restarted{rest}\n{}",
        ui::hint_line(&next)
    )
}

fn not_healthy(session: &Session, verified: &Verified) -> Failure {
    let (name, plan) = (&session.home.name, &session.plan);
    Failure::refused(
        Diagnostic::error(verified.report.summary(plan))
            .note("members are restarted only while all others serve; nothing was changed")
            .hint(Hint::informs(
                "see what is wrong",
                [format!("cargo xtask verify {name}")],
            )),
    )
}

fn did_not_recover(session: &Session, member: &HostName, verified: &Verified) -> Failure {
    let (name, plan) = (&session.home.name, &session.plan);
    Failure::failed(
        Diagnostic::error(format!(
            "after `{member}` was restarted: {}",
            verified.report.summary(plan)
        ))
        .note("no other member was restarted after that")
        .hint(Hint::informs(
            "see what is wrong",
            [format!("cargo xtask verify {name}")],
        )),
    )
}
