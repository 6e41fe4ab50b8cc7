//! `cargo xtask replace`: replaces a member that is dead, damaged or lost.

use super::Exit;
use crate::hint::Hint;
use crate::lifecycle::replace::{self, Replaced};
use crate::report::Outcome;
use crate::ui::{self, Ui};
use crate::values::{ClusterName, HostName};
use crate::wording::list;

/// Replace a member that is dead, damaged or lost
///
/// The member leaves the cluster and joins it again under a new ID, without data, and receives the
/// data of the others. Its old data is moved aside, never deleted. The task takes a backup first, and
/// waits until the member has all data and votes. The other members must have a quorum: if they have
/// none, `cargo xtask verify` names the way back.
///
/// etcd adds no member while another one is down. Start others that have their data with `up` first.
/// Others without usable data leave the cluster too: replace them afterwards, one at a time. If the
/// task is killed, run it again: it continues.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The member to replace
    member: HostName,
    /// The cluster it belongs to
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster: ClusterName,
    /// Do not ask before a healthy member is replaced
    #[arg(long, short)]
    yes: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask replace core-03
  cargo xtask replace core-02 --cluster five

Exit status:
  0    the member is replaced, and the cluster is healthy
  1    it is replaced, and the cluster is unhealthy; or you answered no
  2    there is no such member, or members of this cluster cannot be replaced
  4    the cluster was never started, its health could not be checked completely, or a killed drill
       or restoration left it unfinished
  5    this host lacks something, such as room for a backup
  6    a step failed; the same command continues
  7    refused: the others have no quorum, one of them is stopped and has its data, its old data
       cannot be moved, or another replacement is not complete
  130  Ctrl-C: the same command continues";

/// Runs `replace`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let Args {
        member,
        cluster,
        yes,
    } = args;
    let replaced = replace::replace(ui, cluster, member, &|question| {
        if *yes {
            return Ok(true);
        }
        let why = "a replaced member is absent until it has all data again";
        let command = format!("cargo xtask replace {member} --cluster {cluster} --yes");
        ui::confirm::ask(ui, question, why, &command)
    })?;
    let Some(Replaced {
        session,
        verified,
        aside,
        removed,
    }) = replaced
    else {
        ui.say("nothing was changed");
        return Ok(Exit::Unhealthy);
    };
    let report = &verified.report;
    ui.print(&ui::verify::table::render(
        &session.plan,
        &verified.observation,
        report,
        ui.width(),
    ));
    if let Some(aside) = aside {
        ui.say(&format!("the old data of {member} is kept: {aside}"));
    }
    if let Some(next) = removed.first() {
        ui.say(&format!("{} left the cluster, too", list(&removed)));
        ui.hint(&Hint::heals(
            "replace it as well",
            [format!("cargo xtask replace {next} --cluster {cluster}")],
        ));
    }
    Ok(report.health().into())
}
