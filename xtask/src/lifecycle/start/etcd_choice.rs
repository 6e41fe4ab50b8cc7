//! Chooses the etcd that the members run.

use camino::Utf8Path;

use super::without;
use crate::etcd::find::{Wanted, find};
use crate::etcd::pair;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::{Record, RecordedEtcd};
use crate::ui::Ui;
use crate::values::EtcdVersion;
use crate::workspace::Workspace;

/// Chosen binaries, and why they are not of the pinned version if they are not.
pub(super) type Chosen = (Tools, String);

/// The binaries that the cluster already runs, or else those of the pinned version.
///
/// # Errors
///
/// Fails if there is no etcd, or only one that could not read the cluster's data or would run
/// beside members of another version.
pub(super) fn choose(
    ui: Ui,
    named: Option<&Utf8Path>,
    workspace: &Workspace,
    record: Option<&Record>,
    any_runs: bool,
    plan: &Plan,
) -> Outcome<Chosen> {
    let known = record.map(|record| record.etcd_for(plan.etcd.version));
    if named.is_none()
        && let Some(tools) = recorded(ui, known)
    {
        let why = "the cluster runs it, and `apply` changes it";
        return Ok((tools, why.to_owned()));
    }
    let cache = workspace.cache();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let wanted = Wanted {
        version: known.map_or(plan.etcd.version, |known| known.version),
        named,
        ..Wanted::of(plan, &cache, &path)
    };
    let tools = find(&wanted, &ui.saying())?;
    if let Some(known) = known {
        refuse_another_minor_release(named, known.version, tools.version, plan)?;
        if any_runs {
            refuse_another_version(known.version, tools.version, plan)?;
        }
    }
    let runs_other = |known: &RecordedEtcd| any_runs && known.etcd != tools.etcd;
    let why = if known.is_some_and(runs_other) {
        format!(
            "running members keep their etcd; the one for members started now is from {}",
            tools.origin
        )
    } else {
        format!("from {}", tools.origin)
    };
    Ok((tools, why))
}

/// The etcdctl that queries machines, which bring their own etcd.
pub(super) fn client(
    ui: Ui,
    named: Option<&Utf8Path>,
    workspace: &Workspace,
    record: Option<&Record>,
    plan: &Plan,
) -> Outcome<Tools> {
    let known = if named.is_none() {
        recorded(ui, record.map(|record| &record.etcd))
    } else {
        None
    };
    let tools = match known {
        Some(tools) => tools,
        None => {
            let cache = workspace.cache();
            let path = std::env::var_os("PATH").unwrap_or_default();
            let wanted = Wanted {
                named,
                ..Wanted::of(plan, &cache, &path)
            };
            find(&wanted, &ui.saying())?
        }
    };
    Ok(tools)
}

/// Warns if the etcdctl that queries machines is of another version than their etcd.
pub(super) fn warn_of_client(ui: Ui, plan: &Plan, tools: &Tools) {
    let (version, runs) = (tools.version, plan.version());
    if version.minor_release() != runs.minor_release() {
        ui.report(&[Diagnostic::warning(format!(
            "the machines run etcd {runs}, but this host's etcdctl is {version} (from {})",
            tools.origin
        ))
        .note("what this etcdctl cannot report is shown as not checked")]);
    }
}

/// The recorded binaries, if they still run. Prints why they do not.
fn recorded(ui: Ui, known: Option<&RecordedEtcd>) -> Option<Tools> {
    let tools = known?.tools()?;
    match pair::serves(&tools) {
        Ok(()) => Some(tools),
        Err(why) => {
            ui.say(&format!("{why}: looking for another etcd"));
            None
        }
    }
}

fn refuse_another_minor_release(
    named: Option<&Utf8Path>,
    was: EtcdVersion,
    found: EtcdVersion,
    plan: &Plan,
) -> Outcome<()> {
    if was.minor_release() == found.minor_release() {
        return Ok(());
    }
    let name = &plan.name;
    let fact = match named {
        Some(folder) => {
            format!("cluster `{name}` runs etcd {was}, but `{folder}` holds {found}")
        }
        None => format!("cluster `{name}` runs etcd {was}, but only {found} is available"),
    };
    let diagnostic = Diagnostic::error(fact)
        .note("without an upgrade, another minor release could damage the data");
    let diagnostic = match named {
        Some(_) => {
            let (major, minor) = was.minor_release();
            diagnostic
                .hint(without("--etcd-dir", "XTASK_ETCD_DIR"))
                .hint(format!("or pass a folder with etcd {major}.{minor}"))
        }
        None => diagnostic.hint(format!("pass a folder with etcd {was} to `--etcd-dir`")),
    };
    Err(Failure::refused(diagnostic))
}

fn refuse_another_version(runs: EtcdVersion, found: EtcdVersion, plan: &Plan) -> Outcome<()> {
    if runs == found {
        return Ok(());
    }
    let name = &plan.name;
    Err(Failure::refused(
        Diagnostic::error(format!(
            "members of `{name}` run etcd {runs}, but only {found} is available now"
        ))
        .note("members started now would run another version than the others")
        .hint(Hint::makes_safer(
            format!("to run all members on {found}, stop them, then run this again"),
            [format!("cargo xtask down {name}")],
        )),
    ))
}

/// Announces a version that is not the pinned one.
pub(super) fn announce(ui: Ui, plan: &Plan, (tools, why): &Chosen) {
    let version = tools.version;
    if version == plan.etcd.version {
        return;
    }
    let pinned = plan.etcd.version;
    let mut warning = Diagnostic::warning(format!(
        "etcd {version} stands in for the pinned {pinned} ({why})"
    ))
    .note(
        "flags follow the running version; `cargo xtask verify` keeps warning about the stand-in",
    );
    for flag in plan.flags_unknown_to(version) {
        warning = warning.note(format!(
            "the definition's flag `{flag}` is left out, because etcd {version} does not have it"
        ));
    }
    ui.report(&[warning]);
}
