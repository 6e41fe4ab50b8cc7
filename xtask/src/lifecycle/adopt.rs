//! Adopts a running cluster: rebuilds its record from what its members say.

use camino::Utf8PathBuf;

use super::start::{self, StartRequest};
use crate::driver::{DRIVERS, Driver};
use crate::etcd::tools::ToolsOrigin;
use crate::etcd::{observe, pair};
use crate::hint::Hint;
use crate::observation::{Condition, ListedMember, Look, MemberObservation, Observation};
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::{Lock, Record};
use crate::ui::Ui;
use crate::values::{EtcdVersion, HostName, Ports, Scheme};
use crate::wording::list;
use crate::workspace::{Home, Workspace};

/// What was recorded.
pub struct Adopted {
    /// The cluster's ID.
    pub cluster_id: EtcdId,
    /// Whether it is the one that a bootstrap of the defined members would have.
    pub is_predicted: bool,
    /// The members that were added after the bootstrap, with their IDs.
    pub added: Vec<(HostName, EtcdId)>,
    /// Whether the record was as it is now.
    pub is_unchanged: bool,
    /// How the definition differs from what runs.
    pub differences: Vec<String>,
}

/// Records a running cluster whose members are those of its definition.
///
/// # Errors
///
/// Refuses a cluster with other members, unless it runs here and its record is lost, and one that the record does not
/// mean.
pub fn adopt(ui: Ui, request: &StartRequest<'_>) -> Outcome<Adopted> {
    let name = request.name;
    let home = Workspace::find()?.home(name);
    let defined = start::defined(ui, &home)?;
    let _lock = Lock::take(&home, &format!("adopt {name}"), &ui.saying())?;
    adopt_locked(ui, request, home, &defined)
}

/// The same for a task that holds the cluster's lock.
pub(super) fn adopt_locked(
    ui: Ui,
    request: &StartRequest<'_>,
    home: Home,
    defined: &Plan,
) -> Outcome<Adopted> {
    let before = Record::read(&home)?;
    let mut request = *request;
    let running = match before {
        None => what_runs(&home, defined.etcd.version),
        Some(_) => None,
    };
    if let Some((driver, folder)) = &running {
        request.driver = request.driver.or(Some(driver.name()));
        request.etcd_dir = request.etcd_dir.or(folder.as_deref());
    }
    let session = start::as_defined(ui, &request, home, defined)?;
    let (record, adopted) = seen(&session, before.as_ref(), running.is_some())?;
    if !adopted.is_unchanged {
        record.write(&session.home)?;
    }
    Ok(adopted)
}

/// Records the IDs of members that were started from data without a record, once they serve. If they do not say who they
/// are, the next task does so.
pub(super) fn confirm_ids(session: &mut Session) -> Outcome<()> {
    let before = session.record.clone();
    if before.ids_are_guessed
        && let Ok((record, _)) = seen(session, Some(&before), true)
    {
        record.write(&session.home)?;
        session.plan = record.running(session.plan.clone());
        session.record = record;
    }
    Ok(())
}

/// The record of what runs. `runs_here`: whether its members are those of this checkout.
fn seen(session: &Session, before: Option<&Record>, runs_here: bool) -> Outcome<(Record, Adopted)> {
    let observation = observe::observe(&session.plan, &session.tools, observe::PATIENCE);
    let (cluster_id, listed) = agreed(session, &observation)?;
    let known = before.filter(|before| !before.ids_are_guessed);
    if let Some(known) = known
        && known.cluster_id() != cluster_id
    {
        return Err(another_cluster(&session.home, known, cluster_id));
    }
    let mut record = Record::new(session.driver.name(), &session.plan, &session.tools);
    let ids = match as_defined(&session.plan, listed) {
        Ok(ids) => ids,
        // Its members run here, so an edit was not applied, or only half.
        Err(_) if known.is_none() && runs_here && is_partly_defined(session, listed) => {
            record.is_of_cluster(cluster_id);
            let (joined, in_transit) = as_listed(&session.plan, listed);
            record.settle(&joined, &in_transit);
            let adopted = Adopted {
                cluster_id,
                is_predicted: session.plan.predicted_cluster_id() == cluster_id,
                added: added(&session.plan, &joined),
                is_unchanged: false,
                differences: record.differences(&session.plan),
            };
            return Ok((record, adopted));
        }
        Err(differences) => return Err(other_members(session, differences)),
    };
    let is_predicted = record.cluster_id() == cluster_id;
    if !is_predicted {
        record.is_of_cluster(cluster_id);
    }
    if let Some(before) = before {
        record.leave_out(&before.left_out());
    }
    let mut added = Vec::new();
    for (member, id) in session.plan.members.iter().zip(ids) {
        record.saw_data_of(&member.name);
        if member.id != id {
            record.added(&member.name, id);
            added.push((member.name.clone(), id));
        }
    }
    let adopted = Adopted {
        cluster_id,
        is_predicted,
        added,
        is_unchanged: before == Some(&record),
        differences: Vec::new(),
    };
    Ok((record, adopted))
}

/// Whether a defined member is listed as it is defined.
fn is_partly_defined(session: &Session, listed: &[ListedMember]) -> bool {
    let mut listed = listed.iter();
    listed.any(|entry| session.plan.members.iter().any(|one| is_it(entry, one)))
}

/// The members that the cluster lists: those that have joined, and those that are being added.
fn as_listed(plan: &Plan, listed: &[ListedMember]) -> (Vec<Member>, Vec<Member>) {
    let socket = |url: &String| Scheme::split(url);
    let member = |entry: &ListedMember| {
        let (scheme, peers) = entry.peer_urls.first().and_then(socket)?;
        let clients = entry.client_urls.first().and_then(socket);
        let named = entry.name.parse().ok();
        let mut defined = plan.members.iter();
        let defined = defined.find(|one| entry.peer_urls == [one.peer_url()]);
        Some(Member {
            name: named.or_else(|| defined.map(|one| one.name.clone()))?,
            address: *peers.ip(),
            ports: Ports {
                client: clients.map_or(plan.ports().client, |(_, clients)| clients.port()),
                peer: peers.port(),
            },
            scheme,
            id: entry.id,
        })
    };
    let has_joined = |entry: &&ListedMember| !entry.is_learner && !entry.name.is_empty();
    let (joined, others): (Vec<_>, Vec<_>) = listed.iter().partition(has_joined);
    let members = |all: Vec<&ListedMember>| all.into_iter().filter_map(member).collect();
    (members(joined), members(others))
}

/// The members that were not there at the bootstrap, with their IDs.
fn added(plan: &Plan, joined: &[Member]) -> Vec<(HostName, EtcdId)> {
    let added = joined.iter().filter(|member| !plan.is_predicted(member));
    added
        .map(|member| (member.name.clone(), member.id))
        .collect()
}

/// Whether members run here.
pub(super) fn runs_here(home: &Home) -> Outcome<bool> {
    for driver in DRIVERS {
        let conditions = driver.conditions(home, &driver.traces(home))?;
        if conditions.iter().any(Condition::is_running) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The driver whose members left traces here, and the folder of the etcd that they run, if they are
/// processes: preferably of the wanted version.
fn what_runs(
    home: &Home,
    wanted: EtcdVersion,
) -> Option<(&'static dyn Driver, Option<Utf8PathBuf>)> {
    let mut drivers = DRIVERS.iter().map(|driver| (driver, driver.traces(home)));
    let (driver, traces) = drivers.find(|(_, traces)| !traces.is_empty())?;
    let started = driver.started_with(home, &traces);
    let programs = started.iter().filter_map(|one| one.seen()?.program.clone());
    let folders =
        programs.filter_map(|program| Some(Utf8PathBuf::from(program).parent()?.to_owned()));
    let mut folders: Vec<Utf8PathBuf> = folders.collect();
    folders.sort();
    folders.dedup();
    // In the middle of a change of the version, the members run two: whatever starts one uses the new one.
    let usable = folders.into_iter().filter_map(|folder| {
        let tools = pair::in_folder(&folder, ToolsOrigin::Named).ok()?;
        Some((tools.version == wanted, tools.version, folder))
    });
    Some((*driver, usable.max().map(|(.., folder)| folder)))
}

/// The ID of the cluster that all answering members belong to, and its list of members.
fn agreed<'a>(
    session: &Session,
    observation: &'a Observation,
) -> Outcome<(EtcdId, &'a [ListedMember])> {
    let members = &observation.members;
    let answers = members
        .iter()
        .filter_map(|one| Some((one, one.status.seen()?)));
    let mut clusters: Vec<EtcdId> = answers.map(|(_, status)| status.cluster_id).collect();
    clusters.dedup();
    // Without a leader, etcd 3.4 lists what it last heard of.
    let has_leader = |one: &&MemberObservation| {
        let status = one.status.seen();
        status.is_some_and(|status| status.leader.is_some())
    };
    let mut led = members.iter().filter(has_leader);
    let list = led.find_map(|one| one.members.seen());
    match (clusters.as_slice(), list) {
        (&[cluster], Some(list)) => Ok((cluster, list)),
        (&[_], None) => Err(not_agreed(
            session,
            observation,
            "no member has a leader and lists the others",
        )),
        ([], _) => Err(not_agreed(session, observation, "no member answers")),
        (_, _) => Err(not_agreed(
            session,
            observation,
            "the members belong to different clusters",
        )),
    }
}

fn not_agreed(session: &Session, observation: &Observation, fact: &str) -> Failure {
    let name = &session.home.name;
    let diagnostic = Diagnostic::error(format!("`{name}` cannot be adopted: {fact}"));
    let members = observation.members.iter();
    let diagnostic = members.fold(diagnostic, |diagnostic, one| {
        let (member, at) = (&one.name, &one.endpoint);
        match &one.status {
            Look::Seen(status) => {
                diagnostic.note(format!("{member} is of cluster {}", status.cluster_id))
            }
            Look::Failed(why) | Look::NotAsked(why) => {
                diagnostic.note(format!("{member} at {at}: {why}"))
            }
        }
    });
    Failure::could_not_look(diagnostic.note("a cluster is adopted while it runs and has a quorum"))
}

/// The IDs of the defined members, in their order.
///
/// # Errors
///
/// The differences between the list and the definition.
fn as_defined(plan: &Plan, listed: &[ListedMember]) -> Result<Vec<EtcdId>, Vec<String>> {
    let mut differences = Vec::new();
    let mut ids = Vec::new();
    for member in &plan.members {
        match listed.iter().find(|entry| is_it(entry, member)) {
            Some(entry) => ids.push(entry.id),
            None => {
                let url = member.peer_url();
                differences.push(format!("`{}` at {url} is defined, not listed", member.name));
            }
        }
    }
    let is_defined = |entry: &&ListedMember| plan.members.iter().any(|one| is_it(entry, one));
    for entry in listed.iter().filter(|entry| !is_defined(entry)) {
        let (name, urls) = (entry.name.escape_debug(), list(&entry.peer_urls));
        differences.push(format!("`{name}` at {urls} is listed, not defined"));
    }
    if differences.is_empty() {
        Ok(ids)
    } else {
        Err(differences)
    }
}

fn is_it(entry: &ListedMember, member: &Member) -> bool {
    entry.name == member.name.as_str() && entry.peer_urls == [member.peer_url()]
}

fn other_members(session: &Session, differences: Vec<String>) -> Failure {
    let plan = &session.plan;
    let diagnostic = Diagnostic::error(format!(
        "the members of the running cluster are not those of `{}`",
        plan.source
    ));
    let diagnostic = differences.into_iter().fold(diagnostic, Diagnostic::note);
    Failure::refused(diagnostic.hint("change the definition to match the cluster"))
}

fn another_cluster(home: &Home, before: &Record, running: EtcdId) -> Failure {
    let (name, recorded) = (&home.name, before.cluster_id());
    Failure::refused(
        Diagnostic::error(format!(
            "cluster {running} runs, but {recorded} is recorded for `{name}`"
        ))
        .note("a record is rebuilt only for the cluster that it means")
        .hint(Hint::informs(
            "find out what answers there",
            [format!("cargo xtask verify {name}")],
        )),
    )
}
