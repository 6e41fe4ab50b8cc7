//! The command line.

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands;
use crate::commands::Exit;
use crate::report::Outcome;
use crate::ui::Ui;

mod misplaced;
mod synonyms;
pub mod usage;

/// Static etcd clusters from version control: render, boot and verify them
///
/// A cluster is one file, `cluster/<name>.toml`. This program turns it into machine configuration
/// under `vagrant/` and a running etcd cluster, and verifies that the cluster matches the file. NAME
/// is the file's name without `.toml`; the default is `default`.
///
/// Tasks print results to standard output and progress messages to standard error.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", verbatim_doc_comment)]
#[command(version, display_name = "xtask")]
#[command(
    subcommand_value_name = "TASK",
    subcommand_help_heading = "Tasks",
    disable_help_subcommand = true,
    after_help = "The manual page of a task: cargo xtask help TASK",
    after_long_help = AFTER_HELP
)]
pub struct Cli {
    /// The task to run.
    #[command(subcommand)]
    pub task: Task,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask up            start the cluster of cluster/default.toml and verify that it is healthy
  cargo xtask verify        verify it again
  cargo xtask destroy       remove it
  cargo xtask help up       show the manual page of a task

Exit status:
  0    success, or nothing to do
  1    negative result: the cluster is unhealthy, files differ, or you answered no
  2    the command line is wrong
  3    a definition has errors
  4    health unknown: some members could not be queried; or the cluster was never started
  5    a problem with this host: something is missing or in the way
  6    started but failed
  7    refused because it would have done harm; nothing was changed
  130  interrupted by Ctrl-C

Environment:
  NO_COLOR, CLICOLOR_FORCE   never or always use color; by default, only terminals get color
  XTASK_DRIVER               same as `up --driver`
  XTASK_ETCD_DIR             same as `up --etcd-dir`
  XTASK_VIRTUALIZATION       kvm or qemu, for virtual machines under libvirt";

/// The tasks.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "the arguments of each task document it")]
pub enum Task {
    Render(commands::render::Args),
    Up(commands::up::Args),
    Verify(commands::verify::Args),
    Status(commands::status::Args),
    List(commands::list::Args),
    Identity(commands::identity::Args),
    Env(commands::env::Args),
    Etcdctl(commands::etcdctl::Args),
    Ssh(commands::ssh::Args),
    Logs(commands::logs::Args),
    Box(commands::machine_box::Args),
    Plan(commands::plan::Args),
    Apply(commands::apply::Args),
    Down(commands::down::Args),
    Destroy(commands::destroy::Args),
    Backup(commands::backup::Args),
    Restore(commands::restore::Args),
    Replace(commands::replace::Args),
    Restart(commands::restart::Args),
    Defrag(commands::defrag::Args),
    Certs(commands::certs::Args),
    Adopt(commands::adopt::Args),
    Drill(commands::drill::Args),
    Doctor(commands::doctor::Args),
    Schema(commands::schema::Args),
    Completions(commands::completions::Args),
    Test(commands::test::Args),
    Help(commands::help::Args),
}

impl Task {
    /// Runs the task.
    pub fn run(&self, ui: Ui) -> Outcome<Exit> {
        match self {
            Self::Render(args) => commands::render::run(ui, args),
            Self::Up(args) => commands::up::run(ui, args),
            Self::Verify(args) => commands::verify::run(ui, args),
            Self::Status(args) => commands::status::run(ui, args),
            Self::List(args) => commands::list::run(ui, args),
            Self::Identity(args) => commands::identity::run(ui, args),
            Self::Env(args) => commands::env::run(ui, args),
            Self::Etcdctl(args) => {
                misplaced::refuse_as_command(&arguments())?;
                commands::etcdctl::run(args)
            }
            Self::Ssh(args) => commands::ssh::run(args),
            Self::Logs(args) => commands::logs::run(ui, args),
            Self::Box(args) => commands::machine_box::run(ui, args),
            Self::Plan(args) => commands::plan::run(ui, args),
            Self::Apply(args) => commands::apply::run(ui, args),
            Self::Down(args) => commands::down::run(ui, args),
            Self::Destroy(args) => commands::destroy::run(ui, args),
            Self::Backup(args) => commands::backup::run(ui, args),
            Self::Restore(args) => commands::restore::run(ui, args),
            Self::Restart(args) => commands::restart::run(ui, args),
            Self::Defrag(args) => commands::defrag::run(ui, args),
            Self::Certs(args) => commands::certs::run(ui, args),
            Self::Replace(args) => commands::replace::run(ui, args),
            Self::Adopt(args) => commands::adopt::run(ui, args),
            Self::Drill(args) => commands::drill::run(ui, args),
            Self::Doctor(args) => commands::doctor::run(ui, args),
            Self::Schema(args) => commands::schema::run(ui, args),
            Self::Completions(args) => commands::completions::run(ui, args),
            Self::Test(args) => commands::test::run(ui, args),
            Self::Help(args) => commands::help::run(ui, args),
        }
    }

    /// Whether Ctrl-C may end the program at once, because there is nothing to clean up or report.
    /// Users expect this of a program that follows a file.
    pub const fn may_end_at_once(&self) -> bool {
        matches!(self, Self::Logs(_))
    }
}

/// Prints what a task must leave behind if it, or reading its arguments, failed.
pub fn after_failure(ui: Ui) {
    if let [task, rest @ ..] = &arguments()[..]
        && task == "env"
    {
        commands::env::print_nowhere(ui, rest);
    }
}

/// The words after the program's name.
pub fn arguments() -> Vec<String> {
    let words = std::env::args_os().skip(1);
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Formats a help page for printing, without the spaces that clap leaves on empty lines.
pub fn page(help: &clap::builder::StyledStr) -> String {
    let text = help.ansi().to_string();
    let lines = text.trim_end().lines().map(str::trim_end);
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The complete clap command.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}
