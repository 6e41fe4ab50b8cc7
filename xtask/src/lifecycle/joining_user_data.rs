//! The user-data with which a machine joins its cluster. Until a change of the version is complete, it is that of the version
//! before: members of the new one may not be able to join.

use super::member_machine;
use crate::change::replace::{can_join_early, version_to_join};
use crate::driver::Machines;
use crate::etcd::observe;
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::{Member, Plan};
use crate::render;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::{EtcdVersion, HostName, ReleaseUrl};

/// The user-data of a machine.
pub(super) enum UserData {
    /// What it has, as another member that serves.
    Kept,
    /// That of this plan.
    Of(Box<Plan>),
}

/// The user-data with which a member joins. `has`: the digest of what its machine has; none if it has none. `go_on`: the
/// command that continues.
///
/// # Errors
///
/// Refuses if its version cannot be installed, and no other one can join.
pub(super) fn choose(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
    has: Option<&str>,
    go_on: &str,
) -> Outcome<UserData> {
    let Session {
        record, defined, ..
    } = session;
    let of = |plan: &Plan| Ok(UserData::Of(Box::new(plan.clone())));
    let wanted = defined.version();
    let others = others(session, member);
    let versions: Vec<EtcdVersion> = others.iter().map(|(_, version)| *version).collect();
    let version = version_to_join(wanted, &record.defined_versions(), &versions);
    if version == wanted {
        return of(defined);
    }
    let peers = others.iter().filter(|(_, runs)| *runs == version);
    let peers: Vec<HostName> = peers.map(|(name, _)| name.clone()).collect();
    if let Some(has) = has
        && is_of_another(session, machines, &peers, has)?
    {
        return Ok(UserData::Kept);
    }
    let before = defined.pinned_to(version);
    // The releases of another place may be other builds of the same versions.
    let etcd = &defined.etcd;
    let has_own_builds = !etcd.sha256.is_empty() && etcd.release_url != ReleaseUrl::official();
    if render::can_install(&before) && !has_own_builds {
        return of(&before);
    }
    let is_begun = record.version_change(defined.etcd.version).is_some();
    if is_begun && can_join_early(wanted, &versions) {
        return of(defined);
    }
    Err(not_installable(defined, member, version, go_on))
}

/// The other members that answer, and what they run.
fn others(session: &Session, member: &HostName) -> Vec<(HostName, EtcdVersion)> {
    let Session { plan, tools, .. } = session;
    let others = plan.members.iter().filter(|one| one.name != *member);
    let others: Vec<Member> = others.cloned().collect();
    let statuses = observe::statuses(&others, tools, observe::PATIENCE);
    let both = others.into_iter().zip(&statuses);
    let answers = both.filter_map(|(one, look)| {
        let status = look.seen()?;
        let is_ours = status.cluster_id == plan.cluster_id;
        Some((one.name, status.version.parse().ok()?)).filter(|_| is_ours)
    });
    answers.collect()
}

fn is_of_another(
    session: &Session,
    machines: &dyn Machines,
    others: &[HostName],
    digest: &str,
) -> Outcome<bool> {
    let seen = member_machine::look_at_all(session, machines, others)?;
    let mut digests = seen.into_iter().filter_map(|look| look.ok()?.user_data);
    Ok(digests.any(|one| one == digest))
}

/// The digest of the user-data that a member's machine has, if it runs.
pub(super) fn digest(
    session: &Session,
    machines: &dyn Machines,
    member: &HostName,
) -> Outcome<Option<String>> {
    let names = std::slice::from_ref(member);
    let conditions = session.driver.conditions(&session.home, names)?;
    match conditions.first() {
        Some(Condition::Running(_)) => {
            Ok(member_machine::look(session, machines, member)?.user_data)
        }
        _ => Ok(None),
    }
}

fn not_installable(
    defined: &Plan,
    member: &HostName,
    version: EtcdVersion,
    go_on: &str,
) -> Failure {
    let (file, wanted) = (&defined.source, defined.etcd.version);
    Failure::refused(
        Diagnostic::error(format!(
            "`{member}` cannot get etcd {version}, with which the others run"
        ))
        .note(format!(
            "no checksum of this release is known; those in `{file}` are of {wanted}, which cannot join yet"
        ))
        .hint(Hint::heals(
            format!("set the version and its checksums back in `{file}` until that is complete"),
            [go_on.to_owned()],
        )),
    )
}
