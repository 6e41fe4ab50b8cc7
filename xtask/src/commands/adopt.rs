//! `cargo xtask adopt`: records a cluster that runs.

use camino::Utf8PathBuf;

use super::{Exit, Which};
use crate::advice;
use crate::hint::Hint;
use crate::lifecycle::adopt::{self, Adopted};
use crate::lifecycle::start::StartRequest;
use crate::report::{Diagnostic, Outcome};
use crate::ui::Ui;
use crate::values::DriverName;
use crate::wording::list;

/// Record a running cluster whose members match its definition
///
/// Tasks know a cluster by the record in .state/NAME/cluster.json, which `up` writes. If it is lost, or
/// if you work on another host, or if members were added by hand, `adopt` rebuilds it from what the
/// running members say: which etcd they run, and the IDs that members have got since the bootstrap,
/// which nothing can predict. The cluster is not changed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The driver that runs the members, if there is no record
    #[arg(long, value_name = "DRIVER", env = "XTASK_DRIVER", hide_env = true)]
    driver: Option<DriverName>,
    /// A folder with the etcd programs to use
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask adopt
  cargo xtask adopt five --driver vagrant

Exit status:
  0  the cluster is recorded
  3  the definition has errors
  4  no member answers, or the members have no quorum
  5  this host lacks something, such as a usable etcdctl
  7  refused: the cluster has other members than its definition, or another cluster is recorded";

/// Runs `adopt`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let Adopted {
        cluster_id,
        is_predicted,
        added,
        is_unchanged,
        differences,
    } = adopt::adopt(
        ui,
        &StartRequest {
            name,
            driver: args.driver,
            etcd_dir: args.etcd_dir.as_deref(),
            timeout: None,
        },
    )?;
    if !is_predicted {
        ui.report(&[Diagnostic::warning(format!(
            "nothing proves that cluster {cluster_id} is `{name}`"
        ))
        .note("other members than the defined ones have bootstrapped it")]);
    }
    let state = if is_unchanged {
        "was already recorded"
    } else {
        "is recorded"
    };
    ui.say(&format!("{name}, cluster {cluster_id}, {state}"));
    if !added.is_empty() {
        let added = added.iter().map(|(member, id)| format!("{member} ({id})"));
        ui.say(&format!("added after the bootstrap: {}", list(added)));
    }
    if let Some(warning) = advice::warn_of_changes(name, &differences) {
        ui.report(&[warning]);
        return Ok(Exit::Success);
    }
    ui.hint(&Hint::informs(
        "verify it",
        [format!("cargo xtask verify {name}")],
    ));
    Ok(Exit::Success)
}
