//! Changes of the version of etcd: where the binaries come from, what has to be so before, and what follows.

use camino::Utf8Path;

use super::downgrade;
use super::present::Present;
use super::waiting::{Pending, wait_until};
use crate::change::apply::{Joining, Kind, Known, Moving, Step};
use crate::change::final_task::{self, FinalTask};
use crate::change::upgrade::{self, Change, FIRST_WITH_DOWNGRADE, Refusal, UpgradePath};
use crate::etcd::find::{Wanted, find};
use crate::etcd::tools::Tools;
use crate::etcd::version_change;
use crate::facts::upgrades::Minor;
use crate::lifecycle::backup::{self, BackupRequest};
use crate::observation::VersionChange;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::{Record, RecordedDefinition};
use crate::values::{EtcdVersion, HostName};

/// Gives the session the version that its members are to run: that of the definition if it was changed, or that in the
/// folder that the user named. `is_found`: whether local members need the binaries, or only their version matters.
pub(super) fn with_target(
    mut session: Session,
    plan: &Plan,
    named: Option<&Utf8Path>,
    is_found: bool,
) -> Outcome<Session> {
    // An empty environment variable counts as unset.
    let named = named.filter(|folder| !folder.as_str().is_empty());
    let wanted = plan.etcd.version;
    let then = session.record.defined.map(|then| then.version);
    let is_changed = then.is_some_and(|then| then != wanted);
    let runs = session.record.etcd.version;
    let is_same = named.is_none() && (!is_changed || wanted == runs);
    if session.driver.machines().is_some() || is_same {
        return Ok(session);
    }
    let placed = session.driver.place(plan);
    let before = session.record.tools_of(wanted);
    let before = before.filter(|before| before.version != runs);
    if named.is_none() && before.is_none() && !is_found {
        session.defined = placed;
        return Ok(session);
    }
    let tools = match before.filter(|_| named.is_none()) {
        Some(before) => before,
        // Without an edit, the folder decides.
        None if !is_changed => found(&session, plan, named, &session.ui.saying())?,
        None => find_version(&session, plan, named)?,
    };
    session.defined = session.driver.run_by(&placed, &tools);
    let tools = tools.with(session.tools.certificate.clone());
    session.next_tools = (tools.version != runs).then_some(tools);
    Ok(session)
}

/// The binaries of the plan's version: in this folder, if the user named one.
///
/// # Errors
///
/// Fails if they are not found.
pub(in crate::lifecycle) fn find_version(
    session: &Session,
    plan: &Plan,
    named: Option<&Utf8Path>,
) -> Outcome<Tools> {
    let tools = found(session, plan, named, &session.ui.saying())?;
    if tools.version == plan.etcd.version {
        Ok(tools)
    } else {
        Err(not_found(plan.etcd.version, &tools))
    }
}

fn found(
    session: &Session,
    plan: &Plan,
    named: Option<&Utf8Path>,
    say: &dyn Fn(&str),
) -> Outcome<Tools> {
    let cache = session.home.workspace.cache();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let wanted = Wanted {
        named,
        ..Wanted::of(plan, &cache, &path)
    };
    find(&wanted, say)
}

/// Why the members cannot change to the version that they are to run, if they cannot.
pub(super) fn obstacle(session: &Session, present: &Present) -> Option<Diagnostic> {
    let refusal = upgrade_path(session, present)?.err()?;
    Some(refusal.diagnostic(&session.plan))
}

/// How the members change to the version that they are to run; none if all of them run it.
fn upgrade_path(session: &Session, present: &Present) -> Option<Result<UpgradePath, Refusal>> {
    change(session, present).map(|change| upgrade::upgrade_path(&change))
}

/// What is known of the change to the version that the members are to run; none if all of them run it.
pub(super) fn change(session: &Session, present: &Present) -> Option<Change<'static>> {
    present.state.of_other_versions().next()?;
    let members = present.state.members.iter();
    let versions: Vec<EtcdVersion> = members.filter_map(|one| one.version).collect();
    let (from, highest) = (*versions.iter().min()?, *versions.iter().max()?);
    let to = session.defined.version();
    let (asked, _) = present.asked("")?;
    Some(Change {
        from,
        to,
        highest,
        cluster: version_change::of_cluster(asked, &session.tools),
        has_auth: version_change::has_auth(&session.tools, asked),
        had_v2: present.serves_v2,
        // Those of another version than the definition's are left out.
        unknown_flags: &[],
        has_gateway: session.defined.has_gateway() && is_gateway_served(session, highest.max(to)),
    })
}

/// What is left to do once all members are as defined; nothing while steps change the version of some.
pub(super) fn final_tasks(session: &Session, present: &Present) -> Vec<FinalTask> {
    if present.state.of_other_versions().next().is_some() {
        return Vec::new();
    }
    let Session {
        record, defined, ..
    } = session;
    final_task::final_tasks(
        defined.version(),
        downgrade::enabled(session, present),
        record.version_change(defined.etcd.version),
    )
}

/// Whether the members serve the gateway. Before 3.6, no change of the version needs it.
fn is_gateway_served(session: &Session, highest: EtcdVersion) -> bool {
    highest.minor_release() < FIRST_WITH_DOWNGRADE || downgrade::has_gateway(session)
}

/// Why a later one of several hops is impossible.
pub(super) fn obstacle_of_later_hop(
    session: &Session,
    present: &Present,
    last: &Plan,
) -> Option<Diagnostic> {
    let change = Change {
        to: last.etcd.version,
        // The first one gives members the flags of the definition.
        has_gateway: session.defined.has_gateway(),
        ..change(session, present)?
    };
    let refusal = upgrade::refusal_of_later_hop(&change)?;
    Some(refusal.diagnostic(&session.plan))
}

/// Whether members are to run another version than the cluster was started with.
pub(super) fn is_under_way(session: &Session) -> bool {
    let then = session.record.defined.map(|then| then.version);
    let wanted = session.defined.etcd.version;
    session.record.is_upgrading() || then.is_some_and(|then| then != wanted)
}

/// Whether a member that does not run starts with the version that it ran last. It gets another one in a step of its own,
/// once all members serve: unless the version was set back, because it may not start with the one that it has.
pub(super) fn starts_as_before(session: &Session) -> bool {
    !session.record.is_set_back_to(session.defined.etcd.version)
}

/// Whether a member starts with another version than before in this step.
pub(super) fn changes_version(session: &Session, one: &Known, step: &Step) -> bool {
    if matches!(step.kind, Kind::Start(_)) && starts_as_before(session) {
        return false;
    }
    let starts = matches!(
        step.kind,
        Kind::Start(_)
            | Kind::Restart
            | Kind::Upgrade(_)
            | Kind::Add(Joining::Start(_))
            | Kind::Move(_, Moving::Restart)
    );
    let runs_another = one
        .version
        .is_some_and(|runs| runs != session.defined.version());
    starts && (session.next_tools.is_some() || runs_another)
}

/// The lowest and the highest minor release that members run.
pub(super) fn range(present: &Present) -> Option<(Minor, Minor)> {
    let versions = present.state.members.iter().filter_map(|one| one.version);
    let releases: Vec<Minor> = versions.map(EtcdVersion::minor_release).collect();
    Some((*releases.iter().min()?, *releases.iter().max()?))
}

/// Records the new version before the first member gets it: whatever starts a member from now on uses it.
pub(super) fn begin(session: &mut Session, present: &Present) -> Outcome<()> {
    let before = session.record.clone();
    let defined = defined(session);
    let tools = session.next_tools.take();
    let runs_it = |name: &HostName| {
        let mut members = present.state.members.iter();
        let one = members.find(|one| one.name == name.as_str());
        one.is_some_and(|one| one.version == Some(session.defined.version()))
    };
    let mut others = session.record.names();
    others.retain(|name| !runs_it(name));
    if session.record.is_set_back_to(session.defined.etcd.version) {
        // The others may not start with what they have.
        let answers = |name: &HostName| {
            let mut members = present.state.members.iter();
            members.any(|one| one.name == name.as_str() && one.version.is_some())
        };
        others.retain(answers);
    }
    session
        .record
        .begin_upgrade(tools.as_ref(), defined, others);
    session.tools = tools.unwrap_or_else(|| session.tools.clone());
    write_if_new(session, &before)
}

/// Completes a change of the version, also one that another task has begun: waits until the cluster has followed its
/// members, and takes a backup that this version can restore, unless the cluster stays with the version before.
pub(super) fn complete(session: &mut Session) -> Outcome<()> {
    let before = session.record.clone();
    let change = before.version_change(session.defined.etcd.version);
    let release = session.defined.version().minor_release();
    let knows_downgrade = release >= FIRST_WITH_DOWNGRADE;
    if knows_downgrade && !before.is_upgrading() {
        // Somebody may have enabled one by hand.
        downgrade::cancel(session)?;
    }
    if before.is_upgrading() {
        if knows_downgrade {
            downgrade::prepare(session, release, false)?;
        }
        follow(session)?;
        if !matches!(change, Some(VersionChange::SetBack(_))) {
            backup::take_locked(session.ui, &session.home, BackupRequest::default())?;
        }
        session.record.end_upgrade();
        follow_with_client(session);
    }
    record_definition(session, &before)
}

/// Records the binaries and what the definition says, which all members follow. `before`: the record as it was read.
pub(super) fn record_definition(session: &mut Session, before: &Record) -> Outcome<()> {
    // A change was set back before any member had the other version.
    if let Some(tools) = session.next_tools.take() {
        session.record.use_tools(&tools);
        session.tools = tools;
    }
    session.record.defined = Some(defined(session));
    write_if_new(session, before)
}

fn write_if_new(session: &Session, before: &Record) -> Outcome<()> {
    if session.record == *before {
        return Ok(());
    }
    session.record.write(&session.home)
}

fn defined(session: &Session) -> RecordedDefinition {
    let plan = &session.defined;
    RecordedDefinition {
        version: plan.etcd.version,
        driver: session
            .record
            .defined
            .map_or(plan.driver, |then| then.driver),
    }
}

/// Records a client of the version that machines run now, if there is one.
fn follow_with_client(session: &mut Session) {
    let (known, runs) = (session.record.etcd.version, session.defined.version());
    if session.driver.machines().is_none() || known.minor_release() == runs.minor_release() {
        return;
    }
    if let Ok(tools) = found(session, &session.defined, None, &|_| ())
        && tools.version.minor_release() == runs.minor_release()
    {
        session.record.use_tools(&tools);
    }
}

/// Waits until the cluster has the version that all its members run.
fn follow(session: &Session) -> Outcome<()> {
    let wanted = session.defined.version().minor_release();
    let mut versions = Vec::new();
    let followed = wait_until(session.ui, &mut || {
        let members = session.plan.members.iter();
        versions = members
            .map(|one| version_change::of_cluster(one, &session.tools))
            .collect();
        let (major, minor) = wanted;
        match versions.iter().all(|one| *one == Some(wanted)) {
            true => Ok(()),
            false => Err(Pending::until(format!(
                "the members agree that the cluster is {major}.{minor}"
            ))),
        }
    });
    followed.map_err(|_| does_not_follow(session, wanted, &versions))
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

fn does_not_follow(
    session: &Session,
    (major, minor): (u16, u16),
    versions: &[Option<(u16, u16)>],
) -> Failure {
    let version = session.defined.version();
    let fact = if versions.contains(&None) {
        format!("it is unknown whether the cluster has followed its members to etcd {version}")
    } else {
        format!(
            "all members run etcd {version}, but the version of the cluster is not {major}.{minor}"
        )
    };
    let diagnostic = Diagnostic::error(fact)
        .note("until it is, the members use only what the version before could do");
    let diagnostic = downgrade::unseen(session)
        .into_iter()
        .fold(diagnostic, Diagnostic::note);
    Failure::failed(diagnostic.hint(super::see_what_is_wrong(session)))
}
