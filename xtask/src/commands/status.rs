//! `cargo xtask status`: shows each member of a cluster, once or continuously.

mod watch;

use std::time::Duration;

use clap::ValueEnum;

use super::{Exit, Which};
use crate::advice;
use crate::lifecycle::{open, status, unfinished};
use crate::report::{Diagnostic, Outcome};
use crate::ui::Ui;
use crate::ui::status::{json, table};
use crate::values::{ClusterName, Refused, quantity};

/// Show each member of a cluster
///
/// For each member, `status` shows its address, process, etcd version, role, log position and
/// database size. It reports without judging, and writes nothing to the cluster; to check the
/// cluster against its definition, use `cargo xtask verify`.
///
/// With `--watch`, it repeats until Ctrl-C, through elections, `down` and `up`, and ends when the
/// cluster is destroyed. On a terminal, it rewrites its lines in place, and also shows how far each
/// member lags behind and the last election, if it was observed. When output is not a terminal, it
/// prints one line per change and at least one a minute, each with its time in UTC by this host's
/// clock.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Repeat every SECONDS until Ctrl-C; without a number, every second
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
  cargo xtask status five --watch        update the view every second
  cargo xtask status --watch 10 >> log   log one line per change
  cargo xtask status --format json | jq -r '.members[] | select(.role == \"leader\").name'
  cargo xtask status --watch --format json | jq --unbuffered -c .last_election

Exit status:
  0    the status was shown, even if members are down, or if the cluster was destroyed while it
       was watched
  4    the cluster was never started, its record cannot be read, or its etcdctl is gone or does
       not work
  130  Ctrl-C, which is how `--watch` ends

JSON: one object; with `--watch`, one object per line after each update. Within `format` 1, fields
are added but neither removed nor changed.
  format, cluster, driver, running_version, running (members that run), leader (name or null)
  members[]: name, endpoint, condition (running, unfinished, stopped, no-data), runs_as,
    answers, error, id, version, role (leader, follower, learner, no leader), raft_term,
    raft_index, lag (log entries behind the furthest member), database_size_bytes
  differences[] (of the definition from what runs, in words)
  hints[]: text, commands[] (as typed, in order), effect (heals, makes-safer, informs)
  with `--watch` also: at (time of this update), last_election: term, leader (name or null),
    leader_id, told_at (when a member first reported it), after (the latest time known to be before
    it; null if unknown, for example because it was before the watch began)
IDs are strings of hexadecimal digits, as etcd prints them. Times are seconds since 1970. Unknown
values are null.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `status`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let started = open::started(&args.which.name)?;
    unfinished::warn(ui, &started.home);
    if let Some(every) = args.watch {
        return watch::watch(ui, started, every, args.format);
    }
    let snapshot = status::snapshot(&started)?;
    ui.print(&match args.format {
        Format::Table => table::render(&snapshot, ui.width()),
        Format::Json => json::render(&snapshot),
    });
    let changes = match args.format {
        Format::Table if !snapshot.is_redefined => &snapshot.changes[..],
        Format::Table | Format::Json => &[],
    };
    let mut warning = advice::warn_of_changes(&args.which.name, changes);
    if let (Some(warning), true) = (&mut warning, snapshot.is_down()) {
        // It has to run first.
        warning.hints.clear();
    }
    ui.report(warning.as_slice());
    let hints = advice::of_snapshot(&snapshot);
    if let Some(why) = snapshot.unasked() {
        let warning = Diagnostic::warning(format!("health unknown: members {why}"));
        ui.report(&[hints.into_iter().fold(warning, Diagnostic::hint)]);
        return Ok(Exit::CouldNotLook);
    }
    // The warning above covers what a killed task left.
    if let (Format::Table, None) = (args.format, &snapshot.unfinished) {
        hints.iter().for_each(|hint| ui.hint(hint));
    }
    Ok(Exit::Success)
}

/// Parses the time between two updates: a number of seconds, or a duration as in other tasks.
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
            format!("`{}` is not a number of seconds", text.escape_debug()),
            match text.parse::<ClusterName>() {
                Ok(name) => format!(
                    "{hint}; a cluster's name comes first: `cargo xtask status {name} --watch`"
                ),
                Err(_) => hint.to_owned(),
            },
        )),
    }
}
