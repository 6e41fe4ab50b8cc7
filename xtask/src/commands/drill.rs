//! `cargo xtask drill`: rehearses outages and changes.

mod list;
mod words;

use std::time::Duration;

use camino::Utf8PathBuf;

use super::Exit;
use crate::drill::summary::Summary;
use crate::etcd::pair;
use crate::etcd::tools::{Tools, ToolsOrigin};
use crate::fault::Resources;
use crate::lifecycle::rehearse::report::{self, Circumstances};
use crate::lifecycle::rehearse::{DrillRequest, Load, RATE, UpgradeTo};
use crate::lifecycle::{open, rehearse};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::ui::drill::Format;
use crate::ui::{self, Ui};
use crate::values::{DriverName, quantity};
use crate::workspace::Workspace;
use list::DrillList;
use words::{Chosen, Words};

/// Rehearse an outage or a change, and prove that no acknowledged write was lost
///
/// A drill runs clients against every member of a running cluster; injects a fault; checks that
/// `verify` finds the fault and names the right member; heals it; waits until the cluster is healthy
/// again; and reads everything back. It passes if no acknowledged write is lost, reads and writes
/// were linearizable, `verify` reported exactly what was expected, and the cluster is healthy at the
/// end.
///
/// FAULT is one or more names of faults, or `all`: every fault that is possible here and costs
/// nothing but the outage. Without FAULT, the task lists the faults and changes, also before the first
/// `up`. The first word is the cluster's NAME, unless it is the name of a fault or change, or `all`;
/// then the cluster is `default`.
///
/// A fault is injected only into a healthy cluster that matches its definition, and the drill leaves a
/// healthy cluster. If it is interrupted, it heals the fault first; if it is killed, the next `up`
/// heals the fault.
///
/// Some faults lose data for good, and a restoration heals them. It loses the latest writes: the drill
/// counts them as announced, and passes if no other acknowledged write is lost.
///
/// CHANGE is one or more names of changes, such as `grow` or `rolling-restart`; a version follows the
/// name `rolling-upgrade`. Each is made on a copy of the cluster, by the code of `apply`, `replace` or
/// `restart`, while clients write and read there.
/// The copy consists of local processes with ports of their own, restored from a fresh backup; the
/// cluster itself is not touched otherwise. The report has the acknowledged writes that were lost (0),
/// the longest time between two acknowledged writes, and whether reads and writes were linearizable.
/// The copy is removed at the end; if the task is killed, the next `up`, `down`, `drill`, `backup` or
/// `destroy` removes it.
///
/// The report for a browser is .state/NAME/drill.html; .state/NAME/drills/ keeps those of the last
/// 20 runs. With `--report`, it is written only to FILE.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = format!("{EXAMPLES}\n{}\n\n{}", ui::drill::json::HELP, list::HELP))]
pub struct Args {
    /// The cluster [default: default], then faults or changes
    #[arg(value_name = "NAME] [FAULT…|CHANGE…")]
    words: Vec<String>,
    /// Allow faults that lose writes or older revisions
    #[arg(long)]
    yes: bool,
    /// The minimum duration of a fault, as in `3s` or `1m`
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience, default_value = "3s")]
    hold: Duration,
    /// The maximum requests per second of all clients together
    #[arg(long, value_name = "NUMBER", default_value_t = RATE, value_parser = quantity::rate)]
    rate: u32,
    /// A folder with an etcd of another version, for what needs one
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    other_etcd: Option<Utf8PathBuf>,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Where to write the HTML report [default: .state/NAME/drill.html]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    report: Option<Utf8PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask drill                            list the faults and changes
  cargo xtask drill five                       list those of `five`, and which are possible there
  cargo xtask drill leader-killed              kill the leader of the cluster `default`
  cargo xtask drill five quorum-lost member-paused --hold 10s
  cargo xtask drill all --format json | jq '.drills[] | {fault, passed}'
  cargo xtask drill grow rolling-restart       rehearse two changes, each on a copy of `default`
  cargo xtask drill rolling-upgrade 3.6.14     rehearse an upgrade

Exit status:
  0    all drills passed
  1    a drill failed: a write was lost, reads and writes were not linearizable, or `verify` did
       not report what was expected
  2    there is no such fault or change, or it is not possible here
  4    the cluster was never started, is not healthy or does not match its definition; nothing was
       done
  5    this host cannot take a backup or restore it, for example on a full disk; the data was put
       back
  6    a fault could not be injected or healed, and `cargo xtask up` heals what is left; or a change
       of a copy failed
  130  Ctrl-C: the fault was healed, or the copy removed
";

/// Runs `drill`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let words = Words::of(&args.words)?;
    let workspace = Workspace::find()?;
    words.refuse_mistyped(&workspace)?;
    let other_etcd = other_etcd(args)?;
    if words.is_list() {
        let list = DrillList::of(ui, &workspace.home(&words.cluster), other_etcd)?;
        ui.print(&match args.format {
            Format::Table => list.table(),
            Format::Json => list.json(),
        });
        return Ok(Exit::Success);
    }
    let session = open::session(ui, &words.cluster)?;
    let request = DrillRequest {
        resources: Resources::of(&session, other_etcd),
        hold: args.hold,
        rate: args.rate,
    };
    let no_clients = match words.has_changes() {
        false => rehearse::no_clients(&session),
        // They use a copy on this host.
        true => rehearse::no_v3_api(&session.plan),
    };
    if let Some(obstacle) = no_clients {
        return Err(obstacle.refusal);
    }
    let chosen = words.chosen(&session, &request.resources, args.yes)?;
    let (driver, hold) = match chosen {
        Chosen::Faults(_) => (session.driver.name(), Some(args.hold)),
        Chosen::Changes(_) => (DriverName::Local, None),
    };
    // It guards the cluster until its report is written.
    let run = match chosen {
        Chosen::Faults(faults) => rehearse::rehearse(&session, &request, &faults)?,
        Chosen::Changes(changes) => {
            let load = Load { rate: args.rate };
            let to = words.version.map(|version| UpgradeTo {
                version,
                folder: args.other_etcd.as_deref(),
            });
            rehearse::rehearse_changes(&session, load, &changes, to)?
        }
    };
    let (drills, ended) = (&run.drills, run.ended);
    // Report the drills that were completed, even if a later one failed.
    if drills.is_empty() {
        ended?;
        return Ok(Exit::Success);
    }
    let how = Circumstances {
        started: run.started,
        driver,
        hold,
        rate: args.rate,
    };
    let file = args.report.as_deref();
    report::publish(ui, &session.home, how, drills, args.format, file, ended)?;
    let passed = drills.iter().all(|drill| Summary::of(drill).is_passed());
    Ok(if passed {
        Exit::Success
    } else {
        Exit::Unhealthy
    })
}

fn other_etcd(args: &Args) -> Outcome<Option<Tools>> {
    let Some(folder) = &args.other_etcd else {
        return Ok(None);
    };
    pair::in_folder(folder, ToolsOrigin::Named)
        .map(Some)
        .map_err(|why| {
            Failure::host(
                Diagnostic::error(format!("there is no usable etcd in `{folder}`: {why}"))
                    .hint("name a folder with an `etcd` and an `etcdctl` of the same version"),
            )
        })
}
