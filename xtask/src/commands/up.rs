//! `cargo xtask up`: from a definition to a running cluster that is proven healthy.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::{Exit, Which};
use crate::hint::Hint;
use crate::lifecycle::start::{self, Proof};
use crate::plan::etcdctl_words;
use crate::report::Outcome;
use crate::session::Session;
use crate::ui::{self, Ui};
use crate::values::{DriverName, quantity};

/// Start a cluster, wait for its quorum and prove it healthy
///
/// Renders, finds an etcd of the pinned version, starts every member that is not running, waits
/// until they serve, and verifies. Run again, it changes nothing that is as it should be: a member
/// that has ended is started again, one whose process is halted is continued, and a cluster that was
/// stopped is started with its data. A member that had data and has none now is not started.
///
/// Members run on virtual machines, by Vagrant with libvirt or VirtualBox, where this host has what
/// that takes, and else as processes of this host. Machines are looked for trouble first, as by `cargo
/// xtask doctor`, get their box made where it is missing, and fetch their own etcd. Their first boot
/// takes a minute or so, several without KVM.
///
/// Where there is no etcd of the pinned version to be had for processes, another one stands in. `up`
/// says so, the flags follow the version that runs, and `verify` goes on saying so.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// What runs the members, whatever the definition says
    #[arg(long, value_name = "DRIVER", env = "XTASK_DRIVER", hide_env = true)]
    driver: Option<DriverName>,
    /// A folder with `etcd` and `etcdctl` to use, whatever their version
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
    /// How long until all members serve [default: 60s, on machines 10m]
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    timeout: Option<Duration>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask up                         the cluster of cluster/default.toml
  cargo xtask up five --timeout 2m       a larger one, on a slow machine
  cargo xtask up --driver local          as processes, whatever this host could do
  cargo xtask up --etcd-dir ~/etcd/bin   with these binaries

Exit status:
  0    it runs and is healthy
  1    it runs and is not healthy
  3    the definition has errors
  4    it runs, and something of its health could not be checked
  5    this host lacks something, such as a free port or a download
  6    it was started and does not serve
  7    refused, and nothing was started: the definition is now of another cluster, members have lost
       their data, or the etcd at hand is of another release than the data
  130  Ctrl-C: members that were started keep running, and the next `up` continues

Environment:
  XTASK_DRIVER           as --driver
  XTASK_ETCD_DIR         as --etcd-dir
  XTASK_VIRTUALIZATION   kvm or qemu, whatever the definition says (see `machine.virtualization`)";

/// Runs `up`.
///
/// # Errors
/// Whatever keeps the cluster from running.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let proof = start::up(
        ui,
        &start::Request {
            name: &args.which.name,
            driver: args.driver,
            etcd_dir: args.etcd_dir.as_deref(),
            timeout: args.timeout,
        },
    )?;
    let serves = proof.serves();
    let Proof {
        session: Session { plan, .. },
        verified,
        ended,
    } = proof;
    let report = &verified.report;
    ui.print(&ui::verify::table::render(
        &plan,
        &verified.observation,
        report,
    ));
    if serves {
        let name = &plan.name;
        ui.print(&format!("{name} serves at {}\n", plan.endpoints()));
        let put = etcdctl_words::put(plan.version(), plan.fleet, "greeting", "hello");
        ui.hint(&Hint::informs(
            "use it",
            [
                format!("eval \"$(cargo xtask env {name})\""),
                format!("etcdctl {put}"),
            ],
        ));
    }
    ended.map_or_else(|| Ok(report.health().into()), Err)
}
