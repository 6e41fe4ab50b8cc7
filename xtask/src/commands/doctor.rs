//! `cargo xtask doctor`: checks whether this host can run a definition's machines, and says how to fix
//! what is missing.

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

/// Check whether this host can run virtual machines
///
/// `doctor` checks Vagrant and its provider (libvirt or VirtualBox), the processor, the box, this
/// host's addresses and networks, its memory and disk, and the leftovers of interrupted runs, and
/// compares them with what the definition needs. For each problem, it prints the command that fixes
/// it.
///
/// It changes nothing and sends nothing to other hosts. A check that could not be made is reported
/// as skipped, never as ok. The provider is the value of VAGRANT_DEFAULT_PROVIDER, or else libvirt
/// if it is usable, or else VirtualBox.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask doctor                     check for the machines of cluster/default.toml
  cargo xtask doctor flatcar             check for the machines of cluster/flatcar.toml
  cargo xtask doctor --format json | jq '.findings[] | select(.verdict == \"error\")'

Exit status:
  0  Vagrant can run the machines; there may be warnings
  3  the definition has errors
  5  Vagrant cannot run the machines: something is missing or in the way

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, usable (whether machines can run), exit_status, summary,
  provider (libvirt, virtualbox or another; null if none is usable),
  virtualization (kvm, qemu; null unless the provider is libvirt)
  findings[]: name, title, verdict (ok, not-applicable, skipped, warning, error), evidence,
    diagnostics[]: severity (error, warning), message, notes[], hints[]

Environment:
  VAGRANT_DEFAULT_PROVIDER   the provider to use
  XTASK_VIRTUALIZATION       kvm or qemu: how libvirt's QEMU runs machines";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `doctor`. If machines cannot run, that is a result and not an error.
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
        Format::Table => ui::doctor::table::render(&plan, &report, ui.width()),
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
                "run local processes instead, which need none of this",
                [local],
            ));
        }
    }
    Ok(exit)
}
