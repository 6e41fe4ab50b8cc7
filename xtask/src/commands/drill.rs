//! `cargo xtask drill`: rehearses outages.

mod words;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{ValueEnum, value_parser};

use super::Exit;
use crate::atomic;
use crate::drill::Drill;
use crate::drill::summary::Summary;
use crate::etcd::pair;
use crate::etcd::tools::Origin;
use crate::fault::{Cost, FAULTS, Resources};
use crate::lifecycle::{open, rehearse};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::session::Session;
use crate::ui::{self, Ui};
use crate::values::quantity;
use words::Words;

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
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let words = Words::of(&args.words)?;
    let session = open::session(ui, &words.cluster)?;
    let request = rehearse::Request {
        means: means(args)?,
        hold: args.hold,
        rate: args.rate,
    };
    if words.is_list() {
        ui.print(&list(&session, &request.means));
        return Ok(Exit::Success);
    }
    if let Some(obstacle) = rehearse::no_clients(&session) {
        return Err(obstacle.refusal);
    }
    let faults = words.chosen(&session, &request.means, args.yes)?;
    let (drills, ended) = rehearse::rehearse(&session, &request, &faults)?;
    // What was found out is told, also where it did not go on to the end.
    if drills.is_empty() {
        ended?;
        return Ok(Exit::Success);
    }
    ui.print(&match args.format {
        Format::Table => ui::drill::table::render(&drills),
        Format::Json => ui::drill::json::render(&drills),
    });
    let default = session.home.folder().join("drill.html");
    let report = args.report.as_ref().unwrap_or(&default);
    let written = write_report(ui, report, &drills);
    // Where both fail, as on a full disk, what was not healed matters more.
    if let (Err(unwritten), Err(_)) = (&written, &ended) {
        ui.report(&unwritten.diagnostics);
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

fn write_report(ui: Ui, path: &Utf8Path, drills: &[Drill]) -> Outcome<()> {
    atomic::replace(path, &ui::drill::html::render(drills)).map_err(|error| {
        Failure::failed(
            Diagnostic::error(format!("cannot write `{path}`: {error}"))
                .note("what it would have shown is above")
                .hint("see who may write there, and whether its disk has room"),
        )
    })?;
    ui.say(&format!("the report, for a browser: {path}"));
    Ok(())
}

fn means(args: &Args) -> Outcome<Resources> {
    let Some(folder) = &args.other_etcd else {
        return Ok(Resources::default());
    };
    match pair::in_folder(folder, Origin::Named) {
        Ok(tools) => Ok(Resources {
            other_etcd: Some(tools),
        }),
        Err(why) => Err(Failure::host(
            Diagnostic::error(format!("there is no usable etcd in `{folder}`: {why}"))
                .hint("name a folder with an `etcd` and an `etcdctl` of one version"),
        )),
    }
}

/// The faults there are, with what keeps each from being brought about here.
fn list(session: &Session, means: &Resources) -> String {
    let mut table = ui::table::Table::new(["FAULT", "WHAT HAPPENS", "HERE"]);
    let no_clients = rehearse::no_clients(session).map(|obstacle| obstacle.in_short);
    for fault in FAULTS {
        let obstacle = || rehearse::obstacle(fault, session, means);
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
