//! What `up` goes on from: the record of the cluster and what its members left.

use crate::driver::Driver;
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::{ClusterName, HostName};
use crate::workspace::Home;

/// The record to go on from; none where the cluster begins, or where its record has to be made anew.
///
/// # Errors
/// Refuses where going on would make another cluster of what is there. That is for its user to
/// decide.
pub(super) fn continued(
    ui: Ui,
    record: Option<Record>,
    driver: &dyn Driver,
    home: &Home,
    plan: &Plan,
) -> Outcome<Option<Record>> {
    match record {
        None => adopt(ui, driver, home, plan).map(|()| None),
        Some(record) if is_without_effect(&record, driver, home)? => Ok(None),
        Some(record) => refuse_a_different_cluster(&record, plan).map(|()| Some(record)),
    }
}

/// Whether nothing has come of a record: an `up` wrote it and then met an obstacle. The definition
/// may have been changed because of that.
fn is_without_effect(record: &Record, driver: &dyn Driver, home: &Home) -> Outcome<bool> {
    if !record.had_data().is_empty() {
        return Ok(false);
    }
    let conditions = driver.conditions(home, &record.names())?;
    Ok(conditions
        .iter()
        .all(|condition| *condition == Condition::Absent))
}

/// Without a record, data is gone on from only where it is whole and at rest.
fn adopt(ui: Ui, driver: &dyn Driver, home: &Home, plan: &Plan) -> Outcome<()> {
    let traces = driver.traces(home);
    let conditions = driver.conditions(home, &traces)?;
    let members = |wanted: fn(&Condition) -> bool| -> Vec<&HostName> {
        let both = traces.iter().zip(&conditions);
        both.filter(|(_, condition)| wanted(condition))
            .map(|(member, _)| member)
            .collect()
    };
    let running = members(Condition::is_running);
    let stopped = members(|condition| *condition == Condition::Stopped);
    let name = &home.name;
    if !running.is_empty() {
        return Err(without_record(
            name,
            &format!("members of `{name}` run, and there is no record of them"),
            Hint::heals(
                "stop them, then start them again",
                [
                    format!("cargo xtask down {name}"),
                    format!("cargo xtask up {name}"),
                ],
            ),
        ));
    }
    if stopped.is_empty() {
        return Ok(());
    }
    let names = plan.names();
    let is_whole = names.len() == stopped.len() && names.iter().all(|name| stopped.contains(&name));
    if !is_whole {
        let stopped: Vec<String> = stopped.iter().map(|name| format!("`{name}`")).collect();
        return Err(without_record(
            name,
            &format!(
                "there is data of {}, which are not the members of `{}`, and no record of them",
                stopped.join(", "),
                plan.source
            ),
            "restore the record, or the definition that they were started from",
        ));
    }
    ui.report(&[Diagnostic::warning(format!(
        "the record of `{name}` is gone; its members go on with the data that is there"
    ))
    .note(
        "`up` cannot tell which version of etcd wrote it; etcd itself refuses what it cannot read",
    )]);
    Ok(())
}

fn without_record(name: &ClusterName, fact: &str, hint: impl Into<Hint>) -> Failure {
    Failure::refused(Diagnostic::error(fact)
            .note(format!("the record `.state/{name}/cluster.json` says which etcd they run on and what they bootstrapped with"))
            .hint(hint),
    )
}

fn refuse_a_different_cluster(record: &Record, plan: &Plan) -> Outcome<()> {
    let differences = record.differences(plan);
    if differences.is_empty() {
        return Ok(());
    }
    let name = &plan.name;
    let diagnostic = Diagnostic::error(format!(
        "`{}` now describes another cluster than the one that was started",
        plan.source
    ));
    Err(Failure::refused(differences
            .into_iter()
            .fold(diagnostic, Diagnostic::note)
            .note("members, addresses and token decide a cluster's identity, and etcd reads them only at its first start")
            .note("no task applies such a change to a running cluster yet")
            .hint("to keep the cluster and its data, take the change back")
            .hint(Hint::heals("or give up the old data to have the new cluster", [format!("cargo xtask destroy {name}"), format!("cargo xtask up {name}")])),
    ))
}
