//! `cargo xtask verify`: verifies that a running cluster matches its definition.

use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{Exit, Which};
use crate::check::{self, Check};
use crate::lifecycle::{look, open, unfinished};
use crate::report::Outcome;
use crate::ui::{self, Ui};
use crate::values::quantity;

/// Verify that a running cluster matches its definition
///
/// `verify` queries each member separately with the real etcdctl. It checks that all members answer;
/// that they are the defined members, with the predicted identity; that they follow one leader, form
/// a quorum and are connected with each other; that none lags behind or is slow; that they run the
/// pinned version with the defined flags, raise no alarm and have room in their databases; that they
/// hold the same data, and all data that was seen before; and that a value written through each
/// member is read from every other. The written values are removed again.
///
/// The check `definition` compares the definition with the cluster that was started. If its members
/// have changed since then, the other checks compare with those that run.
///
/// If members speak TLS, `verify` also checks the certificates that they serve, with openssl.
///
/// On machines, `verify` also checks that the unit is active, that each machine was set up with the
/// user-data that the definition renders to, that clocks agree with this host's clock, and that no
/// discovery service was involved. If this host cannot reach the members' addresses, etcdctl runs on
/// one of the machines.
///
/// A check that could not be made is reported as skipped, never as passed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Repeat until healthy, at most this long, as in `60s` or `2m`
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    wait: Option<Duration>,
    /// Explain a check, without querying a cluster
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

/// Clap's parser for the name of a check.
fn known_check() -> impl TypedValueParser<Value = &'static Check> {
    let names = PossibleValuesParser::new(check::all().map(|check| check.name));
    names.try_map(|name| check::named(&name).ok_or("there is no such check"))
}

/// Lists the checks one per line. Clap's own list would be too wide for the short help.
fn explain_help() -> String {
    let checks = check::all().map(|check| format!("\n- {}: {}", check.name, check.title));
    let checks: String = checks.collect();
    format!(
        "Explain a check, without querying a cluster: what it examines, why it matters, what to do\n\
         when it fails, and where etcd's documentation says more\n\nChecks:{checks}"
    )
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask verify                           check the cluster of cluster/default.toml
  cargo xtask verify five --wait 60s           wait until it is healthy
  cargo xtask verify --format json | jq .quorum
  cargo xtask verify --explain hash            explain the check `hash`

Exit status:
  0  healthy: everything was checked and no check failed; there may be warnings
  1  unhealthy: a check failed, for example because a member does not answer
  3  the definition has errors
  4  health unknown: no check failed, but something could not be checked, for example because
     etcdctl does not work; or the cluster was never started; or its record cannot be read

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, health (healthy, unhealthy, not-proven), exit_status, summary,
  pinned_version, running_version, stand_in, expected_cluster_id, leader (name or null),
  quorum: holds, voters, able (voters that answer and follow a leader), needed, may_fail
  members[]: name, endpoint, answers (false if another member answers at its address),
    expected_id, id, cluster_id, version,
    role (leader, follower, learner, no leader), raft_term, raft_index, raft_applied_index,
    revision, database_size_bytes, database_quota_bytes, keys_hash, keys_hash_revision,
    certificate_expires (only with TLS: what it serves to clients)
  certificates (only with TLS): authority_expires, client_expires (this host's own)
  checks[]: name, title, verdict (pass, not-applicable, warn, skipped, not-yet, fail),
    evidence, findings[]: members (names; empty if it concerns the whole cluster), member (the
    name if there is exactly one, else null), text, hint (null if it follows from another
    finding), commands (of the hint, in order), effect (heals, makes-safer, informs; or null)
IDs and hashes are strings of hexadecimal digits without leading zeros, as etcd prints IDs: as
numbers, they would exceed the range that JSON parsers keep exactly. Unknown values are null.

JUnit: one test case per check. Checks that are skipped or not applicable count as skipped, and
warnings as passed.";

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
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    if let Some(check) = args.explain {
        ui.print(&ui::verify::explain::render(check));
        return Ok(Exit::Success);
    }
    let session = open::session(ui, &args.which.name)?;
    unfinished::warn(ui, &session.home);
    let mut verified = look::wait(&session, args.wait.unwrap_or_default());
    if unfinished::is_drilled(&session.home) {
        // The drill may have caused the problem, so healing comes first.
        verified.report.leave_out_hints();
    }
    let (plan, report) = (&session.plan, &verified.report);
    let exit = Exit::from(report.health());
    ui.print(&match args.format {
        Format::Table => ui::verify::table::render(plan, &verified.observation, report, ui.width()),
        Format::Json => ui::verify::json::render(plan, &verified.observation, report, exit as u8),
        Format::Junit => ui::verify::junit::render(plan, report),
    });
    Ok(exit)
}
