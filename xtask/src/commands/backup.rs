//! `cargo xtask backup`: takes, lists and proves backups.

use std::num::NonZeroUsize;

use camino::Utf8PathBuf;
use clap::ValueEnum;

use super::{Exit, Which};
use crate::backup::Backup;
use crate::hint::Hint;
use crate::lifecycle::backup::{self, BackupRequest, Taken};
use crate::lifecycle::remove;
use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::state::backups;
use crate::ui::{self, Ui};
use crate::workspace::{Home, Workspace};

/// Take a backup of a cluster, and prove that it can be restored
///
/// A backup is a snapshot of one member: of a follower if there is one, to spare the leader the
/// work. It is written to .state/NAME/backups/, with a manifest beside it that says what is in it.
/// Backups outlive the cluster: `destroy` keeps them.
///
/// `--prove` restores the backup into a scratch cluster, which is one local process with ports of its
/// own, and compares the hash and the number of its keys with those of the running cluster at the same
/// revision. `--prove=FILE` proves a backup that was taken before.
///
/// A cluster without a quorum can be backed up, too; writes that the chosen member has not received
/// are missing then. If the history was just compacted, the task first writes and deletes one key. A
/// backup is not encrypted, and only you can read it (mode 0600).
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = format!("{AFTER_HELP}\n{}", ui::backup::HELP))]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Write the backup to this new file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    to: Option<Utf8PathBuf>,
    /// Prove the backup, or the earlier backup FILE, by restoring it
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = NEW,
        value_hint = clap::ValueHint::FilePath
    )]
    prove: Option<Utf8PathBuf>,
    /// Then remove all but the newest NUMBER backups of the cluster
    #[arg(long, value_name = "NUMBER", conflicts_with = "to")]
    keep: Option<NonZeroUsize>,
    /// List the backups, and compare each with its manifest
    #[arg(long, conflicts_with_all = ["to", "prove", "keep"])]
    list: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask backup                   back up the cluster `default`
  cargo xtask backup five --prove      and prove it
  cargo xtask backup --keep 7          and remove all but the newest seven
  cargo xtask backup --to /mnt/usb/etcd.db
  cargo xtask backup --list
  cargo xtask backup --format json | jq -r .file

Exit status:
  0    the backup is complete, and proven with `--prove`; or all listed ones are intact
  1    the backup is not proven, or a listed one cannot be used
  2    there is no such backup, or this version of etcd has no snapshots
  4    the cluster was never started, no member answers, authentication is enabled,
       or a killed drill or restoration left it unfinished
  5    the backup cannot be written, or this host cannot restore it
  6    the snapshot failed and nothing of it is left, or `--keep` could not remove a backup
  7    the file exists, or another cluster answers; nothing was changed
  130  Ctrl-C: nothing is left of an incomplete backup
";

/// Stands for the new backup in `--prove`. Nobody can type it.
const NEW: &str = "\0";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `backup`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let name = &args.which.name;
    let home = Workspace::find()?.home(name);
    if args.list {
        return list(ui, args, &home);
    }
    let earlier = args.prove.as_ref().filter(|file| *file != NEW);
    let taken = match earlier {
        Some(file) => {
            refuse_beside_earlier(args)?;
            backup::prove(ui, name, file)?
        }
        None => {
            let request = BackupRequest {
                to: args.to.as_deref(),
                keep: args.keep.map(NonZeroUsize::get),
                prove: args.prove.is_some(),
            };
            backup::take(ui, name, request)?
        }
    };
    show(ui, args, &home, &taken);
    Ok(match taken.unproven {
        None => Exit::Success,
        Some(_) => Exit::Unhealthy,
    })
}

fn list(ui: Ui, args: &Args, home: &Home) -> Outcome<Exit> {
    let backups = backup::list(&home.name)?;
    ui.print(&match args.format {
        Format::Table if backups.is_empty() => String::new(),
        Format::Table => ui::backup::table(&backups, &backups::folder(home), ui.width()),
        Format::Json => ui::backup::json_list(&home.name, &backups),
    });
    if backups.is_empty() && args.format == Format::Table {
        ui.say(&format!("cluster `{}` has no backups", home.name));
        if home.has_state() {
            let take = [format!("cargo xtask backup {}", home.name)];
            ui.hint(&Hint::makes_safer("take one", take));
        }
    }
    if remove::has_moved_backups(home) {
        // `destroy` would end what was started since.
        let task = if home.has_state() {
            "backup"
        } else {
            "destroy"
        };
        ui.hint(&Hint::heals(
            "a killed `destroy` moved backups away; move them back",
            [format!("cargo xtask {task} {}", home.name)],
        ));
    }
    let mut exit = Exit::Success;
    for Backup { file, manifest } in &backups {
        if let Err(why) = manifest {
            ui.report(&[Diagnostic::error(format!("`{file}` cannot be used: {why}"))]);
            exit = Exit::Unhealthy;
        }
    }
    Ok(exit)
}

fn show(ui: Ui, args: &Args, home: &Home, taken: &Taken) {
    let Taken { backup, unproven } = taken;
    let folder = backups::folder(home);
    ui.print(&match args.format {
        Format::Table => ui::backup::table(std::slice::from_ref(backup), &folder, ui.width()),
        Format::Json => ui::backup::json_one(backup, unproven.as_ref()),
    });
    let (name, file) = (&home.name, backup.file.as_path());
    if let Some(why) = unproven {
        ui.report(&[
            Diagnostic::error(format!("`{file}` is not proven: {why}")).hint(Hint::makes_safer(
                "take another backup",
                [format!("cargo xtask backup {name} --prove")],
            )),
        ]);
    } else if args.prove.is_none() && args.format == Format::Table {
        let file = quoted(file.strip_prefix(&folder).unwrap_or(file).as_str());
        ui.hint(&Hint::informs(
            "prove that it can be restored",
            [format!("cargo xtask backup {name} --prove={file}")],
        ));
    }
}

/// An earlier backup is proven where it is, and nothing is taken.
fn refuse_beside_earlier(args: &Args) -> Outcome<()> {
    let other = match (&args.to, args.keep) {
        (Some(_), _) => "`--to`",
        (None, Some(_)) => "`--keep`",
        (None, None) => return Ok(()),
    };
    Err(Failure::usage(
        Diagnostic::error(format!("{other} cannot be used with `--prove=FILE`"))
            .note("it is for a new backup, and `--prove=FILE` takes none")
            .hint("leave out one of them"),
    ))
}
