//! Changes of the version of etcd: where the binaries come from, what has to be so before, and what follows.

use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::present::Present;
use crate::change::apply::{Joining, Kind, Step};
use crate::change::upgrade::{self, Change, Refusal, Way};
use crate::etcd::find::{Wanted, find};
use crate::etcd::tools::Tools;
use crate::etcd::version_change;
use crate::pause::pause;
use crate::plan::Plan;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::RecordedDefinition;
use crate::values::EtcdVersion;

/// How long members may take to agree on the version of the cluster. The leader compares their versions every five
/// seconds (`monitorVersionInterval` in etcd's `server.go`), and the host may be busy.
const AGREEING: Duration = Duration::from_secs(120);

/// How long to wait before saying so.
const SILENCE: Duration = Duration::from_secs(2);

/// The pause between two looks.
const AGAIN: Duration = Duration::from_millis(200);

/// Gives the session the version that its members are to run: that of the definition if it was changed, or that in the
/// folder that the user named. `is_found`: whether local members need the binaries, or only their version matters.
pub(super) fn aim(
    mut session: Session,
    plan: &Plan,
    named: Option<&Utf8Path>,
    is_found: bool,
) -> Outcome<Session> {
    let then = session.record.defined.map(|then| then.version);
    let is_changed = then.is_some_and(|then| then != plan.etcd.version);
    let runs = session.record.etcd.version;
    let is_same = named.is_none() && (!is_changed || plan.etcd.version == runs);
    if session.driver.machines().is_some() || is_same {
        return Ok(session);
    }
    let placed = session.driver.place(plan);
    if named.is_none() && !is_found {
        session.defined = placed;
        return Ok(session);
    }
    let cache = session.home.workspace.cache();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let wanted = Wanted {
        named,
        ..Wanted::of(plan, &cache, &path)
    };
    let tools = find(&wanted, &session.ui.saying())?;
    if named.is_none() && tools.version != wanted.version {
        return Err(not_found(wanted.version, &tools));
    }
    session.defined = session.driver.run_by(&placed, &tools);
    session.next_tools = (tools.version != runs).then_some(tools);
    Ok(session)
}

/// Why the members cannot change to the version that they are to run, if they cannot.
pub(super) fn obstacle(session: &Session, present: &Present) -> Option<Diagnostic> {
    match way(session, present)? {
        Ok(_) => None,
        Err(refusal) => Some(refusal.diagnostic(&session.plan)),
    }
}

/// How the members change to the version that they are to run; none if all of them run it.
fn way(session: &Session, present: &Present) -> Option<Result<Way, Refusal>> {
    present.state.of_other_versions().next()?;
    let members = present.state.members.iter();
    let versions: Vec<EtcdVersion> = members.filter_map(|one| one.version).collect();
    let (from, highest) = (*versions.iter().min()?, *versions.iter().max()?);
    let to = session.defined.version();
    let (asked, _) = present.asked("")?;
    let unknown = session.defined.flags_unknown_to(to);
    let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    Some(upgrade::way(&Change {
        from,
        to,
        highest,
        cluster: version_change::spoken(asked, &session.tools),
        has_auth: version_change::has_auth(&session.tools, asked),
        had_v2: present.serves_v2,
        unknown_flags: &unknown,
    }))
}

/// Whether a member starts with another version than before in this step, or local members may.
pub(super) const fn is_begun_by(session: &Session, step: &Step) -> bool {
    let starts = matches!(step.kind, Kind::Start(_) | Kind::Add(Joining::Start(_)));
    step.is_upgrade() || (starts && session.next_tools.is_some())
}

/// Does what comes before the first member that gets another version.
pub(super) fn begin(session: &mut Session, present: &Present) -> Outcome<()> {
    if let Some(Ok(Way::Downgrade)) = way(session, present)
        && let Some((asked, _)) = present.asked("")
    {
        let to = session.defined.version();
        version_change::allow_downgrade(&session.tools, asked, to)
            .map_err(|why| not_downgraded(session, to, &why))?;
        let (major, minor) = to.minor_release();
        session
            .ui
            .say(&format!("the cluster may go back to etcd {major}.{minor}"));
    }
    record(session)
}

/// Records the new version before the first member gets it: whatever starts a member from now on uses it.
pub(super) fn record(session: &mut Session) -> Outcome<()> {
    let defined = RecordedDefinition {
        version: session.defined.etcd.version,
        driver: session.record.defined.and_then(|then| then.driver),
    };
    let before = session.record.clone();
    session.record.defined = Some(defined);
    if let Some(tools) = session.next_tools.take() {
        session.record.use_tools(&tools);
        session.tools = tools;
    }
    if session.record != before {
        session.record.write(&session.home)?;
    }
    Ok(())
}

/// Waits until the cluster speaks the version that all its members run.
pub(super) fn follow(session: &Session) -> Outcome<()> {
    let wanted = session.defined.version().minor_release();
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        let members = session.plan.members.iter();
        let speak = members.map(|one| version_change::spoken(one, &session.tools));
        let speak: Vec<Option<(u16, u16)>> = speak.collect();
        if speak.iter().all(|one| *one == Some(wanted)) {
            return Ok(());
        }
        if begun.elapsed() > AGREEING {
            return Err(does_not_follow(session, wanted));
        }
        if begun.elapsed() > SILENCE && !std::mem::replace(&mut is_said, true) {
            let (major, minor) = wanted;
            session.ui.say(&format!(
                "waiting until the members agree that the cluster is {major}.{minor}"
            ));
        }
        pause(AGAIN);
    }
}

fn not_found(wanted: EtcdVersion, found: &Tools) -> Failure {
    Failure::host(
        Diagnostic::error(format!("etcd {wanted} was not found on this host"))
            .note(format!(
                "only {} is here (from {})",
                found.version, found.origin
            ))
            .note("nothing was changed")
            .hint("pass a folder that holds it to `--etcd-dir`"),
    )
}

fn not_downgraded(session: &Session, to: EtcdVersion, why: &Reason) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("etcd does not go back to {to}: {why}"))
            .note("no member was restarted")
            .hint(super::see_what_is_wrong(session)),
    )
}

fn does_not_follow(session: &Session, (major, minor): (u16, u16)) -> Failure {
    Failure::failed(
        Diagnostic::error(format!(
            "all members run etcd {}, but the cluster does not speak {major}.{minor}",
            session.defined.version()
        ))
        .note("until it does, the members use only what the version before could do")
        .hint(super::see_what_is_wrong(session)),
    )
}
