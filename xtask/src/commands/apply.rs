//! `cargo xtask apply`: brings a running cluster to its edited definition.

use camino::Utf8PathBuf;

use super::{Exit, Which};
use crate::check::Health;
use crate::drill::summary::Summary;
use crate::lifecycle::apply::{self, Applied, ApplyRequest, Planned};
use crate::lifecycle::rehearse::report::{self, Circumstances};
use crate::lifecycle::rehearse::{Load, RATE};
use crate::process;
use crate::report::Outcome;
use crate::ui::drill::Format;
use crate::ui::{self, Ui};
use crate::values::quantity;

/// Bring a running cluster to its edited definition, and keep its data
///
/// `apply` shows the steps of `cargo xtask plan`, asks, and performs them one at a time: it looks at
/// the cluster, takes the next step, and waits until `verify` passes, apart from what is still
/// pending. Before a member is removed or gets another version, it takes a backup. The data of
/// removed members is moved aside, never deleted.
///
/// If the task is killed, run it again: it continues from what it finds. Ctrl-C completes the current
/// step first. If the definition is edited meanwhile, the task stops before the next step.
///
/// With `--under-load`, the clients of `cargo xtask drill` write and read through every member
/// meanwhile, also through new ones, and no longer through removed ones. The report has the
/// acknowledged writes that were lost (0), the longest time between two acknowledged writes, and
/// whether reads and writes were linearizable. As after a drill, it is .state/NAME/drill.html, and
/// .state/NAME/drills/ keeps those of the last 20 runs.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Also take steps during which the cluster does not serve
    #[arg(long)]
    allow_interruption: bool,
    /// Change the version over several minor releases, one after another
    #[arg(long)]
    hops: bool,
    /// A folder with the etcd that local members are to run
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
    /// Run clients meanwhile, and report what the steps cost them
    #[arg(long)]
    under_load: bool,
    /// The maximum requests per second of all clients together [default: 100]
    #[arg(long, value_name = "NUMBER", value_parser = quantity::rate, requires = "under_load")]
    rate: Option<u32>,
    /// The output format [default: table]
    #[arg(long, value_enum, value_name = "FORMAT", requires = "under_load")]
    format: Option<Format>,
    /// Where to write the HTML report [default: .state/NAME/drill.html]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "under_load")]
    report: Option<Utf8PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask apply
  cargo xtask apply five --yes
  cargo xtask apply --under-load
  cargo xtask apply five --yes --under-load --format json | jq '.drills[].longest_gap'

Exit status:
  0    the cluster is as defined, and healthy; or there was nothing to do
  1    the steps are complete, and the cluster is unhealthy; or you answered no; or, with
       `--under-load`, a write was lost, or reads and writes were not linearizable
  2    you have to be asked, and standard input is not a terminal
  3    the definition has errors
  4    the cluster does not run, has no quorum or could not be checked completely, or a killed
       drill or restoration left it unfinished
  5    this host lacks something, such as a free port or room for a backup
  6    a step failed, or the definition was edited meanwhile; the same command continues
  7    refused, and nothing was changed: a step would cost the quorum, or something cannot be done
  130  Ctrl-C: the same command continues

JSON: one object, as `cargo xtask help drill` describes it; `drills[]` has one entry, whose `change`
is `apply`. If the steps are not complete, one of its `reasons[]` is `not-changed`. If there was
nothing to do, nothing is printed.";

/// Runs `apply`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let rate = args.rate.unwrap_or(RATE);
    let request = ApplyRequest {
        name,
        may_interrupt: args.allow_interruption,
        has_hops: args.hops,
        etcd_dir: args.etcd_dir.as_deref(),
        load: args.under_load.then_some(Load { rate }),
    };
    let applied = apply::apply(ui, request, &|planned| {
        let Planned {
            steps,
            final_tasks,
            refused,
            ..
        } = planned;
        ui.say(ui::apply::steps(steps, final_tasks, ui.width()).trim_end());
        if args.yes || !refused.is_empty() {
            return Ok(true);
        }
        let why = "the steps change a running cluster";
        ui::confirm::ask(ui, "perform these steps?", why, &agreed(args))
    })?;
    let taken = match applied {
        Applied::Declined => {
            ui.say("nothing was changed");
            return Ok(Exit::Unhealthy);
        }
        Applied::NothingToDo => {
            ui.say(&format!("{name} is as defined: nothing to do"));
            return Ok(Exit::Success);
        }
        Applied::Steps(taken) => *taken,
    };
    let (session, ended) = (&taken.session, taken.ended);
    let format = args.format.unwrap_or(Format::Table);
    if let (Ok(changed), Format::Table) = (&ended, format) {
        ui.print(&ui::verify::table::render(
            &session.plan,
            &changed.verified.observation,
            &changed.verified.report,
            ui.width(),
        ));
    }
    let Some(cost) = &taken.cost else {
        return Ok(ended?.verified.report.health().into());
    };
    if format == Format::Table {
        ui.print("\n");
    }
    let how = Circumstances {
        started: cost.started,
        driver: cost.driver,
        hold: None,
        rate,
    };
    let drills = std::slice::from_ref(&cost.drill);
    let file = args.report.as_deref();
    let changed = report::publish(ui, &session.home, how, drills, format, file, ended)?;
    Ok(match changed.verified.report.health() {
        Health::Healthy if !Summary::of(&cost.drill).is_passed() => Exit::Unhealthy,
        health => health.into(),
    })
}

/// The command line that does not ask.
fn agreed(args: &Args) -> String {
    let mut command = format!("cargo xtask apply {}", args.which.name);
    if args.allow_interruption {
        command += " --allow-interruption";
    }
    if args.hops {
        command += " --hops";
    }
    if let Some(folder) = &args.etcd_dir {
        command += &format!(" --etcd-dir {}", process::quoted(folder.as_str()));
    }
    if args.under_load {
        command += " --under-load";
    }
    if let Some(rate) = args.rate {
        command += &format!(" --rate {rate}");
    }
    if args.format == Some(Format::Json) {
        command += " --format json";
    }
    if let Some(report) = &args.report {
        command += &format!(" --report {}", process::quoted(report.as_str()));
    }
    command + " --yes"
}
