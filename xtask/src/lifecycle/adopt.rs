//! Adopts a running cluster: rebuilds its record from what its members say.

use camino::Utf8PathBuf;

use super::start::{self, StartRequest};
use crate::driver::{DRIVERS, Driver};
use crate::etcd::observe;
use crate::hint::Hint;
use crate::observation::{ListedMember, Look, Observation};
use crate::plan::identity::EtcdId;
use crate::plan::{Member, Plan};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::state::{Lock, Record};
use crate::ui::Ui;
use crate::values::HostName;
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
}

/// Records a running cluster whose members are those of its definition.
///
/// # Errors
///
/// Refuses a cluster with other members, and one that the record does not mean.
pub fn adopt(ui: Ui, request: &StartRequest<'_>) -> Outcome<Adopted> {
    let name = request.name;
    let home = Workspace::find()?.home(name);
    let defined = start::defined(ui, &home)?;
    let _lock = Lock::take(&home, &format!("adopt {name}"), &ui.saying())?;
    let before = Record::read(&home)?;
    let mut request = *request;
    let running = match before {
        None => what_runs(&home),
        Some(_) => None,
    };
    if let Some((driver, folder)) = &running {
        request.driver = request.driver.or(Some(driver.name()));
        request.etcd_dir = request.etcd_dir.or(folder.as_deref());
    }
    let session = start::as_defined(ui, &request, home, &defined)?;
    let observation = observe::observe(&session.plan, &session.tools, observe::PATIENCE);
    let (cluster_id, listed) = agreed(&session, &observation)?;
    if let Some(before) = &before
        && before.cluster_id() != cluster_id
    {
        return Err(another_cluster(&session.home, before, cluster_id));
    }
    let ids = as_defined(&session.plan, listed)
        .map_err(|differences| other_members(&session, differences))?;
    let mut record = Record::new(session.driver.name(), &session.plan, &session.tools);
    let is_predicted = record.cluster_id() == cluster_id;
    if !is_predicted {
        record.is_of_cluster(cluster_id);
    }
    if let Some(before) = &before {
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
    let is_unchanged = before.as_ref() == Some(&record);
    if !is_unchanged {
        record.write(&session.home)?;
    }
    Ok(Adopted {
        cluster_id,
        is_predicted,
        added,
        is_unchanged,
    })
}

/// The driver whose members left traces here, and the folder of the etcd that they run, if they are
/// processes.
fn what_runs(home: &Home) -> Option<(&'static dyn Driver, Option<Utf8PathBuf>)> {
    let mut drivers = DRIVERS.iter().map(|driver| (driver, driver.traces(home)));
    let (driver, traces) = drivers.find(|(_, traces)| !traces.is_empty())?;
    let started = driver.started_with(home, &traces);
    let programs = started.iter().filter_map(|one| one.seen()?.program.clone());
    let folders =
        programs.filter_map(|program| Some(Utf8PathBuf::from(program).parent()?.to_owned()));
    let mut usable = folders.filter(|folder| folder.join("etcdctl").is_file());
    Some((*driver, usable.next()))
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
    let list = members.iter().find_map(|one| one.members.seen());
    match (clusters.as_slice(), list) {
        (&[cluster], Some(list)) => Ok((cluster, list)),
        (&[_], None) => Err(not_agreed(
            session,
            observation,
            "no member lists the others",
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
    let is = |entry: &ListedMember, member: &Member| {
        entry.name == member.name.as_str() && entry.peer_urls == [member.peer_url()]
    };
    let mut differences = Vec::new();
    let mut ids = Vec::new();
    for member in &plan.members {
        match listed.iter().find(|entry| is(entry, member)) {
            Some(entry) => ids.push(entry.id),
            None => {
                let url = member.peer_url();
                differences.push(format!("`{}` at {url} is defined, not listed", member.name));
            }
        }
    }
    let is_defined = |entry: &&ListedMember| plan.members.iter().any(|one| is(entry, one));
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
