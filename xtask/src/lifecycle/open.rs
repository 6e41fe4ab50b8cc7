//! Opens a cluster that was started.

use std::ffi::OsString;

use super::{definitions, etcdctl_location};
use crate::driver::DRIVERS;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::{Session, Started};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::{ClusterName, HostName};
use crate::wording::list_of_words;
use crate::workspace::{Home, Workspace};

/// Opens a started cluster with its definition.
pub fn session(ui: Ui, name: &ClusterName) -> Outcome<Session> {
    let workspace = Workspace::find()?;
    // The definition's errors matter more than a cluster that is not started, so it is read first.
    let plan = definitions::plan(ui, &workspace, name)?;
    let session = with_plan(ui, &workspace.home(name), &plan)?;
    ui.report(&session.driver.outdated(&session.home, &session.plan));
    Ok(session)
}

/// The same with a definition that was read already. Says nothing about it.
pub(super) fn with_plan(ui: Ui, home: &Home, plan: &Plan) -> Outcome<Session> {
    let started = started_at(home)?;
    // Another version was begun with, if this one was set back.
    let tools = match started.record.etcd_for(plan.etcd.version).tools() {
        Some(tools) => started.equipped(tools)?,
        None => started.tools()?,
    };
    let Started {
        home,
        record,
        driver,
        ..
    } = started;
    let defined = driver.run_by(&driver.place(plan), &tools);
    let plan = record.running(defined.clone());
    let tools = etcdctl_location::choose(ui, driver, &home, &plan, tools);
    Ok(Session {
        ui,
        home,
        record,
        driver,
        plan,
        defined,
        tools,
        next_tools: None,
    })
}

/// Finds a started cluster. Its definition is not needed and may be missing.
pub fn started(name: &ClusterName) -> Outcome<Started> {
    started_at(&Workspace::find()?.home(name))
}

/// The same for a cluster that need not belong to the workspace of this folder.
pub(super) fn started_at(home: &Home) -> Outcome<Started> {
    let record = Record::read(home).map_err(|failure| Failure {
        kind: FailureKind::CouldNotLook,
        ..failure
    })?;
    match record {
        Some(record) => Ok(of_record(home, record)),
        None if has_traces(home) => Err(without_record(home)),
        None => Err(not_started(home)),
    }
}

/// The cluster of this record.
pub(super) fn of_record(home: &Home, record: Record) -> Started {
    let definition = definitions::load_silently(&home.workspace, &home.name);
    let credentials = definition.and_then(|one| one.etcd.credentials.get().clone());
    Started::of(home.clone(), record, credentials)
}

/// Finds a started cluster that has this member, for a task that takes both. If it has not, says
/// which other cluster has, or is meant.
///
/// `rest`: the words after the member's name.
pub fn with_member(
    task: &str,
    cluster: &ClusterName,
    member: &HostName,
    rest: &[OsString],
) -> Outcome<Started> {
    let home = Workspace::find()?.home(cluster);
    let found = started_at(&home);
    if found.is_err() && has_traces(&home) {
        return found;
    }
    let found = found.and_then(|started| {
        started.insist_on(member)?;
        Ok(started)
    });
    found.map_err(|mut failure| {
        if let Some(first) = failure.diagnostics.first_mut()
            && let Some(hint) = elsewhere(task, cluster, member, rest)
        {
            first.hints.insert(0, hint);
        }
        failure
    })
}

/// The command for a member of another started cluster, or for a cluster's name in its place.
fn elsewhere(
    task: &str,
    cluster: &ClusterName,
    member: &HostName,
    rest: &[OsString],
) -> Option<Hint> {
    let workspace = Workspace::find().ok()?;
    let others = workspace.started().into_iter();
    let mut others = others.filter(|other| other != cluster).filter_map(|other| {
        let record = Record::read(&workspace.home(&other)).ok()??;
        Some((other, record.names()))
    });
    let is_meant = |(other, names): &(ClusterName, Vec<HostName>)| {
        names.contains(member) || other.as_str() == member.as_str()
    };
    let (other, names) = others.find(is_meant)?;
    let (fact, member) = if names.contains(member) {
        (format!("`{member}` is a member of `{other}`"), member)
    } else {
        (
            format!("`{member}` is a cluster; name a member too"),
            names.first()?,
        )
    };
    let mut command = if task == "restart" && fact.ends_with("name a member too") {
        return Some(Hint::heals(
            format!("`{other}` is a cluster; restart all its members"),
            [format!("cargo xtask restart --cluster {other}")],
        ));
    } else {
        format!("cargo xtask {task} {member} --cluster {other}")
    };
    for word in rest {
        command += " ";
        command += &quoted(&word.to_string_lossy());
    }
    Some(Hint::heals(fact, [command]))
}

/// Opens the same cluster again; `None` if it was destroyed in the meantime.
pub fn again(home: &Home) -> Outcome<Option<Started>> {
    match started(&home.name) {
        Err(_) if !has_traces(home) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether the definition now describes another cluster, which `up` would refuse to start. A
/// definition that is missing or has errors is reported by other tasks.
pub fn is_redefined(started: &Started) -> bool {
    let on_machines = started.driver.machines().is_some();
    let is_another = |plan: Plan| {
        let record = &started.record;
        record.is_redefined_by(&plan) || (on_machines && !record.stays_with(&plan))
    };
    !changes(started).is_empty() && defined(started).is_some_and(is_another)
}

/// How the definition differs from what was started, in words.
pub fn changes(started: &Started) -> Vec<String> {
    let record = &started.record;
    if record.had_data().is_empty() {
        return Vec::new();
    }
    defined(started).map_or_else(Vec::new, |plan| record.differences(&plan))
}

/// The plan of the definition, if it has no errors.
pub(super) fn defined(started: &Started) -> Option<Plan> {
    let Started { home, driver, .. } = started;
    let definition = definitions::load_silently(&home.workspace, &home.name)?;
    Some(driver.place(&Plan::new(&definition)))
}

/// Fails if the cluster has left nothing here: no record, data or process.
pub fn require_traces(home: &Home) -> Outcome<()> {
    if has_traces(home) {
        Ok(())
    } else {
        Err(not_started(home))
    }
}

/// Whether the cluster has left anything here: a record, data or a process.
pub fn has_traces(home: &Home) -> bool {
    home.has_state() || DRIVERS.iter().any(|driver| !driver.traces(home).is_empty())
}

fn without_record(home: &Home) -> Failure {
    let name = &home.name;
    Failure::could_not_look(
        Diagnostic::error(format!("cluster `{name}` has members here but no record"))
            .note(format!(
                "the record `.state/{name}/cluster.json` describes them; it is written before the first member starts"
            ))
            .hint(Hint::heals(
                "rebuild it from the members and their data",
                [format!("cargo xtask up {name}")],
            ))
            .hint(Hint::heals(
                "or remove everything",
                [format!("cargo xtask destroy {name}")],
            )),
    )
}

fn not_started(home: &Home) -> Failure {
    let Home { workspace, name } = home;
    let diagnostic = Diagnostic::error(format!("cluster `{name}` has not been started"));
    let known = definitions::exists(workspace, name);
    let diagnostic = if known {
        diagnostic.hint(Hint::heals("start it", [format!("cargo xtask up {name}")]))
    } else {
        let diagnostic = diagnostic.note(format!("there is no `cluster/{name}.toml` either"));
        definitions::hint_at_definitions(workspace, name, diagnostic)
    };
    let diagnostic = match workspace.started().as_slice() {
        [] => diagnostic,
        started => diagnostic.hint(Hint::informs(
            format!("started clusters: {}; see all", list_of_words(started)),
            ["cargo xtask list"],
        )),
    };
    Failure::could_not_look(diagnostic)
}
