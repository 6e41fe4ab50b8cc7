//! `cargo xtask plan`: shows the steps from a running cluster to its definition.

use camino::Utf8PathBuf;
use clap::ValueEnum;

use super::{Exit, Which};
use crate::hint::Hint;
use crate::lifecycle::apply::{self, ApplyRequest, Planned};
use crate::report::Outcome;
use crate::ui::{self, Ui};

/// Show the steps that bring a running cluster to its edited definition
///
/// Each step says what it does and why, and how many members vote before, during and after it. What
/// cannot be done is listed with the reason. The cluster is not changed; `cargo xtask apply` performs
/// the steps.
///
/// Members that are new in the definition are added, one at a time, and from etcd 3.4 on without a
/// vote until they have all data. Members that are gone are removed. Changed addresses and ports move
/// members, and changed flags restart them. A changed version restarts them with another etcd, by one
/// minor release at a time. Followers come first and the leader last. The token, the generation and
/// the driver of a running cluster cannot be changed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also show the steps over several minor releases of etcd
    #[arg(long)]
    hops: bool,
    /// A folder with the etcd that local members are to run
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask plan
  cargo xtask plan five
  cargo xtask plan --format json | jq -r '.steps[].what'

Exit status:
  0  nothing to do: the cluster is as defined
  1  there is something to do
  3  the definition has errors
  4  the cluster does not run or has no quorum, or a killed drill or restoration left it unfinished
  7  something cannot be done; the output says what, and why

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, differences[] (of the definition from the record, in words)
  steps[]: do (start, add, remove, move, restart, upgrade), member, what, why, first (what is done
    once before it, or null), peer_url, client_url, before, during, after: voters, able (those that
    serve), needed, may_fail; interrupts (whether the cluster does not serve meanwhile)
  finally[]: what, why (what is left of a change of the version once all members have it)
  refused[]: what, why[], hint (or null), commands[] (of the hint, in order)";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `plan`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let request = ApplyRequest {
        name,
        may_interrupt: false,
        has_hops: args.hops,
        etcd_dir: args.etcd_dir.as_deref(),
        load: None,
    };
    let planned = apply::plan(ui, request)?;
    let Planned {
        session,
        differences,
        steps,
        final_tasks,
        refused,
    } = &planned;
    match args.format {
        Format::Json => {
            ui.print(&ui::apply::json(
                name,
                differences,
                steps,
                final_tasks,
                refused,
            ));
        }
        Format::Table => {
            ui.print(&ui::apply::steps(steps, final_tasks, ui.width()));
            ui.report(refused);
            if planned.is_empty() && refused.is_empty() {
                ui.say(&format!("{name} is as defined: nothing to do"));
            } else if refused.is_empty() {
                let apply = request.apply(&session.plan);
                ui.hint(&Hint::heals("perform them", [apply]));
            }
        }
    }
    Ok(match (refused.is_empty(), planned.is_empty()) {
        (false, _) => Exit::Refused,
        (true, false) => Exit::Unhealthy,
        (true, true) => Exit::Success,
    })
}
