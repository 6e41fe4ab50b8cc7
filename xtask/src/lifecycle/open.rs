//! Opening a cluster that was started.

use super::{definitions, etcdctl_location};
use crate::driver::DRIVERS;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::session::{Session, Started};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::ClusterName;
use crate::workspace::{Home, Workspace};

/// Opens a started cluster by its definition.
///
/// # Errors
/// Fails where the definition has errors, the cluster was never started or its binaries are gone.
pub fn session(ui: Ui, name: &ClusterName) -> Outcome<Session> {
    let workspace = Workspace::find()?;
    // The definition comes first: what is wrong with it matters more than that nothing runs yet.
    let plan = definitions::plan(ui, &workspace, name)?;
    let started = started(name)?;
    let tools = started.tools()?;
    let Started {
        home,
        record,
        driver,
    } = started;
    let plan = driver.run_by(&driver.place(&plan), &tools);
    ui.report(&driver.outdated(&home, &plan));
    let tools = etcdctl_location::choose(ui, driver, &home, &plan, tools);
    Ok(Session {
        ui,
        home,
        record,
        driver,
        plan,
        tools,
    })
}

/// Finds a started cluster. The definition is not needed for this and may be gone.
///
/// # Errors
/// Fails where it was never started, or where its record cannot be read.
pub fn started(name: &ClusterName) -> Outcome<Started> {
    let home = Workspace::find()?.home(name);
    let record = Record::read(&home).map_err(|failure| Failure {
        kind: FailureKind::CouldNotLook,
        ..failure
    })?;
    match record {
        Some(record) => Ok(Started::of(home, record)),
        None if has_traces(&home) => Err(without_record(name)),
        None => Err(not_started(&home)),
    }
}

/// The same cluster as it is by now; none where it has been destroyed since.
///
/// # Errors
/// As [`started`].
pub fn again(home: &Home) -> Outcome<Option<Started>> {
    match started(&home.name) {
        Err(_) if !has_traces(home) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether the definition now describes another cluster, and `up` refuses to start this one. It may be gone or
/// have errors: then other tasks say so.
pub fn is_redefined(started: &Started) -> bool {
    let Started {
        home,
        record,
        driver,
    } = started;
    let definition = definitions::load_silently(&home.workspace, &home.name);
    let plan = definition.map(|definition| driver.place(&Plan::new(&definition)));
    let differs = plan.is_some_and(|plan| !record.differences(&plan).is_empty());
    differs && !record.had_data().is_empty()
}

/// Insists that the cluster has left anything here: a record, data, a process.
///
/// # Errors
/// Fails where it has not.
pub fn insist_on_traces(home: &Home) -> Outcome<()> {
    if has_traces(home) {
        Ok(())
    } else {
        Err(not_started(home))
    }
}

/// Whether the cluster has left anything here.
pub fn has_traces(home: &Home) -> bool {
    let folder = home.folder();
    folder.exists() || DRIVERS.iter().any(|driver| !driver.traces(home).is_empty())
}

fn without_record(name: &ClusterName) -> Failure {
    Failure::could_not_look(Diagnostic::error(format!("cluster `{name}` has left its members here and no record"))
            .note(format!("the record `.state/{name}/cluster.json` says what they are; it is written before the first of them starts"))
            .hint(Hint::heals("make it anew", [format!("cargo xtask down {name}"), format!("cargo xtask up {name}")]))
            .hint(Hint::heals("or remove all of it", [format!("cargo xtask destroy {name}")])),
    )
}

fn not_started(home: &Home) -> Failure {
    let Home { workspace, name } = home;
    let diagnostic = Diagnostic::error(format!("cluster `{name}` has not been started"));
    let known = workspace.cluster().join(format!("{name}.toml")).is_file();
    Failure::could_not_look(if known {
        diagnostic.hint(Hint::heals("start it", [format!("cargo xtask up {name}")]))
    } else {
        let diagnostic = diagnostic.note(format!("there is no `cluster/{name}.toml` either"));
        definitions::hint_at_definitions(workspace, name, diagnostic)
    })
}
