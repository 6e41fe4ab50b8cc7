//! `cargo xtask doctor`: whether a definition's machines can run on this host, and what to do about
//! what is in the way.

use clap::ValueEnum;

use super::{Exit, Which};
use crate::command_line::task;
use crate::doctor;
use crate::hint::Hint;
use crate::host_probe::{self, HostQuery};
use crate::lifecycle::definitions;
use crate::report::{Diagnostic, Outcome};
use crate::ui::{self, Ui};
use crate::workspace::Workspace;

/// Look whether virtual machines can run on this host
///
/// Looks for Vagrant, for something that runs machines for it (libvirt or VirtualBox), at the
/// processor, the box, the addresses and the networks of this host, its memory and its disk, and for
/// what an interrupted run has left; and compares with what the definition asks for. Whatever is
/// missing or in the way is told with the command that mends it.
///
/// Changes nothing and sends nothing to other hosts. What could not be looked at is reported as
/// skipped, never as fine. The provider is the one that VAGRANT_DEFAULT_PROVIDER names, or else
/// libvirt where that is usable, or else VirtualBox.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How to print it
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask doctor                     for the machines of cluster/default.toml
  cargo xtask doctor flatcar             for those of cluster/flatcar.toml
  cargo xtask doctor --format json | jq '.findings[] | select(.verdict == \"error\")'

Exit status:
  0  Vagrant can run the machines; warnings do not change that
  3  the definition has errors
  5  it cannot: something is missing or in the way

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, usable (whether machines can run), exit_status, summary,
  provider (libvirt, virtualbox or another; null where none is usable),
  virtualization (kvm, qemu; null with other providers than libvirt)
  findings[]: name, title, verdict (ok, not-applicable, skipped, warning, error), evidence,
    diagnostics[]: severity (error, warning), message, notes[], hints[]

Environment:
  VAGRANT_DEFAULT_PROVIDER   the provider to use
  XTASK_VIRTUALIZATION       kvm or qemu: how libvirt's QEMU runs machines";

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `doctor`.
///
/// # Errors
/// Fails where the definition has errors. That machines cannot run is a result.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let name = &args.which.name;
    let plan = definitions::plan(ui, &workspace, name)?;
    let host = host_probe::look(&HostQuery::of(&workspace, &plan));
    let report = doctor::judge(&plan, &host);
    let exit = if report.is_usable() {
        Exit::Success
    } else {
        Exit::Host
    };
    ui.print(&match args.format {
        Format::Table => ui::doctor::table::render(&plan, &report),
        Format::Json => ui::doctor::json::render(&plan, &report, exit as u8),
    });
    if args.format == Format::Table {
        let diagnostics = report.diagnostics();
        if !diagnostics.is_empty() {
            ui.say("");
        }
        ui.report(&diagnostics);
        let local = format!("{} --driver local", task(&plan, "up"));
        let is_said =
            |one: &Diagnostic| one.hints.iter().any(|hint| hint.commands.contains(&local));
        if !report.is_usable() && !diagnostics.iter().any(is_said) {
            ui.say("");
            ui.hint(&Hint::heals(
                "without any of it, as processes of this host",
                [local],
            ));
        }
    }
    Ok(exit)
}
