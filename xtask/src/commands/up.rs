//! `cargo xtask up`: from a definition to a running cluster that is proven healthy.

use std::time::Duration;

use camino::Utf8PathBuf;

mod awaited;

use super::{Which, load};
use awaited::Awaited;

use crate::artifact::{self, Before, Mode};
use crate::check::Health;
use crate::driver::{self, Driver, Home};
use crate::etcd::tools::{self, Tools};
use crate::etcd::verify;
use crate::plan::Plan;
use crate::process;
use crate::render;
use crate::report::{Diagnostic, Exit, Failure, Outcome};
use crate::state::{Lock, Record};
use crate::steps;
use crate::ui;
use crate::ui::progress::Progress;
use crate::ui::verify::table;
use crate::values::{ClusterName, DriverName, HostName, quantity};
use crate::workspace::Workspace;

/// Start a cluster, wait for its quorum and prove it healthy.
///
/// Renders, finds an etcd of the pinned version, starts every member that is not running, waits
/// until they serve, and verifies. Run again, it changes nothing that is as it should be: a member
/// that has ended is brought back, a cluster that was stopped goes on with its data.
///
/// Where there is no etcd of the pinned version to be had, another one stands in. `up` says so, the
/// flags follow the version that runs, and `verify` goes on saying so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cargo xtask up                         the cluster of cluster/default.toml
  cargo xtask up five --timeout 2m       a larger one, on a slow machine
  cargo xtask up --etcd-dir ~/etcd/bin   with these binaries")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// What runs the members, whatever the definition says
    #[arg(long, value_name = "DRIVER")]
    driver: Option<DriverName>,
    /// A folder with `etcd` and `etcdctl` to use, whatever their version
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR")]
    etcd_dir: Option<Utf8PathBuf>,
    /// How long the members may take until they serve
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = quantity::patience)]
    timeout: Duration,
}

/// Runs `up`.
///
/// # Errors
/// Whatever keeps the cluster from running.
pub fn run(args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let workspace = Workspace::find()?;
    let definition = load::load(&workspace, name)?;
    let plan = Plan::new(&definition);
    bring_rendered_files_up_to_date(&workspace, &plan)?;

    let _lock = Lock::take(&workspace, name, &format!("up {name}"), &ui::say)?;
    let record = Record::read(&workspace, name)?;
    let (driver, why) = choose_driver(args.driver, record.as_ref(), plan.driver)?;
    let plan = driver.place(&plan);
    if let Some(record) = &record {
        refuse_a_different_cluster(record, &plan)?;
    }
    ui::say(&format!(
        "{name}: {} members by the {} driver ({why})",
        plan.members.len(),
        driver.name()
    ));

    let tools = choose_etcd(args, &workspace, record.as_ref(), &plan)?;
    let plan = plan.run_by(tools.version);
    let home = Home {
        workspace: &workspace,
        name,
    };
    let mut record = record.unwrap_or_else(|| Record::new(driver.name(), &plan, &tools));
    record.use_tools(&tools);
    record.write(&workspace, name)?;

    let names = plan.names();
    let conditions = driver.conditions(&home, &names);
    let start = steps::start(&names, &conditions, record.bootstrapped);
    if names.len() - start.lost.len() < plan.quorum() {
        return Err(lost(name, &start.lost));
    }
    driver.preflight(&plan, &start.members)?;
    let mut progress = Progress::new(&names);
    let interrupted = process::on_interrupt(format!(
        "hint: members that were started go on; `cargo xtask up {name}` continues, `cargo xtask down {name}` stops them"
    ));
    driver.start(&home, &plan, &tools, &start)?;
    let members = Awaited {
        driver,
        home,
        plan: &plan,
        start: &start,
        conditions: &conditions,
    };
    members.wait_until_all_serve(args.timeout, &mut progress, || {
        record.bootstrapped = true;
        record.write(&workspace, name)
    })?;
    drop(interrupted);
    warn_of_outdated_flags(driver, &home, &plan);
    if !start.lost.is_empty() {
        return Err(lost(name, &start.lost));
    }
    let verified = verify::until_healthy(&plan, &tools, args.timeout, &mut |_| {});
    ui::print(&table::render(
        &plan,
        &verified.observation,
        &verified.report,
    ));
    if verified.report.health() != Health::Healthy {
        return Ok(verified.report.exit());
    }
    ui::print(&format!("{name} serves at {}\n", plan.endpoints()));
    ui::say(&format!(
        "hint: use it: `eval \"$(cargo xtask env {name})\"`, then `etcdctl put greeting hello`"
    ));
    Ok(Exit::Success)
}

/// What machines boot with is rendered along, so that it never lags behind what was started.
fn bring_rendered_files_up_to_date(workspace: &Workspace, plan: &Plan) -> Outcome<()> {
    for file in render::render(plan) {
        if artifact::put(workspace, &file, Mode::Write)? != Before::Same {
            ui::say(&format!("rendered {}", file.path));
        }
    }
    Ok(())
}

/// Chooses the driver, and says why that one.
fn choose_driver(
    asked: Option<DriverName>,
    record: Option<&Record>,
    defined: Option<DriverName>,
) -> Outcome<(&'static dyn Driver, &'static str)> {
    let (name, why) = match (record.map(|record| record.driver), asked, defined) {
        (Some(running), Some(asked), _) if running != asked => {
            return Err(Failure::new(
                Exit::Usage,
                Diagnostic::error(format!("the cluster runs by the {running} driver, not by {asked}"))
                    .note("a cluster keeps its driver until it is destroyed: the other one would start a second cluster")
                    .hint("leave `--driver` out, or run `cargo xtask destroy` first"),
            ));
        }
        (Some(running), _, _) => (running, "it was started so"),
        (None, Some(asked), _) => (asked, "you asked for it"),
        (None, None, Some(defined)) => (defined, "its definition says so"),
        (None, None, None) => (DriverName::Local, "the only one so far"),
    };
    Ok((driver::named(name), why))
}

/// `up` brings a cluster up. What makes another cluster of it is for its user to decide.
fn refuse_a_different_cluster(record: &Record, plan: &Plan) -> Outcome<()> {
    let differences = record.differences(plan);
    if differences.is_empty() {
        return Ok(());
    }
    let name = &plan.name;
    let mut diagnostic = Diagnostic::error(format!(
        "`{}` now describes another cluster than the one that was started",
        plan.source
    ));
    for difference in differences {
        diagnostic = diagnostic.note(difference);
    }
    Err(Failure::new(
        Exit::Failed,
        diagnostic
            .note("members, addresses and token decide a cluster's identity, and etcd reads them only at its first start")
            .hint("to keep the cluster and its data, take the change back")
            .hint(format!("to have the new one, without the old data: `cargo xtask destroy {name}`, then `cargo xtask up {name}`")),
    ))
}

/// The binaries that the cluster runs on already, or else those that the pin asks for.
fn choose_etcd(
    args: &Args,
    workspace: &Workspace,
    record: Option<&Record>,
    plan: &Plan,
) -> Outcome<Tools> {
    let recorded = record.and_then(Record::tools);
    if args.etcd_dir.is_none()
        && let Some(tools) = recorded
    {
        if tools.version != plan.etcd.version {
            announce(
                plan,
                &tools,
                "it was started on that, and keeps it until it is destroyed",
            );
        }
        return Ok(tools);
    }
    let cache = workspace.cache();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let wanted = tools::Wanted {
        version: record.map_or(plan.etcd.version, |record| record.etcd.version),
        named: args.etcd_dir.as_deref(),
        ..tools::Wanted::of(plan, &cache, &path)
    };
    let tools = tools::find(&wanted, &ui::say)?;
    if let Some(record) = record
        && record.etcd.version.minor_release() != tools.version.minor_release()
    {
        let (was, found) = (record.etcd.version, tools.version);
        return Err(Failure::new(
            Exit::Failed,
            Diagnostic::error(format!(
                "cluster `{}` ran on etcd {was}, and only etcd {found} is to be had",
                plan.name
            ))
            .note(
                "data of one minor release is not safe in the hands of another without an upgrade",
            )
            .hint(format!(
                "name a folder with etcd {was}: `cargo xtask up {} --etcd-dir FOLDER`",
                plan.name
            )),
        ));
    }
    if tools.version != plan.etcd.version {
        announce(plan, &tools, &format!("from {}", tools.origin));
    }
    Ok(tools)
}

fn announce(plan: &Plan, tools: &Tools, why: &str) {
    ui::diagnostics::report(&[Diagnostic::warning(format!(
        "etcd {} stands in for the pinned {} ({why})",
        tools.version, plan.etcd.version
    ))
    .note("flags follow the version that runs; `cargo xtask verify` goes on saying that it is a stand-in")]);
}

/// A running member keeps the flags it was started with.
fn warn_of_outdated_flags(driver: &dyn Driver, home: &Home<'_>, plan: &Plan) {
    let mut warnings = Vec::new();
    for member in &plan.members {
        let outdated = driver.outdated_flags(home, plan, member);
        if outdated.is_empty() {
            continue;
        }
        let mut warning = Diagnostic::warning(format!(
            "`{}` runs with other flags than its definition has now",
            member.name
        ));
        for (what, flags) in [("runs with", outdated.surplus), ("lacks", outdated.missing)] {
            if !flags.is_empty() {
                warning = warning.note(format!("it {what} `{}`", flags.join(" ")));
            }
        }
        let name = &plan.name;
        warnings.push(
            warning
                .note("etcd reads its flags when it starts")
                .hint(format!("to apply the definition: `cargo xtask down {name}`, then `cargo xtask up {name}`")),
        );
    }
    ui::diagnostics::report(&warnings);
}

fn lost(name: &ClusterName, lost: &[HostName]) -> Failure {
    let diagnostics = lost.iter().map(|member| {
        Diagnostic::error(format!("`{member}` has lost its data, so it was not started"))
            .note("with an empty disk and its old identity it could vote twice, and acknowledged writes could be lost")
            .hint(format!("if the others are dispensable too: `cargo xtask destroy {name}`, then `cargo xtask up {name}`"))
            .hint(format!("if not, they go on without it: `cargo xtask verify {name}` says how many more may fail"))
    });
    Failure {
        exit: Exit::Failed,
        diagnostics: diagnostics.collect(),
    }
}
