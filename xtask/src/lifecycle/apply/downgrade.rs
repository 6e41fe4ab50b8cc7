//! etcd's own downgrade: enables it before the first member gets an earlier minor release, waits until the data is
//! ready for that, and cancels it if the cluster is to stay.

use super::present::Present;
use super::waiting::{Pending, wait_until};
use super::{see_what_is_wrong, upgrade};
use crate::change::downgrade::{MemberState, Preparation, preparation};
use crate::change::upgrade::FIRST_WITH_DOWNGRADE;
use crate::etcd::{downgrade, version_change};
use crate::facts::upgrades::Minor;
use crate::plan::{GATEWAY_FLAG, Member};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::wording::list;

/// Prepares the cluster for members of this minor release, if that takes anything. `goes_back`: whether members run a
/// later one.
pub(super) fn prepare(session: &Session, wanted: Minor, goes_back: bool) -> Outcome<()> {
    let Session {
        ui, plan, tools, ..
    } = session;
    until_ready(session, wanted, &mut || {
        let (members, states) = states(session);
        let Some(asked) = members.first() else {
            return match goes_back {
                true => Err(Pending::until("a member answers")),
                false => Ok(()),
            };
        };
        if goes_back && members.len() < plan.members.len() {
            return Err(Pending::until("all members answer"));
        }
        match preparation(wanted, version_change::of_cluster(asked, tools), &states) {
            Preparation::Ready => Ok(()),
            Preparation::Enable => {
                let enabled = downgrade::enable(plan, asked, tools, wanted);
                if enabled.is_ok() {
                    let (major, minor) = wanted;
                    ui.say(&format!("etcd's downgrade to {major}.{minor} is enabled"));
                }
                Err(Pending::after(enabled, "etcd agrees to its downgrade"))
            }
            Preparation::Cancel(target) => Err(cancelled(session, asked, target)),
            Preparation::Wait(what) => Err(Pending::until(what)),
        }
    })
}

/// Cancels etcd's downgrade, if it is enabled: meanwhile, no member can join that runs a later release. If `apply` had
/// enabled it, it does so again.
pub(in crate::lifecycle) fn cancel(session: &Session) -> Outcome<()> {
    until_ready(session, session.plan.version().minor_release(), &mut || {
        let (members, states) = states(session);
        match (members.first(), states.iter().find_map(|one| one.downgrade)) {
            (Some(asked), Some(target)) => Err(cancelled(session, asked, target)),
            _ => Ok(()),
        }
    })?;
    if let Some(unseen) = unseen(session) {
        session.ui.say(&unseen);
    }
    Ok(())
}

/// The minor release to which etcd's downgrade is enabled, if that can be seen.
pub(super) fn enabled(session: &Session, present: &Present) -> Option<Minor> {
    let (_, highest) = upgrade::range(present)?;
    let is_shown = session.tools.version.minor_release() >= FIRST_WITH_DOWNGRADE;
    if is_shown || highest < FIRST_WITH_DOWNGRADE {
        return present.downgrade;
    }
    let (_, states) = states(session);
    states.iter().find_map(|one| one.downgrade)
}

fn cancelled(session: &Session, asked: &Member, (major, minor): Minor) -> Pending {
    let cancelled = downgrade::cancel(&session.plan, asked, &session.tools);
    if cancelled.is_ok() {
        let said = format!("etcd's downgrade to {major}.{minor} is cancelled");
        session.ui.say(&said);
    }
    Pending::after(cancelled, "etcd cancels its downgrade")
}

/// Lets every member save a snapshot of its log, after which it no longer reads the entries before it. etcd has no
/// command for that. It saves one when it lowers the version of the cluster, which is raised again afterwards.
pub(super) fn renew_raft_snapshots(session: &Session, runs: Minor, why: &str) -> Outcome<()> {
    let Session { plan, tools, .. } = session;
    session.ui.say(&format!(
        "every member saves a snapshot of its log first, because {why}"
    ));
    let counts = |members: &[&Member]| -> Vec<Option<u64>> {
        let counts = members.iter();
        let counts = counts.map(|member| downgrade::raft_snapshots(member, tools));
        counts.collect()
    };
    let all: Vec<&Member> = session.plan.members.iter().collect();
    let mut before = counts(&all);
    let lowered = (runs.0, runs.1 - 1);
    until_ready(session, lowered, &mut || {
        let (members, states) = states(session);
        let Some(asked) = members.first().filter(|_| members.len() == all.len()) else {
            return Err(Pending::until("all members answer"));
        };
        if states.iter().all(|one| one.downgrade.is_none()) {
            let enabled = downgrade::enable(plan, asked, tools, lowered);
            let what = "etcd lowers the version of the cluster";
            return Err(Pending::after(enabled, what));
        }
        let now = counts(&all);
        let has_saved = now.iter().zip(&mut before).map(|(now, before)| {
            // It may not have answered the first time.
            let before = before.or(*now).inspect(|count| *before = Some(*count));
            now.zip(before).is_some_and(|(now, before)| now > before)
        });
        // All are counted, also after one that has not saved any.
        match has_saved.collect::<Vec<bool>>().iter().all(|saved| *saved) {
            true => Ok(()),
            false => Err(Pending::until(
                "every member has saved a snapshot of its log",
            )),
        }
    })?;
    prepare(session, runs, false)
}

/// Looks until the cluster is ready for members of this minor release.
fn until_ready(
    session: &Session,
    wanted: Minor,
    look: &mut dyn FnMut() -> Result<(), Pending>,
) -> Outcome<()> {
    wait_until(session.ui, look).map_err(|pending| not_ready(session, wanted, pending))
}

/// The members that answer, and what they say.
fn states(session: &Session) -> (Vec<&Member>, Vec<MemberState>) {
    let members = session.plan.members.iter();
    let answers = members.filter_map(|member| {
        let state = downgrade::member_state(&session.plan, member, &session.tools)?;
        Some((member, state))
    });
    answers.unzip()
}

/// Whether all members that answer serve the gateway through which a downgrade is enabled and cancelled.
pub(super) fn has_gateway(session: &Session) -> bool {
    let Session { plan, tools, .. } = session;
    let mut members = plan.members.iter();
    members.all(|member| downgrade::has_gateway(plan, member, tools) != Some(false))
}

/// What is not known, if members do not show whether a downgrade is enabled.
pub(super) fn unseen(session: &Session) -> Option<String> {
    let (_, states) = states(session);
    let later = states.iter().filter(|one| one.runs >= FIRST_WITH_DOWNGRADE);
    let (seen, unseen): (Vec<_>, Vec<_>) = later.partition(|one| one.shows_downgrade);
    let names = list(unseen.iter().map(|one| &one.name));
    (seen.is_empty() && !unseen.is_empty()).then(|| {
        format!("it is unknown whether etcd's downgrade is enabled: {names} served no gRPC gateway (`{GATEWAY_FLAG}`)")
    })
}

fn not_ready(session: &Session, (major, minor): Minor, pending: Pending) -> Failure {
    let fact = format!("the cluster is not ready for members of etcd {major}.{minor}");
    let diagnostic = Diagnostic::error(fact).note(format!("waited in vain until {}", pending.what));
    let notes = pending.refused.map(|why| format!("etcd said: {why}"));
    let diagnostic = notes
        .into_iter()
        .chain(unseen(session))
        .fold(diagnostic, Diagnostic::note);
    Failure::failed(diagnostic.hint(see_what_is_wrong(session)))
}
