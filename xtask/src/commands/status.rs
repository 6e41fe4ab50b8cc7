//! `cargo xtask status`: each member of a cluster, as it is right now or as it goes on.

mod watch;

use std::time::Duration;

use clap::ValueEnum;

use super::{Exit, Which};
use crate::advice;
use crate::lifecycle::{drill_left, open, status};
use crate::report::{Diagnostic, Outcome};
use crate::ui::Ui;
use crate::ui::status::{json, table};
use crate::values::{ClusterName, Refused, quantity};

/// Show each member of a cluster
///
/// Its address, its process, its etcd, whether it leads, how far its log is and how large its
/// database. Looks and does not judge, and writes nothing to the cluster: `cargo xtask verify`
/// judges, by the definition.
///
/// With `--watch` it goes on until Ctrl-C, through elections, `down` and `up`, and ends by itself
/// where the cluster is destroyed. On a terminal the lines are rewritten where they stand, and tell
/// how far each member lags behind and who was elected when, as far as that was seen. Elsewhere
/// there is a line for each thing that changes, and one a minute where nothing does: each with its
/// moment, in UTC by this host's clock.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Look again every so many seconds, 1 unless given, until Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "1",
        value_parser = interval
    )]
    watch: Option<Duration>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask status five
  cargo xtask status five --watch        how it goes on, every second
  cargo xtask status --watch 10 >> log   what changes, line by line
  cargo xtask status --format json | jq -r '.members[] | select(.role == \"leader\").name'
  cargo xtask status --watch --format json | jq --unbuffered -c .last_election

Exit status:
  0    looked, whatever was seen: also where members are down, or the cluster was destroyed
       while it was watched
  4    the cluster was never started, its record cannot be read, or its etcdctl is gone or does
       not work
  130  Ctrl-C, which is how `--watch` ends

JSON: one object; with `--watch` one a line after each look. Within `format` 1, fields are added
but neither removed nor changed.
  format, cluster, driver, running_version, running (members that run), leader (name or null)
  members[]: name, endpoint, condition (running, unfinished, stopped, no-data), runs_as,
    answers, error, id, version, role (leader, follower, learner, no leader), raft_term,
    raft_index, lag (log entries behind the furthest member), database_size_bytes
  hints[]: text, commands[] (as typed, one after the other), effect (heals, makes-safer, informs)
  with `--watch` also: at (when it was looked), last_election: term, leader (name or null),
    leader_id, told_at (when a member first told of it), after (when it had not been yet; null
    where that was not seen, as of one before watching began)
IDs are strings of hexadecimal digits, as etcd prints them. Moments are seconds since 1970. What
was not seen is null.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `status`.
///
/// # Errors
/// Fails where the cluster has not been started.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.which.name)?;
    drill_left::warn(ui, &started.home);
    if let Some(every) = args.watch {
        return watch::watch(ui, started, every, args.format);
    }
    let snapshot = status::snapshot(&started)?;
    ui.print(&match args.format {
        Format::Table => table::render(&snapshot),
        Format::Json => json::render(&snapshot),
    });
    let hints = advice::of_snapshot(&snapshot);
    if let Some(why) = snapshot.unasked() {
        let warning = Diagnostic::warning(format!("health unknown: members {why}"));
        ui.report(&[hints.into_iter().fold(warning, Diagnostic::hint)]);
        return Ok(Exit::CouldNotLook);
    }
    // What a drill has left was warned of above.
    if let (Format::Table, false) = (args.format, snapshot.is_drilled) {
        hints.iter().for_each(|hint| ui.hint(hint));
    }
    Ok(Exit::Success)
}

/// The time between two looks: a number of seconds, or as the waits of other tasks are written.
fn interval(text: &str) -> Result<Duration, Refused> {
    let hint = "write seconds, as in `2` or `0.5`";
    let sensible = Duration::from_millis(100)..=Duration::from_secs(24 * 3600);
    let number = text.parse().ok();
    let interval = number
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .or_else(|| quantity::patience(text).ok());
    match interval {
        Some(interval) if sensible.contains(&interval) => Ok(interval),
        Some(_) => Err(Refused::new(
            format!("`{text}` is not between a tenth of a second and a day"),
            hint,
        )),
        None => Err(Refused::new(
            format!("`{}` is no number of seconds", text.escape_debug()),
            match text.parse::<ClusterName>() {
                Ok(name) => format!(
                    "{hint}; a cluster is named before: `cargo xtask status {name} --watch`"
                ),
                Err(_) => hint.to_owned(),
            },
        )),
    }
}
