//! The member that a snapshot is taken from.

use std::time::Duration;

use crate::advice;
use crate::backup::{BackupMember, choose_source, has_quorum};
use crate::etcd::observe::{self, PATIENCE};
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::observation::{Look, Status, etcdctl as read};
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Started;
use crate::ui::Ui;
use crate::values::HostName;

/// A member that answers, and what it says about its cluster.
pub(in crate::lifecycle) struct BackupSource {
    pub(in crate::lifecycle) member: Member,
    pub(in crate::lifecycle) status: Status,
    pub(in crate::lifecycle) has_quorum: bool,
    pub(in crate::lifecycle) members: Vec<BackupMember>,
    /// The other members that answer, each with a revision that it has reached.
    pub(in crate::lifecycle) others: Vec<(Member, u64)>,
}

/// Fails if the cluster runs etcd 2.x, whose snapshots are folders.
pub(super) fn refuse_v2(started: &Started) -> Outcome<()> {
    let version = started.record.etcd.version;
    if !version.is_v2() {
        return Ok(());
    }
    let name = &started.home.name;
    Err(Failure::usage(
        Diagnostic::error(format!(
            "etcd {version} has no snapshots, which a backup consists of"
        ))
        .note(
            "by hand, `etcdctl backup --data-dir DATA --backup-dir COPY` copies the data folder of \
                 a member; `etcd --force-new-cluster` on the copy starts a cluster of one from it",
        )
        .hint(Hint::informs(
            "see where the members run",
            [format!("cargo xtask status {name}")],
        )),
    ))
}

/// Chooses one of these members, which are all, as this host reaches them. Warns of what may be
/// missing in its snapshot.
pub(super) fn find(
    ui: Ui,
    started: &Started,
    tools: &Tools,
    members: &[Member],
) -> Outcome<BackupSource> {
    let cluster = started.record.cluster_id();
    let mut statuses = observe::statuses(members, tools, PATIENCE);
    // Such a member cannot send its database, and exits soon.
    let names: Vec<HostName> = members.iter().map(|one| one.name.clone()).collect();
    let on_disk = started.driver.has_data(&started.home, &names, true);
    for (status, has_data) in statuses.iter_mut().zip(on_disk) {
        if matches!(has_data, Look::Seen(false)) && status.seen().is_some() {
            *status = Look::NotAsked("has no data on disk any more".to_owned());
        }
    }
    let chosen = choose_source(&statuses, cluster);
    let chosen = chosen.and_then(|index| Some((members.get(index)?, statuses.get(index)?.seen()?)));
    let Some((member, status)) = chosen else {
        return Err(no_source(started, members, &statuses, cluster));
    };
    // A member may answer at another's address.
    let named = members.iter().find(|one| one.id == status.member_id);
    let has_quorum = has_quorum(&statuses, cluster);
    let others = members.iter().zip(&statuses).filter_map(|(other, seen)| {
        let seen = seen.seen()?;
        let is_another = seen.cluster_id == cluster && seen.member_id != status.member_id;
        let reached = seen.revision.filter(|_| is_another)?;
        Some((other.clone(), reached))
    });
    let others = others.collect();
    let source = BackupSource {
        member: Member {
            name: named.unwrap_or(member).name.clone(),
            ..member.clone()
        },
        status: status.clone(),
        has_quorum,
        members: listed(member, &started.record.members(), tools, has_quorum),
        others,
    };
    source.say(ui);
    Ok(source)
}

/// The cluster's own list of members, or else those that it was started with: listing them needs a
/// quorum.
fn listed(
    member: &Member,
    members: &[Member],
    tools: &Tools,
    has_quorum: bool,
) -> Vec<BackupMember> {
    let patience = if has_quorum {
        PATIENCE
    } else {
        Duration::from_secs(1)
    };
    match observe::member_list(member, tools, patience) {
        Look::Seen(list) => list.iter().map(BackupMember::from).collect(),
        Look::Failed(_) | Look::NotAsked(_) => members.iter().map(BackupMember::from).collect(),
    }
}

impl BackupSource {
    fn say(&self, ui: Ui) {
        let (member, role) = (&self.member.name, self.status.role());
        let role = match role {
            "no leader" => "without a leader".to_owned(),
            role => format!("the {role}").replace("the follower", "a follower"),
        };
        ui.say(&format!("taking a snapshot from {member}, {role}"));
        let mut warnings: Vec<Diagnostic> = Vec::new();
        if !self.has_quorum {
            warnings.push(
                Diagnostic::warning("the cluster has no quorum").note(format!(
                    "writes that {member} has not received are missing in its snapshot"
                )),
            );
        }
        let errors = self.status.errors.iter();
        warnings.extend(
            errors
                .map(|error| Diagnostic::warning(format!("`{member}` reports: {}", error.trim()))),
        );
        ui.report(&warnings);
    }
}

/// No member can be used: none answers, or those that do belong to another cluster.
fn no_source(
    started: &Started,
    members: &[Member],
    statuses: &[Look<Status>],
    cluster: EtcdId,
) -> Failure {
    let name = &started.home.name;
    let both = || members.iter().zip(statuses);
    let foreign = both().find_map(|(member, status)| {
        let status = status.seen()?;
        (status.cluster_id != cluster).then_some((member, status))
    });
    if let Some((member, status)) = foreign {
        let other = status.cluster_id;
        return Failure::refused(
            Diagnostic::error(format!(
                "`{}` belongs to cluster {other}, not to {cluster}",
                member.name
            ))
            .note(format!(
                "a backup of `{name}` must hold the data of `{name}`"
            ))
            .hint(Hint::informs(
                "find out what answers there",
                [format!("cargo xtask verify {name}")],
            )),
        );
    }
    let diagnostic = Diagnostic::error(format!("no member of `{name}` can be backed up"));
    let diagnostic = both().fold(diagnostic, |diagnostic, (member, status)| {
        let member = &member.name;
        diagnostic.note(match status {
            Look::Seen(_) => format!("{member} is a learner"),
            Look::Failed(why) => format!("{member} does not answer: {why}"),
            Look::NotAsked(why) => format!("{member} {why}"),
        })
    });
    let is_unauthorized =
        |look: &Look<Status>| matches!(look, Look::NotAsked(why) if read::is_unauthorized(why));
    Failure::could_not_look(diagnostic.hint(match statuses.iter().any(is_unauthorized) {
        true => advice::give_a_user(),
        false => Hint::informs(
            "see which command brings the members back",
            [format!("cargo xtask verify {name}")],
        ),
    }))
}
