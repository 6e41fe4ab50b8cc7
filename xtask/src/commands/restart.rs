//! `cargo xtask restart`: restarts the members of a running cluster, one at a time.

use super::Exit;
use crate::lifecycle::restart;
use crate::report::Outcome;
use crate::ui::{self, Ui};
use crate::values::{ClusterName, HostName};

/// Restart the members of a cluster one at a time, while the others serve
///
/// Followers come first and the leader last, after it has handed over its leadership. After each
/// member, the task waits until all members serve again. Members start with the flags that the
/// definition has now, so this is also how changed flags reach a running local cluster.
///
/// With MEMBER, only that member is restarted. A cluster of one or two members does not serve while
/// one of them is restarted.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The member to restart [default: all]
    member: Option<HostName>,
    /// The cluster
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask restart                     every member of the cluster `default`
  cargo xtask restart core-02
  cargo xtask restart --cluster five

Exit status:
  0    the members were restarted, and the cluster is healthy
  1    they were restarted, and the cluster is unhealthy in another way
  2    there is no such member
  4    the cluster was never started, or a killed drill or restoration left it unfinished
  6    a member does not serve after its restart; the rest was not restarted
  7    refused, because a member does not serve; nothing was changed
  130  Ctrl-C: the next `up` starts the member that was being restarted";

/// Runs `restart`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let (session, verified) = restart::restart(ui, &args.cluster, args.member.as_ref())?;
    let report = &verified.report;
    ui.print(&ui::verify::table::render(
        &session.plan,
        &verified.observation,
        report,
        ui.width(),
    ));
    Ok(report.health().into())
}
