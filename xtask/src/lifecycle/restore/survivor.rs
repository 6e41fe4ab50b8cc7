//! Backs up one member of a cluster that has lost the others: a running one by a snapshot, which
//! needs no quorum, and a stopped one by a copy of its data, which is made to serve alone.

use std::net::Ipv4Addr;

use camino::Utf8Path;

use super::snapshot::Snapshot;
use crate::backup::{BackupMember, has_quorum, plan_of_survivor};
use crate::driver;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::lifecycle::backup::{self, BackupSource, ScratchCluster};
use crate::observation::{Condition, Look, Status};
use crate::plan::Member;
use crate::plan::identity::EtcdId;
use crate::process;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::ui::Ui;
use crate::values::HostName;

/// Takes a backup of this member into the cluster's own folder.
pub(super) fn back_up(
    ui: Ui,
    session: &Session,
    statuses: &[(Member, Look<Status>)],
    member: &HostName,
) -> Outcome<Snapshot> {
    let home = &session.home;
    let cluster = session.record.cluster_id();
    let asked = statuses.iter().find(|(one, _)| one.name == *member);
    let survivor = match asked {
        Some((one, Look::Seen(status))) => running(session, statuses, cluster, one, status)?,
        _ => return stopped(ui, session, cluster, member),
    };
    ui.say(&format!("taking a snapshot from {member}"));
    save(ui, session, &session.tools, survivor).map_err(|failure| not_restored(home, failure))
}

/// A member that answers.
fn running(
    session: &Session,
    statuses: &[(Member, Look<Status>)],
    cluster: EtcdId,
    member: &Member,
    status: &Status,
) -> Outcome<BackupSource> {
    refuse_foreign(session, &member.name, cluster, status.cluster_id)?;
    let looks: Vec<Look<Status>> = statuses.iter().map(|(_, look)| look.clone()).collect();
    Ok(BackupSource {
        member: member.clone(),
        status: status.clone(),
        has_quorum: has_quorum(&looks, cluster),
        members: session
            .record
            .members()
            .iter()
            .map(BackupMember::from)
            .collect(),
        others: Vec::new(),
    })
}

/// A member that does not answer: a copy of its data is made to serve alone.
fn stopped(ui: Ui, session: &Session, cluster: EtcdId, member: &HostName) -> Outcome<Snapshot> {
    refuse_unusable(session, member)?;
    let home = &session.home;
    let what = format!("the data of {member}");
    let meanwhile = meanwhile(session, member)?;
    let copy = |to: &Utf8Path| session.driver.data().copy(home, member, to);
    alone(ui, session, cluster, member, (&what, meanwhile), &copy)
}

/// The data folder of a member, such as one that an earlier task has moved aside.
pub(super) fn of_folder(ui: Ui, session: &Session, folder: &Utf8Path) -> Outcome<Snapshot> {
    let cluster = session.record.cluster_id();
    let members = session.record.names();
    let parent = folder.parent().and_then(Utf8Path::file_name);
    let owner = members.iter().find(|name| Some(name.as_str()) == parent);
    let Some(member) = owner.or_else(|| members.first()) else {
        return Err(Failure::usage(Diagnostic::error(
            "the cluster has no members",
        )));
    };
    if owner.is_some() && folder.file_name() == Some("data") {
        let name = &session.home.name;
        let from = format!("cargo xtask restore {name} --from-member {member}");
        return Err(Failure::usage(
            Diagnostic::error(format!("`{folder}` is the present data of {member}"))
                .hint(Hint::heals("restore from the member", [from])),
        ));
    }
    let what = format!("`{folder}`");
    let copy = |to: &Utf8Path| driver::copy_data(folder, to);
    alone(ui, session, cluster, member, (&what, ""), &copy)
}

/// Copies data to a scratch cluster, makes it serve alone, and takes a snapshot from it. `what`: what is
/// copied, and what happens meanwhile.
fn alone(
    ui: Ui,
    session: &Session,
    cluster: EtcdId,
    member: &HostName,
    (what, meanwhile): (&str, &str),
    copy: &dyn Fn(&Utf8Path) -> Outcome<()>,
) -> Outcome<Snapshot> {
    let Session {
        home,
        tools,
        record,
        ..
    } = session;
    let name = &home.name;
    let plan = |ports| plan_of_survivor(name, tools.version, record.scheme, ports);
    let scratch = ScratchCluster::new(ui, home, tools, &[Ipv4Addr::LOCALHOST], &plan)?;
    ui.say(&format!("copying {what}{meanwhile}"));
    {
        let _removed = process::remove_on_interrupt(scratch.root().as_std_path());
        let _after = process::on_interrupt(format!("{name}: nothing was changed"));
        copy(&scratch.data()?)?;
    }
    let interrupted = process::defer_interrupt(
        "interrupted: ending the scratch cluster first; press Ctrl-C again to leave that to the next task",
    );
    ui.say("starting the copy alone, to take a snapshot from it");
    let served = scratch.serve(&interrupted)?;
    if interrupted.is_asked() {
        return Err(Failure::interrupted(
            Diagnostic::error("interrupted before the cluster was restored")
                .note("nothing was changed"),
        ));
    }
    let status = served.and_then(|()| scratch.status());
    let status = status.map_err(|why| {
        Failure::refused(
            Diagnostic::error(format!(
                "{} cannot be used: {why}",
                quoted_what(what, member)
            ))
            .note("nothing was changed")
            .hint(Hint::informs(
                "look for another member",
                [format!("cargo xtask status {name}")],
            )),
        )
    })?;
    refuse_foreign(session, member, cluster, status.cluster_id)?;
    let members = record.members();
    let survivor = BackupSource {
        member: Member {
            name: member.clone(),
            ..scratch.member.clone()
        },
        status,
        has_quorum: false,
        members: members.iter().map(BackupMember::from).collect(),
        others: Vec::new(),
    };
    save(ui, session, tools, survivor).map_err(|failure| not_restored(home, failure))
}

fn quoted_what(what: &str, member: &HostName) -> String {
    if what.starts_with('`') {
        what.to_owned()
    } else {
        format!("the data of `{member}`")
    }
}

fn save(ui: Ui, session: &Session, tools: &Tools, survivor: BackupSource) -> Outcome<Snapshot> {
    let home = &session.home;
    let file = backup::new_file(home)?;
    let manifest = backup::save_from(ui, home, tools, survivor, &file)?;
    Ok(Snapshot {
        revision: manifest.revision,
        manifest: Some(manifest),
        file,
    })
}

/// Fails if the member has no data, or if nobody can copy it.
fn refuse_unusable(session: &Session, member: &HostName) -> Outcome<()> {
    let Session { home, driver, .. } = session;
    let name = &home.name;
    let again = format!("cargo xtask restore {name} --from-member {member}");
    let condition = driver.conditions(home, std::slice::from_ref(member))?.pop();
    let diagnostic = match condition {
        // etcd inside may be stopped.
        Some(Condition::Running(_)) if driver.machines().is_some() => return Ok(()),
        Some(Condition::Stopped) => return Ok(()),
        Some(Condition::Running(what)) => Diagnostic::error(format!(
            "`{member}` runs ({what}), but does not answer"
        ))
        .hint(Hint::heals(
            "stop it, then restore from its data",
            [format!("cargo xtask down {name}"), again],
        )),
        Some(Condition::Halted { id }) => {
            Diagnostic::error(format!("`{member}` is halted: process {id}")).hint(Hint::heals(
                "continue it, then restore from it",
                [format!("kill -CONT {id}"), again],
            ))
        }
        Some(Condition::Absent | Condition::Unfinished) | None => {
            Diagnostic::error(format!("`{member}` has no data")).hint(Hint::informs(
                "see which members have data",
                [format!("cargo xtask status {name}")],
            ))
        }
    };
    Err(Failure::refused(diagnostic.note("nothing was changed")))
}

/// What a copy costs on a machine.
fn meanwhile(session: &Session, member: &HostName) -> Outcome<&'static str> {
    let Session { home, driver, .. } = session;
    if driver.machines().is_none() {
        return Ok("");
    }
    let condition = driver.conditions(home, std::slice::from_ref(member))?.pop();
    Ok(match condition {
        Some(Condition::Stopped) => "; its machine is started first, and stays on",
        _ => "; its etcd is stopped meanwhile",
    })
}

fn refuse_foreign(
    session: &Session,
    member: &HostName,
    ours: EtcdId,
    theirs: EtcdId,
) -> Outcome<()> {
    if ours == theirs {
        return Ok(());
    }
    let name = &session.home.name;
    Err(Failure::refused(
        Diagnostic::error(format!(
            "the data of `{member}` belongs to cluster {theirs}, not to {ours}"
        ))
        .note("nothing was changed")
        .hint(Hint::informs(
            "look for another member",
            [format!("cargo xtask verify {name}")],
        )),
    ))
}

fn not_restored(home: &crate::workspace::Home, mut failure: Failure) -> Failure {
    let name = &home.name;
    let end = Diagnostic::error(format!("`{name}` was not restored")).note("nothing was changed");
    failure.diagnostics.push(end);
    failure
}
