//! `cargo xtask verify`: proves that what runs is what the definition says.

use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{Exit, Which};
use crate::check::{self, Check};
use crate::lifecycle::{drill_left, look, open};
use crate::report::Outcome;
use crate::ui::{self, Ui};
use crate::values::quantity;

/// Prove that what runs is what the definition says
///
/// Asks every member on its own, with the real etcdctl, and judges the answers: whether all answer,
/// are the members of the definition with the identity that follows from it, follow one leader, form
/// a quorum, are connected with each other, keep up and keep pace, run the pinned version with the
/// flags of the definition, raise no alarm, have room in their databases, hold the same data and all
/// that was seen before; and whether a value written through each is read from every other. The values
/// are removed again.
///
/// First of all, the definition is compared with the cluster that was started: where its members or its
/// token have changed since, everything else is judged by that change.
///
/// Of machines also whether the unit is active, whether they were set up with the user-data that
/// the definition renders to, whether their clocks agree with this host's, and that no discovery
/// service had a part in it. Where this host does not reach the members' addresses, etcdctl runs
/// inside of a machine.
///
/// What could not be checked is reported as skipped, never as passed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How to print it
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Look again until it is healthy or this time is over, as in `60s` or `2m`
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    wait: Option<Duration>,
    /// Say what a check means, and look at no cluster
    #[arg(
        long,
        value_name = "CHECK",
        value_parser = known_check(),
        hide_possible_values = true,
        long_help = explain_help(),
        conflicts_with_all = ["name", "format", "wait"]
    )]
    explain: Option<&'static Check>,
}

/// The name of a check, for the check.
fn known_check() -> impl TypedValueParser<Value = &'static Check> {
    let names = PossibleValuesParser::new(check::all().map(|check| check.name));
    names.try_map(|name| check::named(&name).ok_or("there is no such check"))
}

/// The checks, one a line: what clap itself would list is a line too wide for the short help.
fn explain_help() -> String {
    let checks = check::all().map(|check| format!("\n- {}: {}", check.name, check.title));
    let checks: String = checks.collect();
    format!(
        "Say what a check means, and look at no cluster: what it looks at, why it matters, what to\n\
         do when it fails, and where etcd's documentation says more\n\nChecks:{checks}"
    )
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask verify                           look at the cluster of cluster/default.toml
  cargo xtask verify five --wait 60s           wait until it is healthy
  cargo xtask verify --format json | jq .quorum
  cargo xtask verify --explain hash            learn what the check `hash` means

Exit status:
  0  healthy: everything was checked and holds; warnings do not change that
  1  unhealthy: something does not hold, such as a member that does not answer
  3  the definition has errors
  4  nothing is known to be wrong, but something could not be checked, as with an etcdctl that
     does not work; or the cluster was never started; or what is kept of it cannot be read

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, health (healthy, unhealthy, not-proven), exit_status, summary,
  pinned_version, running_version, stand_in, expected_cluster_id, leader (name or null),
  quorum: holds, voters, able (voters that answer and follow a leader), needed, may_fail
  members[]: name, endpoint, answers (itself, and not another member at its address),
    expected_id, id, cluster_id, version,
    role (leader, follower, learner, no leader), raft_term, raft_index, raft_applied_index,
    revision, database_size_bytes, database_quota_bytes, keys_hash, keys_hash_revision
  checks[]: name, title, verdict (pass, not-applicable, warn, skipped, not-yet, fail),
    evidence, findings[]: members (names; none where it concerns the whole cluster), member
    (the name where it is one, else null), text, hint (null where it follows from another),
    commands (those of the hint, in their order), effect (heals, makes-safer, informs; or null)
IDs and hashes are strings of hexadecimal digits without leading zeros, as etcd prints IDs: they
exceed the numbers that JSON readers keep exactly. What was not seen is null.

JUnit: one test case a check; skipped and not applicable ones are skipped, warnings pass.";

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
    /// For the test reports of CI systems
    Junit,
}

/// Runs `verify`.
///
/// # Errors
/// Fails where the definition has errors, the cluster was never started or its etcdctl is gone.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    if let Some(check) = args.explain {
        ui.print(&ui::verify::explain::render(check));
        return Ok(Exit::Success);
    }
    let session = open::session(ui, &args.which.name)?;
    drill_left::warn(ui, &session.home);
    let mut verified = look::wait(&session, args.wait.unwrap_or_default());
    if drill_left::is_left(&session.home) {
        // What is wrong may be the drill's doing: healing that comes first.
        verified.report.leave_out_hints();
    }
    let (plan, report) = (&session.plan, &verified.report);
    let exit = Exit::from(report.health());
    ui.print(&match args.format {
        Format::Table => ui::verify::table::render(plan, &verified.observation, report),
        Format::Json => ui::verify::json::render(plan, &verified.observation, report, exit as u8),
        Format::Junit => ui::verify::junit::render(plan, report),
    });
    Ok(exit)
}
