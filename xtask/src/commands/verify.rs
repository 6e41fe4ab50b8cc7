//! `cargo xtask verify`: proves that what runs is what the definition says.

use std::time::Duration;

use clap::ValueEnum;

use super::Which;
use super::cluster::Started;
use crate::check::Verdict;
use crate::driver::Running;
use crate::etcd::verify::{self, Verified};
use crate::report::{Diagnostic, Exit, Outcome};
use crate::ui;
use crate::ui::verify::{json, junit, table};
use crate::values::quantity;

/// Prove that what runs is what the definition says.
///
/// Asks every member on its own, with the real etcdctl, and judges what was seen: who answers, the
/// member list, the identity, leader and term, quorum, lag, versions, alarms, database size, data
/// hashes, and a value written through each member, read back from every other and removed again.
/// What could not be checked is said to be not checked, never passed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask verify                     look once
  cargo xtask verify five --wait 60s     look until all is well, for a minute at most
  cargo xtask verify --format json       for programs; its `format` number changes with its shape

Exit status:
  0  healthy: everything was checked and holds
  1  unhealthy: something does not hold
  4  nothing is known to be wrong, but something could not be checked")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Look again until all is well, at most for this long, and say what was last missing
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    wait: Option<Duration>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// For test reports
    Junit,
}

/// Runs `verify`.
///
/// # Errors
/// Fails where the definition has errors or the cluster has not been started.
pub fn run(args: &Args) -> Outcome<Exit> {
    let started = Started::find(&args.which.name)?;
    let Running { plan, tools } = started.running()?;
    warn_of_a_changed_definition(&started, &plan);
    let mut last_said = String::new();
    let verified = match args.wait {
        None => verify::once(&plan, &tools),
        Some(wait) => verify::until_healthy(&plan, &tools, wait, &mut |verified| {
            let missing = missing(verified);
            if missing != last_said {
                ui::say(&format!("waiting for {missing}"));
                last_said = missing;
            }
        }),
    };
    let Verified {
        observation,
        report,
    } = &verified;
    ui::print(&match args.format {
        Format::Table => table::render(&plan, observation, report),
        Format::Json => json::render(&plan, observation, report),
        Format::Junit => junit::render(&plan, report),
    });
    let exit = report.exit();
    if let (Some(wait), true) = (args.wait, exit != Exit::Success) {
        ui::say(&format!(
            "after {wait:?}, still missing: {}",
            missing(&verified)
        ));
    }
    Ok(exit)
}

/// The names of the checks that keep a cluster from being called healthy.
fn missing(verified: &Verified) -> String {
    verified
        .report
        .names(&[Verdict::Skipped, Verdict::NotYet, Verdict::Fail])
        .join(", ")
}

fn warn_of_a_changed_definition(started: &Started, plan: &crate::plan::Plan) {
    let differences = started.record.differences(plan);
    if !differences.is_empty() {
        let name = &started.name;
        let warning = Diagnostic::warning(format!(
            "`{}` has changed since `cargo xtask up {name}`",
            plan.source
        ));
        let warning = differences.into_iter().fold(warning, Diagnostic::note);
        ui::diagnostics::report(&[
            warning.hint("what follows judges the running cluster by the changed definition")
        ]);
    }
}
