//! Which etcd the members run on.

use camino::Utf8Path;

use crate::etcd::find::{Wanted, find};
use crate::etcd::pair;
use crate::etcd::tools::Tools;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::EtcdVersion;
use crate::workspace::Workspace;

/// The binaries that the cluster runs on already, or else those that the pin asks for. Announces
/// every version that is not the pinned one.
///
/// # Errors
/// Fails where none are to be had, or only such as could not read the cluster's data, or would run
/// beside members of another version.
pub(super) fn choose(
    ui: Ui,
    named: Option<&Utf8Path>,
    workspace: &Workspace,
    record: Option<&Record>,
    any_runs: bool,
    plan: &Plan,
) -> Outcome<Tools> {
    if named.is_none()
        && let Some(tools) = recorded(ui, record)
    {
        announce(
            ui,
            plan,
            tools.version,
            "it was started on that, and keeps it until it is destroyed",
        );
        return Ok(tools);
    }
    let cache = workspace.cache();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let wanted = Wanted {
        version: record.map_or(plan.etcd.version, |record| record.etcd.version),
        named,
        ..Wanted::of(plan, &cache, &path)
    };
    let tools = find(&wanted, &ui.saying())?;
    if let Some(record) = record {
        refuse_another_minor_release(named, record.etcd.version, tools.version, plan)?;
        if any_runs {
            refuse_another_version(record.etcd.version, tools.version, plan)?;
        }
    }
    let runs_other = |record: &Record| any_runs && record.etcd.etcd != tools.etcd;
    let why = if record.is_some_and(runs_other) {
        format!(
            "members that run keep the one that they were started on; what is started now is from {}",
            tools.origin
        )
    } else {
        format!("from {}", tools.origin)
    };
    announce(ui, plan, tools.version, &why);
    Ok(tools)
}

/// The etcdctl that asks machines, which bring their own etcd. Announces another version than theirs.
///
/// # Errors
/// Fails where none is to be had.
pub(super) fn client(
    ui: Ui,
    named: Option<&Utf8Path>,
    workspace: &Workspace,
    record: Option<&Record>,
    plan: &Plan,
) -> Outcome<Tools> {
    let known = if named.is_none() {
        recorded(ui, record)
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
    let (version, runs) = (tools.version, plan.version());
    if version.minor_release() != runs.minor_release() {
        ui.report(&[Diagnostic::warning(format!(
            "the machines run etcd {runs}, and etcdctl {version} asks them (from {})",
            tools.origin
        ))
        .note("what that etcdctl does not know of their answers is reported as not checked")]);
    }
    Ok(tools)
}

/// The binaries that the cluster runs on, as long as they do run. Says why they do not.
fn recorded(ui: Ui, record: Option<&Record>) -> Option<Tools> {
    let tools = record?.tools()?;
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
            format!("cluster `{name}` runs on etcd {was}, and `{folder}` holds {found}")
        }
        None => format!("cluster `{name}` runs on etcd {was}, and only {found} is to be had"),
    };
    let diagnostic = Diagnostic::error(fact)
        .note("data of one minor release is not safe in the hands of another without an upgrade");
    let diagnostic = match named {
        Some(_) => diagnostic.hint(format!(
            "leave `--etcd-dir` out, or name a folder with an etcd {}.{}",
            was.minor_release().0,
            was.minor_release().1
        )),
        None => diagnostic.hint(format!("name a folder with etcd {was}, by `--etcd-dir`")),
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
            "members of `{name}` run on etcd {runs}, and what is to be had now is {found}"
        ))
        .note("what is started now would run beside them on another version")
        .hint(Hint::makes_safer(
            format!("to have all members on {found}, stop them, then run this again"),
            [format!("cargo xtask down {name}")],
        )),
    ))
}

fn announce(ui: Ui, plan: &Plan, version: EtcdVersion, why: &str) {
    if version == plan.etcd.version {
        return;
    }
    let pinned = plan.etcd.version;
    let mut warning = Diagnostic::warning(format!(
        "etcd {version} stands in for the pinned {pinned} ({why})"
    ))
    .note("flags follow the version that runs; `cargo xtask verify` goes on saying that it is a stand-in");
    for flag in plan.flags_unknown_to(version) {
        warning = warning.note(format!(
            "the definition's flag `{flag}` is left out, because etcd {version} does not have it"
        ));
    }
    ui.report(&[warning]);
}
