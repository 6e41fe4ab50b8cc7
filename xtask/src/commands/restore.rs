//! `cargo xtask restore`: restores a cluster from a backup, or from one of its members.

use std::env;
use std::time::Duration;

use camino::Utf8PathBuf;

use super::{Exit, Which};
use crate::hint::Hint;
use crate::lifecycle::restore::{self, RestoreRequest, RestoreSource, Restored};
use crate::lifecycle::start::{Proof, StartRequest};
use crate::process::quoted;
use crate::report::{Diagnostic, Outcome};
use crate::session::Session;
use crate::ui::{self, Ui};
use crate::values::{DriverName, HostName, quantity};

/// Restore a cluster from a backup, or from a member that survived
///
/// `--from` restores a backup, also of a cluster that was destroyed, or data that was moved aside.
/// `--from-member` is the way back if the majority of the members is lost: it takes a backup of that
/// member, running or stopped, and restores it. What the member had not received is lost.
///
/// The task first shows what it will do and what will be lost, and asks; a backup of a member or of a
/// data folder is taken before that, and kept. Then it prepares the data of every member while the
/// cluster still runs, stops the members, moves their data aside, and starts them with the restored
/// data, with the IDs that the definition predicts. Nothing is deleted. Either all members get the
/// restored data, or none. If the task is killed, the next `up` or `restore` completes what it began.
///
/// From etcd 3.5.10 on, revisions continue far above the old ones, which count as compacted, so
/// watchers and caches notice the restoration. With earlier versions, revisions go back: restart
/// clients that watch or cache keys.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// A backup in .state/NAME/backups/, any snapshot, or a data folder
    #[arg(long, value_name = "BACKUP", value_hint = clap::ValueHint::FilePath)]
    from: Option<Utf8PathBuf>,
    /// The member whose data every member gets
    #[arg(long, value_name = "MEMBER", conflicts_with = "from")]
    from_member: Option<HostName>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// The driver of a cluster that was not started yet
    #[arg(long, value_name = "DRIVER", env = "XTASK_DRIVER", hide_env = true)]
    driver: Option<DriverName>,
    /// A folder with the etcd programs to use
    #[arg(long, value_name = "FOLDER", env = "XTASK_ETCD_DIR", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    etcd_dir: Option<Utf8PathBuf>,
    /// How long members may take to serve [default: 60s, on machines 10m]
    #[arg(long, value_name = "DURATION", value_parser = quantity::patience)]
    timeout: Option<Duration>,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask restore --from 2026-11-30T20-49-05Z.db
  cargo xtask restore five --from /mnt/usb/etcd.db --yes
  cargo xtask restore --from-member core-02     the majority is lost, and core-02 has its data

Exit status:
  0    the cluster runs on the restored data and is healthy
  1    it runs and is unhealthy; or you answered no: no data of a member was changed
  2    there is no such backup or member, or nobody can be asked and `--yes` is missing
  3    the definition has errors
  4    it runs, but its health could not be checked completely; or a killed drill left a fault in it
  5    this host cannot prepare the data, for example on a full disk; nothing was changed
  6    the members were restored but do not serve, or a member's data could not be moved
  7    refused: the backup is damaged, or not of this release of etcd, or a member's data would have
       to stay; nothing was changed
  130  Ctrl-C: nothing was changed, or the next `up` completes it
";

/// Runs `restore`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let source = match (&args.from, &args.from_member) {
        (Some(file), _) => Some(RestoreSource::Backup(file)),
        (None, Some(member)) => Some(RestoreSource::Member(member)),
        (None, None) => None,
    };
    let request = RestoreRequest {
        start: StartRequest {
            name,
            driver: args.driver,
            etcd_dir: args.etcd_dir.as_deref(),
            timeout: args.timeout,
        },
        source,
    };
    let restored = restore::restore(ui, &request, &|preview| {
        ui.say(ui::restore::preview(preview).trim_end());
        let warnings = ui::restore::warnings(preview);
        let warnings: Vec<Diagnostic> = warnings.into_iter().map(Diagnostic::warning).collect();
        ui.report(&warnings);
        if args.yes {
            return Ok(true);
        }
        let why = "later changes than those in the backup are lost";
        ui::confirm::ask(ui, "restore it?", why, &same_with_yes(args))
    })?;
    let Some(restored) = restored else {
        return Ok(Exit::Unhealthy);
    };
    let Restored {
        proof,
        replaced,
        way_back,
    } = restored;
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
    if !replaced.is_empty() {
        ui.say("the replaced data is kept:");
        for folder in &replaced {
            ui.say(&format!("  {folder}"));
        }
        if let Some(folder) = way_back {
            let back = format!(
                "cargo xtask restore {} --from {}",
                plan.name,
                quoted(&folder)
            );
            ui.hint(&Hint::informs("to go back to it", [back]));
        }
    }
    ended.map_or_else(|| Ok(report.health().into()), Err)
}

/// The same command, without a question. What the environment says needs no option.
fn same_with_yes(args: &Args) -> String {
    let unless =
        |variable, value: Option<String>| value.filter(|_| env::var_os(variable).is_none());
    let text = |path: &Utf8PathBuf| quoted(path.as_str());
    let driver = args.driver.as_ref().map(ToString::to_string);
    let options = [
        ("from", args.from.as_ref().map(text)),
        (
            "from-member",
            args.from_member.as_ref().map(ToString::to_string),
        ),
        ("driver", unless("XTASK_DRIVER", driver)),
        (
            "etcd-dir",
            unless("XTASK_ETCD_DIR", args.etcd_dir.as_ref().map(text)),
        ),
        (
            "timeout",
            args.timeout.map(|time| format!("{}ms", time.as_millis())),
        ),
    ];
    let options = options
        .into_iter()
        .filter_map(|(option, value)| Some(format!(" --{option} {}", value?)));
    let name = &args.which.name;
    format!(
        "cargo xtask restore {name}{} --yes",
        options.collect::<String>()
    )
}
