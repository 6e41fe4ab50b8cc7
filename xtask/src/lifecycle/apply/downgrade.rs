//! etcd's own downgrade: enables it before the first member gets an earlier minor release, waits until the data is
//! ready for that, and cancels it if the cluster is to stay.

use std::time::{Duration, Instant};

use super::see_what_is_wrong;
use crate::change::downgrade::{MemberState, Preparation, preparation};
use crate::etcd::{downgrade, version_change};
use crate::facts::upgrades::Minor;
use crate::pause::pause;
use crate::plan::Member;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;

/// How long the leader may take to lower the version of the cluster, and the members to rewrite their data: both look
/// every five seconds, and the host may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait before saying so.
const SILENCE: Duration = Duration::from_secs(2);

/// The pause between two looks.
const AGAIN: Duration = Duration::from_millis(200);

/// Prepares the cluster for members of this minor release, if that takes anything. `is_back`: whether members run a
/// later one.
pub(super) fn prepare(session: &Session, wanted: Minor, is_back: bool) -> Outcome<()> {
    let Session {
        ui, plan, tools, ..
    } = session;
    until_ready(session, wanted, &mut || {
        let (members, states) = states(session);
        let Some(asked) = members.first() else {
            return match is_back {
                true => Doing::wait("a member answers"),
                false => Doing::Ready,
            };
        };
        if is_back && members.len() < plan.members.len() {
            return Doing::wait("all members answer");
        }
        match preparation(wanted, version_change::of_cluster(asked, tools), &states) {
            Preparation::Ready => Doing::Ready,
            Preparation::Enable => {
                let enabled = downgrade::enable(plan, asked, tools, wanted);
                if enabled.is_ok() {
                    let (major, minor) = wanted;
                    ui.say(&format!("etcd's downgrade to {major}.{minor} is enabled"));
                }
                Doing::tried("etcd agrees to its downgrade", enabled)
            }
            Preparation::Cancel(target) => cancelled(session, asked, target),
            Preparation::Wait(what) => Doing::wait(what),
        }
    })
}

/// Cancels etcd's downgrade, if it is enabled: meanwhile, no member can join that runs a later release. `apply` enables it
/// again.
pub(in crate::lifecycle) fn cancel(session: &Session) -> Outcome<()> {
    until_ready(session, session.plan.version().minor_release(), &mut || {
        let (members, states) = states(session);
        match (members.first(), states.iter().find_map(|one| one.downgrade)) {
            (Some(asked), Some(target)) => cancelled(session, asked, target),
            _ => Doing::Ready,
        }
    })
}

fn cancelled(session: &Session, asked: &Member, (major, minor): Minor) -> Doing {
    let cancelled = downgrade::cancel(&session.plan, asked, &session.tools);
    if cancelled.is_ok() {
        let said = format!("etcd's downgrade to {major}.{minor} is cancelled");
        session.ui.say(&said);
    }
    Doing::tried("etcd cancels its downgrade", cancelled)
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
            return Doing::wait("all members answer");
        };
        if states.iter().all(|one| one.downgrade.is_none()) {
            return Doing::tried(
                "etcd lowers the version of the cluster",
                downgrade::enable(plan, asked, tools, lowered),
            );
        }
        let now = counts(&all);
        let has_saved = now.iter().zip(&mut before).map(|(now, before)| {
            // It may not have answered the first time.
            let before = before.or(*now).inspect(|count| *before = Some(*count));
            now.zip(before).is_some_and(|(now, before)| now > before)
        });
        // All are counted, also after one that has not saved any.
        match has_saved.collect::<Vec<bool>>().iter().all(|saved| *saved) {
            true => Doing::Ready,
            false => Doing::wait("every member has saved a snapshot of its log"),
        }
    })?;
    prepare(session, runs, false)
}

/// What keeps a preparation from being complete.
enum Doing {
    Ready,
    WaitsFor(String, Option<Reason>),
}

impl Doing {
    fn wait(what: impl Into<String>) -> Self {
        Self::WaitsFor(what.into(), None)
    }

    fn tried(what: &str, done: Result<(), Reason>) -> Self {
        Self::WaitsFor(what.to_owned(), done.err())
    }
}

fn until_ready(session: &Session, wanted: Minor, next: &mut dyn FnMut() -> Doing) -> Outcome<()> {
    let begun = Instant::now();
    let mut said = String::new();
    loop {
        let (waits_for, refused) = match next() {
            Doing::Ready => return Ok(()),
            Doing::WaitsFor(what, refused) => (what, refused),
        };
        if begun.elapsed() > PATIENCE {
            return Err(not_ready(session, wanted, &waits_for, refused));
        }
        if begun.elapsed() > SILENCE && said != waits_for {
            session.ui.say(&format!("waiting until {waits_for}"));
            said = waits_for;
        }
        pause(AGAIN);
    }
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

fn not_ready(
    session: &Session,
    (major, minor): Minor,
    waits_for: &str,
    refused: Option<Reason>,
) -> Failure {
    let fact = format!("the cluster is not ready for members of etcd {major}.{minor}");
    let diagnostic = Diagnostic::error(fact).note(format!("waited in vain until {waits_for}"));
    let diagnostic = match refused {
        Some(why) => diagnostic.note(format!("etcd said: {why}")),
        None => diagnostic,
    };
    Failure::failed(diagnostic.hint(see_what_is_wrong(session)))
}
