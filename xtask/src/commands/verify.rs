//! `cargo xtask verify`: proves that what runs is what the definition says.

use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::cluster::Started;
use super::{Which, drill, had_data, load, reach};
use crate::check::{self, Check, Health, Verdict};
use crate::driver::{Driver, Home, Running};
use crate::etcd::verify::{self, Beside, LookAtMachines, Verified};
use crate::fault::Journal;
use crate::observation::{Recorded, Unreadable};
use crate::plan::Plan;
use crate::report::{Exit, Failure, Outcome};
use crate::state::{DataSeen, Record, seen};
use crate::ui;
use crate::values::ClusterName;
use crate::values::quantity;
use crate::workspace::Workspace;

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
pub fn run(args: &Args) -> Outcome<Exit> {
    if let Some(check) = args.explain {
        ui::print(&ui::verify::explain::render(check));
        return Ok(Exit::Success);
    }
    let (started, running) = running(&args.which.name)?;
    drill::warn_of_one(&started.home());
    let wait = args.wait.unwrap_or_default();
    let mut verified = self::wait(started.driver, &started.home(), &running, wait);
    if drill::is_left(&started.home()) {
        // What is wrong may be the drill's doing: healing that comes first.
        verified.report.leave_out_hints();
    }
    let Running { plan, .. } = &running;
    let Verified {
        observation,
        report,
        ..
    } = &verified;
    ui::print(&match args.format {
        Format::Table => ui::verify::table::render(plan, observation, report),
        Format::Json => ui::verify::json::render(plan, observation, report),
        Format::Junit => ui::verify::junit::render(plan, report),
    });
    Ok(report.exit())
}

/// Looks until the cluster is healthy or the time is over, and says meanwhile what is missing.
pub(super) fn wait(
    driver: &dyn Driver,
    home: &Home<'_>,
    running: &Running,
    most: Duration,
) -> Verified {
    wait_while(&|_| true, driver, home, running, most)
}

/// The same, as long as the last look is worth another one.
pub(super) fn wait_while(
    is_wanted: &dyn Fn(&Verified) -> bool,
    driver: &dyn Driver,
    home: &Home<'_>,
    running: &Running,
    most: Duration,
) -> Verified {
    let mut said = String::new();
    let mut look = || once(driver, home, running);
    let verified = verify::until_healthy(most, &mut look, &mut |verified| {
        let missing = missing(verified);
        if missing != said {
            ui::say(&format!("waiting for {missing}"));
            said = missing;
        }
        is_wanted(verified)
    });
    if is_wanted(&verified) && !most.is_zero() && verified.report.health() != Health::Healthy {
        let missing = missing(&verified);
        ui::say(&match verified.cannot_improve() {
            Some(why) => format!("not waited for: {missing}; {why}"),
            None => format!("after {most:?}, still missing: {missing}"),
        });
    }
    verified
}

/// Looks once, also at what there is beside etcd, and takes note of what is seen. Nothing is noted of a
/// cluster that a drill has done something to: that is undone again, by putting older data back if need
/// be.
pub(super) fn once(driver: &dyn Driver, home: &Home<'_>, running: &Running) -> Verified {
    let Running { plan, tools } = running;
    let is_left_alone = || matches!(Journal::read(home), Ok(None));
    let was_left_alone = is_left_alone();
    let mut unreadable: Vec<Unreadable> = Journal::read(home).err().iter().flat_map(kept).collect();
    let names = plan.names();
    let data = DataSeen::of(home);
    if was_left_alone {
        had_data::note_on_disk(&data, driver, home, &names);
    }
    let machines = driver.machines().map(|machines| {
        let names = &names;
        move |patience| machines.look(home, plan, names, patience)
    });
    let before = seen::recall(home, plan).unwrap_or_else(|seen| {
        unreadable.push(seen);
        None
    });
    let conditions = || driver.conditions(home, &names).unwrap_or_default();
    let ended = |index: usize| driver.ended(home, names.get(index)?);
    let beside = Beside {
        machines: machines.as_ref().map(|look| look as &LookAtMachines<'_>),
        before,
        unreadable,
        conditions: match driver.machines() {
            // What they run on is looked into itself.
            Some(_) => None,
            None => Some(&conditions),
        },
        ended: Some(&ended),
        started: driver.started_with(home, &names),
        recorded: recorded(driver, home, plan),
    };
    let mut verified = verify::once(plan, tools, &beside);
    if was_left_alone && is_left_alone() {
        let statuses = verified.observation.members.iter();
        let statuses = statuses.map(|member| &member.status);
        had_data::note_answers(&data, &plan.members, statuses);
        seen::note(home, plan, &verified.observation, &data);
    } else {
        verified.is_lost = false;
    }
    verified
}

/// What is recorded of the cluster that was started. A record that cannot be read is for whoever needs it to
/// report.
fn recorded(driver: &dyn Driver, home: &Home<'_>, plan: &Plan) -> Recorded {
    let record = Record::read(home.workspace, home.name).ok().flatten();
    let record = record.as_ref();
    Recorded {
        changes: record.map_or_else(Vec::new, |record| record.differences(plan)),
        new: record.map_or_else(Vec::new, |record| record.new_members(plan)),
        had_data: had_data::known(driver, home, &plan.members),
    }
}

/// What is kept of a cluster and cannot be read, as whoever could not has put it.
fn kept(failure: &Failure) -> Vec<Unreadable> {
    let diagnostics = failure.diagnostics.iter();
    let unreadable = diagnostics.map(|diagnostic| Unreadable {
        what: diagnostic.message.clone(),
        hint: diagnostic.hints.first().cloned(),
    });
    unreadable.collect()
}

/// What keeps a cluster from being healthy, in a line.
fn missing(verified: &Verified) -> String {
    let report = &verified.report;
    let mut missing = report.names(&[Verdict::NotYet, Verdict::Fail]);
    if missing.is_empty() {
        missing = report.names(&[Verdict::Skipped]);
    }
    format!("{} ({})", missing.join(", "), report.standing)
}

/// The cluster that was started under this name, as its definition now says.
pub(super) fn running(name: &ClusterName) -> Outcome<(Started, Running)> {
    let workspace = Workspace::find()?;
    // The definition comes first: what is wrong with it matters more than that nothing runs yet.
    let plan = Plan::new(&load::load(&workspace, name)?);
    let started = Started::find(name)?;
    let tools = started.tools()?;
    let plan = started.driver.run_by(&started.driver.place(&plan), &tools);
    ui::diagnostics::report(&started.driver.outdated(&started.home(), &plan));
    let tools = reach::etcdctl(started.driver, &started.home(), &plan, tools);
    Ok((started, Running { plan, tools }))
}
