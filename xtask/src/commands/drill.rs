//! `cargo xtask drill`: rehearses outages.

mod experiment;
mod request;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{ValueEnum, value_parser};

use super::cluster::Started;
use super::verify;
use crate::atomic;
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::driver::{Home, Running};
use crate::etcd::pair;
use crate::etcd::tools::Origin;
use crate::fault::{Cluster, Cost, FAULTS, Fault, Journal, Means};
use crate::hint::Hint;
use crate::process::{self, PutOff};
use crate::report::{Diagnostic, Exit, Failure, Outcome, Severity};
use crate::state::Lock;
use crate::ui;
use crate::values::{ClusterName, quantity};
use experiment::Experiment;
use request::Request;

/// Rehearse an outage, and prove that nothing acknowledged was lost
///
/// Sends clients to work on a running cluster, through every member; brings a fault about; has `verify`
/// find it and name the right member; heals it; waits until the cluster is healthy again; and reads
/// everything back. It passes where no acknowledged write is lost, reads and writes were
/// linearizable, `verify` reported what was expected and nothing else, and all is well afterwards.
///
/// FAULT is the name of a fault, several of them, or `all`: those that are possible here and cost
/// nothing but the outage. Without one, the faults are listed. The first word is the cluster's NAME,
/// unless it is the name of a fault or `all`: then the cluster is `default`.
///
/// A drill begins with a healthy cluster and leaves one. Interrupted, it heals first; what a killed one
/// has left is healed by the next `up`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = format!("{EXAMPLES}\n{}", ui::drill::json::HELP))]
pub struct Args {
    /// The cluster [default: default], then what is to happen
    #[arg(value_name = "NAME] [FAULT…")]
    words: Vec<String>,
    /// Also faults that cost others' writes or older revisions
    #[arg(long)]
    yes: bool,
    /// How long a fault lasts at least, as in `3s` or `1m`
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience, default_value = "3s")]
    hold: Duration,
    /// How many requests per second the clients send at most
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = value_parser!(u32).range(10..=10_000))]
    rate: u32,
    /// A folder with the etcd of another version, for faults that take one
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    other_etcd: Option<Utf8PathBuf>,
    /// How to print it
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Where to write the report, a page [default: .state/NAME/drill.html]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    report: Option<Utf8PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask drill                            the faults there are
  cargo xtask drill leader-killed              on the cluster of cluster/default.toml
  cargo xtask drill five quorum-lost member-paused --hold 10s
  cargo xtask drill all --format json | jq '.drills[] | {fault, passed}'

Exit status:
  0    all drills passed
  1    one did not: something was lost, or `verify` did not say what it should
  2    there is no such fault, or it is not possible here
  4    the cluster was never started, is not healthy or not the definition's: nothing was done
  6    a fault could not be brought about or healed; `cargo xtask up` heals what is left
  130  Ctrl-C: what was done has been undone
";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `drill`.
///
/// # Errors
/// Fails where nothing can be rehearsed, and where something could not be healed.
pub fn run(args: &Args) -> Outcome<Exit> {
    let request = Request::of(&args.words)?;
    let (started, running) = verify::running(&request.cluster)?;
    let means = means(args)?;
    let cluster = Cluster {
        driver: started.driver,
        home: started.home(),
        running: &running,
    };
    if request.is_list() {
        ui::print(&list(&cluster, &means));
        return Ok(Exit::Success);
    }
    refuse_what_cannot_be_asked(&running)?;
    let faults = request.chosen(&cluster, &means, args.yes)?;
    let name = &request.cluster;
    let _lock = Lock::take(&started.workspace, name, &format!("drill {name}"), &ui::say)?;
    refuse_what_has_changed(&started)?;
    refuse_what_is_left(&cluster)?;
    let interruption = process::put_off_interrupt(format!(
        "interrupted: what was done to {name} is undone first; Ctrl-C again ends this at once, and `cargo xtask up {name}` undoes the rest"
    ));
    let (drills, ended) = rehearse(&cluster, &means, &faults, args, &interruption);
    // What was found out is told, also where it did not go on to the end.
    if drills.is_empty() {
        ended?;
        return Ok(Exit::Success);
    }
    ui::print(&match args.format {
        Format::Table => ui::drill::table::render(&drills),
        Format::Json => ui::drill::json::render(&drills),
    });
    let default = started.workspace.state(name).join("drill.html");
    let report = args.report.as_ref().unwrap_or(&default);
    let written = write_report(report, &drills);
    // Where both fail, as on a full disk, what was not healed matters more.
    if let (Err(unwritten), Err(_)) = (&written, &ended) {
        ui::diagnostics::report(&unwritten.diagnostics);
    }
    ended?;
    written?;
    let passed = drills.iter().all(|drill| Summary::of(drill).is_passed());
    Ok(if passed {
        Exit::Success
    } else {
        Exit::Unhealthy
    })
}

fn write_report(path: &Utf8Path, drills: &[Drill]) -> Outcome<()> {
    atomic::replace(path, &ui::drill::html::render(drills)).map_err(|error| {
        Failure::failed(
            Diagnostic::error(format!("cannot write `{path}`: {error}"))
                .note("what it would have shown is above")
                .hint("see who may write there, and whether its disk has room"),
        )
    })?;
    ui::say(&format!("the report, for a browser: {path}"));
    Ok(())
}

/// Makes one drill after the other. Returns those that were made, and what kept the next from it.
fn rehearse(
    cluster: &Cluster<'_>,
    means: &Means,
    faults: &[&'static Fault],
    args: &Args,
    interruption: &PutOff,
) -> (Vec<Drill>, Outcome<()>) {
    let experiment = Experiment {
        cluster,
        means,
        hold: args.hold,
        rate: args.rate,
        interruption,
    };
    let mut drills = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        let of_all = match faults.len() {
            1 => String::new(),
            all => format!("[{}/{all}] ", number + 1),
        };
        ui::say(&format!("{of_all}{}: {}", fault.name, fault.title));
        match experiment.run(fault) {
            Ok(drill) => drills.push(drill),
            Err(failure) => return (drills, Err(failure)),
        }
    }
    (drills, Ok(()))
}

fn means(args: &Args) -> Outcome<Means> {
    let Some(folder) = &args.other_etcd else {
        return Ok(Means::default());
    };
    match pair::in_folder(folder, Origin::Named) {
        Ok(tools) => Ok(Means {
            other_etcd: Some(tools),
        }),
        Err(why) => Err(Failure::host(
            Diagnostic::error(format!("there is no usable etcd in `{folder}`: {why}"))
                .hint("name a folder with an `etcd` and an `etcdctl` of one version"),
        )),
    }
}

/// The faults there are, with what keeps each from being brought about here.
fn list(cluster: &Cluster<'_>, means: &Means) -> String {
    let mut table = ui::table::Table::new(["FAULT", "WHAT HAPPENS", "HERE"]);
    let no_clients = no_clients(cluster.running).map(|obstacle| obstacle.in_short);
    for fault in FAULTS {
        let obstacle = || request::obstacle(fault, cluster, means);
        let here = match (no_clients.clone().or_else(obstacle), fault.cost) {
            (Some(obstacle), _) => obstacle,
            (None, Cost::Nothing) => "possible".to_owned(),
            (None, Cost::WritesMeanwhile) => {
                "possible with --yes: others' writes are lost".to_owned()
            }
            (None, Cost::History) => "possible with --yes: older revisions are lost".to_owned(),
        };
        table.row([fault.name.to_owned(), fault.title.to_owned(), here]);
    }
    table.to_string()
}

/// Why no drill is possible on a cluster: its clients cannot use it.
struct NoClients {
    /// For every line of the list of faults.
    in_short: String,
    refusal: Failure,
}

/// Clients use the v3 API, over the network.
fn no_clients(Running { plan, tools }: &Running) -> Option<NoClients> {
    let version = plan.version();
    if version.is_v2() {
        return Some(NoClients {
            in_short: format!("not possible: etcd {version} has no v3 API"),
            refusal: Failure::usage(
                Diagnostic::error(format!(
                    "etcd {version} has no v3 API, which a drill's clients speak"
                ))
                .hint("rehearse on a cluster of etcd 3"),
            ),
        });
    }
    (tools.origin == Origin::Machine).then(|| NoClients {
        in_short: "not possible: this host does not reach the members".to_owned(),
        refusal: Failure::could_not_look(
            Diagnostic::error(
                "this host does not reach the members' addresses, and a drill's clients have to",
            )
            .hint("run it on the host of the machines"),
        ),
    })
}

fn refuse_what_cannot_be_asked(running: &Running) -> Outcome<()> {
    match no_clients(running) {
        Some(obstacle) => Err(obstacle.refusal),
        None => Ok(()),
    }
}

/// Who was waited for may have destroyed the cluster, or given it another etcd.
fn refuse_what_has_changed(started: &Started) -> Outcome<()> {
    let now = started.again()?;
    if now.is_some_and(|now| now.record == started.record) {
        return Ok(());
    }
    let name = &started.name;
    Err(Failure::could_not_look(
        Diagnostic::error(format!("`{name}` was changed by another task meanwhile")).hint(
            Hint::informs("see how it is", [format!("cargo xtask verify {name}")]),
        ),
    ))
}

fn refuse_what_is_left(cluster: &Cluster<'_>) -> Outcome<()> {
    match Journal::read(&cluster.home)? {
        Some(journal) => Err(Failure::could_not_look(left(
            Diagnostic::error,
            &journal.fault,
            cluster.home.name,
        ))),
        None => Ok(()),
    }
}

/// Whether a drill that is over has not healed what it did.
pub(super) fn is_left(home: &Home<'_>) -> bool {
    matches!(Journal::read(home), Ok(Some(_))) && Lock::holder(home.workspace, home.name).is_none()
}

/// Warns whoever looks at a cluster that what they see may be the doing of a drill.
pub(super) fn warn_of_one(home: &Home<'_>) {
    let warnings = match Journal::read(home) {
        Ok(None) => return,
        Ok(Some(journal)) => match Lock::holder(home.workspace, home.name) {
            Some(holder) => vec![
                Diagnostic::warning(format!(
                    "a drill is under way, and brings about `{}`",
                    journal.fault
                ))
                .note(format!("{holder} heals it at its end")),
            ],
            None => vec![left(Diagnostic::warning, &journal.fault, home.name)],
        },
        // It keeps nobody from looking.
        Err(failure) => {
            let mut warnings = failure.diagnostics;
            for warning in &mut warnings {
                warning.severity = Severity::Warning;
            }
            warnings
        }
    };
    ui::diagnostics::report(&warnings);
}

/// That a drill which is over has not healed what it did.
fn left(severity: fn(String) -> Diagnostic, fault: &str, name: &ClusterName) -> Diagnostic {
    severity(format!(
        "an interrupted drill has left `{fault}` in the cluster"
    ))
    .hint(Hint::heals("heal it", [format!("cargo xtask up {name}")]))
}
