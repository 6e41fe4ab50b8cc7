//! `cargo xtask defrag`: makes room in the databases of a running cluster.

use super::{Exit, Which};
use crate::lifecycle::defrag::{self, Defragmented};
use crate::report::Outcome;
use crate::ui::Ui;
use crate::ui::table::{Table, size};

/// Make room in the databases of a running cluster
///
/// etcd keeps every version of every key until it is compacted, and a database file never shrinks by
/// itself. This task rewrites each member's file without its free space, one member at a time and the
/// leader last: a member does not answer meanwhile. If a full database has raised the alarm NOSPACE,
/// which stops all writes, the alarm is disarmed once every database has room.
///
/// `--compact` first drops the history: older versions of keys can no longer be read or watched.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// First drop all versions of keys but the present ones
    #[arg(long)]
    compact: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask defrag
  cargo xtask defrag five --compact     the database is full of old versions

Exit status:
  0  every member that answers is defragmented, and NOSPACE is not raised
  2  etcd 2.x has no such databases
  4  the cluster was never started, no member that answers has a leader, or a killed drill or
     restoration left it unfinished
  6  a member could not be defragmented, or a database is still full";

/// Runs `defrag`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let done = defrag::defrag(ui, &args.which.name, args.compact)?;
    let mut table = Table::new(["MEMBER", "BEFORE", "AFTER"]).right(1).right(2);
    for Defragmented {
        member,
        before,
        after,
    } in done
    {
        table.row([member.to_string(), size(before), size(after)]);
    }
    ui.print(&table.to_string());
    Ok(Exit::Success)
}
