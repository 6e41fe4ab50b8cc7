//! `cargo xtask apply`: brings a running cluster to its edited definition.

use camino::Utf8PathBuf;

use super::{Exit, Which};
use crate::lifecycle::apply::{self, Applied, ApplyRequest, Planned};
use crate::report::Outcome;
use crate::ui::{self, Ui};

/// Bring a running cluster to its edited definition, and keep its data
///
/// `apply` shows the steps of `cargo xtask plan`, asks, and performs them one at a time: it looks at
/// the cluster, takes the next step, and waits until `verify` passes, apart from what is still
/// pending. Before a member is removed or gets another version, it takes a backup. The data of
/// removed members is moved aside, never deleted.
///
/// If the task is killed, run it again: it continues from what it finds. Ctrl-C completes the current
/// step first. If the definition is edited meanwhile, the task stops before the next step.
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
    /// A folder with the etcd that local members are to run
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask apply
  cargo xtask apply five --yes

Exit status:
  0    the cluster is as defined, and healthy; or there was nothing to do
  1    the steps are complete, and the cluster is unhealthy; or you answered no
  2    you have to be asked, and standard input is not a terminal
  3    the definition has errors
  4    the cluster does not run, has no quorum or could not be checked completely, or a killed
       drill or restoration left it unfinished
  5    this host lacks something, such as a free port or room for a backup
  6    a step failed, or the definition was edited meanwhile; the same command continues
  7    refused, and nothing was changed: a step would cost the quorum, or something cannot be done
  130  Ctrl-C: the same command continues";

/// Runs `apply`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let interruption = match args.allow_interruption {
        true => " --allow-interruption",
        false => "",
    };
    let request = ApplyRequest {
        name,
        may_interrupt: args.allow_interruption,
        etcd_dir: args.etcd_dir.as_deref(),
    };
    let applied = apply::apply(ui, &request, &|planned| {
        let Planned { steps, refused, .. } = planned;
        ui.say(ui::apply::steps(steps, ui.width()).trim_end());
        if args.yes || !refused.is_empty() {
            return Ok(true);
        }
        let why = "the steps change a running cluster";
        let command = format!("cargo xtask apply {name}{interruption} --yes");
        ui::confirm::ask(ui, "perform these steps?", why, &command)
    })?;
    let Some(Applied { session, verified }) = applied else {
        ui.say("nothing was changed");
        return Ok(Exit::Unhealthy);
    };
    let Some(verified) = verified else {
        ui.say(&format!("{name} is as defined: nothing to do"));
        return Ok(Exit::Success);
    };
    let report = &verified.report;
    ui.print(&ui::verify::table::render(
        &session.plan,
        &verified.observation,
        report,
        ui.width(),
    ));
    Ok(report.health().into())
}
