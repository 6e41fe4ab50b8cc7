//! Decides what `up` resumes from: the record of the cluster and what its members left.

use super::StartRequest;
use crate::advice;
use crate::driver::Driver;
use crate::hint::Hint;
use crate::lifecycle::adopt;
use crate::observation::Condition;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::HostName;
use crate::wording::list_of_words;
use crate::workspace::Home;

/// The record to resume from; `None` for a new cluster or a record that has to be rebuilt.
///
/// # Errors
///
/// Refuses if resuming would turn the cluster into another one. Only the user can decide that.
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
        Some(record) => {
            // The rendered files decide which machines there are.
            let is_elsewhere = driver.machines().is_some() && !record.stays_with(plan);
            if is_elsewhere || record.is_redefined_by(plan) {
                refuse_a_different_cluster(&record, plan)?;
            }
            ui.report(advice::warn_of_changes(&home.name, &record.differences(plan)).as_slice());
            Ok(Some(record))
        }
    }
}

/// The same for a cluster whose data is about to be replaced: data without a record does no harm, and
/// the members may get a new identity.
pub(super) fn replaced(
    _ui: Ui,
    record: Option<Record>,
    driver: &dyn Driver,
    home: &Home,
    plan: &Plan,
) -> Outcome<Option<Record>> {
    match record {
        None => Ok(None),
        Some(record) if is_without_effect(&record, driver, home)? => Ok(None),
        Some(record) => {
            let mut same = plan.clone();
            same.etcd.token = record.token.clone();
            // Local members of an earlier definition are stopped as well, and other members make another cluster.
            if driver.machines().is_some() {
                refuse_a_different_cluster(&record, &same)?;
            }
            Ok(Some(record))
        }
    }
}

/// Whether a record had no effect: an `up` wrote it and then failed. The definition may have been
/// changed because of that failure.
fn is_without_effect(record: &Record, driver: &dyn Driver, home: &Home) -> Outcome<bool> {
    if !record.had_data().is_empty() {
        return Ok(false);
    }
    let conditions = driver.conditions(home, &record.names())?;
    Ok(conditions
        .iter()
        .all(|condition| *condition == Condition::Absent))
}

/// Accepts data without a record only if it is that of defined members, and of a quorum.
fn adopt(ui: Ui, driver: &dyn Driver, home: &Home, plan: &Plan) -> Outcome<()> {
    let traces = driver.traces(home);
    let conditions = driver.conditions(home, &traces)?;
    let members = |wanted: fn(&Condition) -> bool| -> Vec<&HostName> {
        let both = traces.iter().zip(&conditions);
        both.filter(|(_, condition)| wanted(condition))
            .map(|(member, _)| member)
            .collect()
    };
    let stopped = members(|condition| *condition == Condition::Stopped);
    let name = &home.name;
    if stopped.is_empty() {
        return Ok(());
    }
    let names = plan.names();
    // A member without data was not added yet, or has lost it.
    let fits = stopped.iter().all(|name| names.contains(name)) && stopped.len() >= plan.quorum();
    if !fits {
        return Err(Failure::refused(
            Diagnostic::error(format!(
                "the data of {} does not fit the members of `{}`, and there is no record",
                list_of_words(stopped),
                plan.source
            ))
            .note(format!("the record `.state/{name}/cluster.json` says which etcd they run and how they were bootstrapped"))
            .hint("restore the record, or the definition that they were started from"),
        ));
    }
    ui.report(&[Diagnostic::warning(format!(
        "the record of `{name}` is gone; its members continue with the data that is there"
    ))
    .note(
        "`up` cannot tell which version of etcd wrote it; etcd itself refuses data that it cannot read",
    )]);
    Ok(())
}

/// Records what runs here without a record: the members know their IDs, and which etcd they run.
pub(super) fn record_what_runs(
    ui: Ui,
    request: &StartRequest<'_>,
    home: &Home,
    defined: &Plan,
) -> Outcome<()> {
    if Record::is_there(home) || !adopt::runs_here(home)? {
        return Ok(());
    }
    let name = &home.name;
    let rebuilt = adopt::adopt_locked(ui, request, home.clone(), defined);
    rebuilt.map_err(|mut failure| {
        if let Some(last) = failure.diagnostics.last_mut() {
            last.hints.push(Hint::heals(
                "or start them again from their data",
                [
                    format!("cargo xtask down {name}"),
                    format!("cargo xtask up {name}"),
                ],
            ));
        }
        Failure {
            kind: FailureKind::Refused,
            ..failure
        }
    })?;
    ui.report(&[Diagnostic::warning(format!(
        "the record of `{name}` was gone; it is rebuilt from what its members say"
    ))]);
    Ok(())
}

pub(in crate::lifecycle) fn refuse_a_different_cluster(
    record: &Record,
    plan: &Plan,
) -> Outcome<()> {
    let differences = record.differences(plan);
    if differences.is_empty() {
        return Ok(());
    }
    let name = &plan.name;
    let diagnostic = Diagnostic::error(format!(
        "`{}` no longer describes the cluster that was started",
        plan.source
    ));
    let diagnostic = differences.into_iter().fold(diagnostic, Diagnostic::note);
    let diagnostic = if record.is_redefined_by(plan) {
        diagnostic.note("another token, generation or `tls` makes another cluster")
    } else {
        diagnostic
    };
    let diagnostic = diagnostic.hint("to keep the cluster and its data, revert the change");
    // No step makes another cluster of it.
    let diagnostic = if record.is_redefined_by(plan) {
        diagnostic.hint(Hint::makes_safer(
            "or take a backup, and restore it into the new cluster",
            [format!("cargo xtask backup {name} --prove")],
        ))
    } else {
        diagnostic.hint(advice::see_changes(name))
    };
    Err(Failure::refused(diagnostic.hint(Hint::heals(
        "or delete the old data and start the new cluster",
        [
            format!("cargo xtask destroy {name}"),
            format!("cargo xtask up {name}"),
        ],
    ))))
}
