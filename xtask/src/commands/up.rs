//! `cargo xtask up`: starts a cluster from its definition and verifies that it is healthy.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::{Exit, Which};
use crate::hint::Hint;
use crate::lifecycle::start::{self, Proof};
use crate::plan::etcdctl_words;
use crate::report::Outcome;
use crate::session::Session;
use crate::ui::{self, Ui, shell};
use crate::values::{DriverName, quantity};

/// Start a cluster, wait for its quorum and verify its health
///
/// `up` renders the definition, finds an etcd of the pinned version, starts each member that is not
/// running, waits until all members serve, and verifies the cluster. Running `up` again changes only
/// what is wrong: it restarts members that have ended, resumes members whose process is halted, and
/// starts a stopped cluster with its data. It does not start a member that has lost its data. If the
/// members of the definition have changed, it starts those that ran before, and says what differs:
/// `cargo xtask apply` adds, removes and moves members.
///
/// Unless you choose a driver, members run on virtual machines if this host supports them (Vagrant
/// with libvirt or VirtualBox), or else as local processes. Before it boots machines, `up` runs the
/// checks of `cargo xtask doctor` and makes a missing box. Machines fetch their own etcd. Their
/// first boot takes about a minute, or several minutes without KVM.
///
/// If local processes cannot get an etcd of the pinned version, another version stands in. `up` says
/// so, the flags follow the version that runs, and `verify` reports the stand-in.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The driver that runs the members, overriding the definition
    #[arg(long, value_name = "DRIVER", env = "XTASK_DRIVER", hide_env = true)]
    driver: Option<DriverName>,
    /// A folder with the `etcd` and `etcdctl` to use, of any version
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
    /// How long to wait until all members serve [default: 60s, on machines 10m]
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    timeout: Option<Duration>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask up                         start the cluster of cluster/default.toml
  cargo xtask up five --timeout 2m       start a larger cluster on a slow host
  cargo xtask up --driver local          run local processes, even if machines are possible
  cargo xtask up --etcd-dir ~/etcd/bin   use these binaries

Exit status:
  0    the cluster runs and is healthy
  1    the cluster runs and is unhealthy
  3    the definition has errors
  4    the cluster runs, but its health could not be checked completely
  5    this host lacks something, such as a free port or a download
  6    the cluster was started but does not serve, or it runs without members that lost their data
  7    refused, and nothing was started: the definition now describes another cluster, too many
       members have lost their data, or the available etcd and the data are of different releases
  130  Ctrl-C: members that were started keep running, and the next `up` continues

Environment:
  XTASK_DRIVER           same as --driver
  XTASK_ETCD_DIR         same as --etcd-dir
  XTASK_VIRTUALIZATION   kvm or qemu, overrides the definition (see `machine.virtualization`)";

/// Runs `up`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let proof = start::up(
        ui,
        &start::StartRequest {
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
        ui.width(),
    ));
    if serves {
        let name = &plan.name;
        ui.print(&format!("{name} serves at {}\n", plan.endpoints()));
        let put = etcdctl_words::put(plan.version(), plan.fleet, "greeting", "hello");
        let variables = shell::command(shell::of_the_user(), name.as_str());
        let commands = variables.into_iter().chain([format!("etcdctl {put}")]);
        ui.hint(&Hint::informs("use it", commands));
    }
    ended.map_or_else(|| Ok(report.health().into()), Err)
}
