//! The undo steps of faults. Each can be repeated safely, because undoing may be interrupted, too.

use std::fs;
use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::atomic::why_not_writable;
use crate::driver::Driver;
use crate::etcd::client_environment;
use crate::etcd::command::client;
use crate::etcd::gateway::{Gateway, Unanswered};
use crate::etcd::{maintenance, observe};
use crate::observation::{ListedMember, etcdctl as read};
use crate::pki;
use crate::plan::Member;
use crate::process;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::values::HostName;
use crate::workspace::Home;

/// How long etcdctl may take for an undo step.
const PATIENCE: Duration = Duration::from_secs(60);

/// A step that undoes part of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub(super) enum Undo {
    /// Start a stopped member again.
    Start { member: HostName },
    /// Resume a halted member.
    Resume { member: HostName },
    /// Restart a member as its definition says.
    Restart { member: HostName },
    /// Stop a member that is not in the definition, and remove its folder.
    Remove { member: HostName },
    /// Restore a member's data that was moved aside.
    PutDataBack { member: HostName },
    /// Restore a member's certificate that was replaced.
    PutCertificateBack { member: HostName },
    /// Run a script on a member's machine, if it is running.
    RunInside { member: HostName, script: String },
    /// Remove the member with this peer URL from the cluster.
    RemoveFromCluster { peer_url: String },
    /// Set a member's planned peer URL again.
    UpdatePeerUrl { member: HostName },
    /// Disarm all NOSPACE alarms. etcd alone raises other alarms.
    DisarmNoSpace,
    /// Remove these keys.
    RemoveKeys { prefix: String },
    /// Compact the history of all keys, and defragment the databases.
    DropHistory,
    /// Remove a local file.
    RemoveFile { path: Utf8PathBuf },
}

impl Undo {
    /// Whether it needs a quorum.
    pub(super) const fn needs_quorum(&self) -> bool {
        matches!(
            self,
            Self::RemoveFromCluster { .. }
                | Self::UpdatePeerUrl { .. }
                | Self::DisarmNoSpace
                | Self::RemoveKeys { .. }
                | Self::DropHistory
        )
    }

    /// Runs the step. After a failure it can be tried again.
    pub(super) fn apply(&self, session: &Session) -> Outcome<()> {
        match self {
            // Healing starts every stopped member.
            Self::Start { .. } => Ok(()),
            Self::Resume { member } => match session.driver.faults() {
                Some(faults) => faults.resume(&session.home, member),
                None => Ok(()),
            },
            Self::Restart { member } => stop(session, member),
            Self::Remove { member } => {
                stop(session, member)?;
                let data = data(session, member);
                data.as_deref()
                    .and_then(Utf8Path::parent)
                    .map_or(Ok(()), |folder| {
                        removed(folder).map_err(|e| stuck(folder, &e))
                    })
            }
            Self::PutDataBack { member } => {
                stop(session, member)?;
                return_data(&session.home, session.driver, self)
            }
            Self::PutCertificateBack { member } => {
                let planned = session.plan.members.iter();
                let mut meant = planned.filter(|one| one.name == *member);
                meant.try_for_each(|member| pki::mend(&session.home, member))
            }
            Self::RunInside { member, script } => run_inside(session, member, script),
            Self::RemoveFromCluster { peer_url } => remove_from_cluster(session, peer_url),
            Self::UpdatePeerUrl { member } => update_peer_url(session, member),
            Self::DisarmNoSpace => disarm_no_space(session),
            Self::RemoveKeys { prefix } => ask(session, &["del", "--prefix", prefix]).map(drop),
            Self::DropHistory => drop_history(session),
            Self::RemoveFile { path } => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(stuck(path, &error)),
                _ => Ok(()),
            },
        }
    }
}

/// Moves a stopped member's data aside.
pub(super) fn set_aside(data: &Utf8Path) -> io::Result<()> {
    fs::rename(data, aside(data))
}

/// Where a member's data is in the meantime.
fn aside(data: &Utf8Path) -> Utf8PathBuf {
    data.with_file_name("data-before-drill")
}

/// Restores the data that a step would restore. The member must be stopped.
pub(super) fn return_data(home: &Home, driver: &dyn Driver, undo: &Undo) -> Outcome<()> {
    let Undo::PutDataBack { member } = undo else {
        return Ok(());
    };
    match driver.faults().and_then(|faults| faults.data(home, member)) {
        Some(data) => put_back(&data).map_err(|error| stuck(&data, &error)),
        None => Ok(()),
    }
}

/// The present data is removed only if the old data is there to replace it.
fn put_back(data: &Utf8Path) -> io::Result<()> {
    let aside = aside(data);
    if !aside.exists() {
        return Ok(());
    }
    removed(data)?;
    fs::rename(aside, data)
}

fn removed(folder: &Utf8Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn stuck(path: &Utf8Path, error: &io::Error) -> Failure {
    Failure::failed(
        Diagnostic::error(format!("cannot restore `{path}`: {error}")).hint(why_not_writable(path)),
    )
}

fn data(session: &Session, member: &HostName) -> Option<Utf8PathBuf> {
    session.driver.faults()?.data(&session.home, member)
}

fn stop(session: &Session, member: &HostName) -> Outcome<()> {
    let members = std::slice::from_ref(member);
    session
        .driver
        .stop(&session.home, members, &session.ui.saying())
}

fn run_inside(session: &Session, member: &HostName, script: &str) -> Outcome<()> {
    let Some(machines) = session.driver.machines() else {
        return Ok(());
    };
    let members = std::slice::from_ref(member);
    let conditions = session.driver.conditions(&session.home, members)?;
    if !conditions
        .iter()
        .any(crate::observation::Condition::is_running)
    {
        // A boot undoes the same.
        return Ok(());
    }
    let shell = process::shell()?;
    let ssh = machines.ssh(&shell, &session.home, member)?;
    let finished = process::run(ssh.args(["--", script]), PATIENCE);
    succeeded(&finished).map(drop)
}

fn remove_from_cluster(session: &Session, peer_url: &str) -> Outcome<()> {
    let listed = listed(session)?;
    let meant = listed
        .iter()
        .find(|listed| listed.peer_urls.iter().any(|url| url == peer_url));
    match meant {
        Some(listed) => ask(session, &["member", "remove", &listed.id.to_string()]).map(drop),
        None => Ok(()),
    }
}

fn update_peer_url(session: &Session, name: &HostName) -> Outcome<()> {
    let planned = session.plan.members.iter();
    for member in planned.filter(|member| member.name == *name) {
        let peer_urls = format!("--peer-urls={}", member.peer_url());
        let id = id_in_cluster(session, member)?;
        ask(session, &["member", "update", &id, &peer_urls])?;
    }
    Ok(())
}

/// A member's ID in the cluster's member list. The ID of a member that was added later is not
/// predicted.
pub(super) fn id_in_cluster(session: &Session, member: &Member) -> Outcome<String> {
    let listed = listed(session)?;
    let listed = listed
        .iter()
        .find(|listed| listed.name == member.name.as_str());
    Ok(listed.map_or(member.id, |listed| listed.id).to_string())
}

/// The cluster's member list.
fn listed(session: &Session) -> Outcome<Vec<ListedMember>> {
    let listed = ask(session, &["member", "list", "--write-out=json"])?;
    read::members(&listed).map_err(|why| {
        let what = "the cluster's member list cannot be read";
        Failure::failed(Diagnostic::error(format!("{what}: {why}")))
    })
}

/// Tries the members in turn until one succeeds.
fn disarm_no_space(session: &Session) -> Outcome<()> {
    let plan = &session.plan;
    let mut why = "there is no member".to_owned();
    for member in &plan.members {
        match Gateway::of(plan, &session.tools, member, PATIENCE.as_secs() / 6).disarm_no_space() {
            Ok(()) => return Ok(()),
            Err(Unanswered::Refused(said) | Unanswered::Unknown(said)) => why = said,
        }
    }
    let what = "the NOSPACE alarms could not be disarmed";
    Err(Failure::failed(Diagnostic::error(format!("{what}: {why}"))))
}

/// Deleted keys stay in the history until it is compacted, and in the files until these are
/// defragmented.
fn drop_history(session: &Session) -> Outcome<()> {
    let (tools, members) = (&session.tools, &session.plan.members);
    let failed = |why: Reason| {
        let what = "the history could not be dropped";
        Failure::failed(Diagnostic::error(format!("{what}: {why}")))
    };
    let statuses = observe::statuses(members, tools, observe::PATIENCE);
    let seen = members.iter().zip(&statuses);
    let seen = seen.filter_map(|(member, look)| Some((member, look.seen()?.revision?)));
    if let Some((member, revision)) = seen.max_by_key(|(_, revision)| *revision) {
        maintenance::compact(tools, member, revision).map_err(failed)?;
    }
    // One after another, because a member does not answer meanwhile.
    for member in members {
        maintenance::defragment(tools, member).map_err(failed)?;
    }
    Ok(())
}

/// Runs etcdctl against the cluster, through any member that answers.
pub(super) fn ask(session: &Session, arguments: &[&str]) -> Outcome<String> {
    ask_at(session, urls(session), arguments)
}

/// Runs etcdctl through one of these client URLs.
pub(super) fn ask_at(session: &Session, urls: Vec<String>, arguments: &[&str]) -> Outcome<String> {
    succeeded(&etcdctl(session, urls, arguments)?)
}

fn urls(session: &Session) -> Vec<String> {
    let members = session.plan.members.iter();
    members.map(Member::client_url).collect()
}

fn etcdctl(session: &Session, urls: Vec<String>, arguments: &[&str]) -> Outcome<process::Finished> {
    let shell = process::shell()?;
    let tools = &session.tools;
    let etcdctl = client(&shell, tools)
        .envs(client_environment(tools, None))
        .arg(format!("--endpoints={}", urls.join(",")))
        .args(["--dial-timeout=5s", "--command-timeout=30s"])
        .args(arguments);
    Ok(process::run(etcdctl, PATIENCE))
}

/// The output of a program. Fails with its last words if it did not succeed.
pub(super) fn succeeded(finished: &process::Finished) -> Outcome<String> {
    if finished.success() {
        return Ok(finished.stdout.clone());
    }
    Err(Failure::failed(
        Diagnostic::error(format!("`{}` {}", finished.command, finished.ending()))
            .note(finished.last_lines(3)),
    ))
}
