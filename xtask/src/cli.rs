//! The command line.

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands;
use crate::commands::Exit;
use crate::report::Outcome;
use crate::ui::Ui;

pub mod usage;

/// Static etcd clusters from version control: render, boot and prove them
///
/// A cluster is one file, `cluster/<name>.toml`. From it come machine configuration under
/// `vagrant/`, a running etcd cluster, and proof that what runs is what the file says. NAME is the
/// file's name without `.toml`, and `default` unless given.
///
/// What a task was asked for goes to standard output, what it says about its work to standard error.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", verbatim_doc_comment)]
#[command(
    subcommand_value_name = "TASK",
    subcommand_help_heading = "Tasks",
    disable_help_subcommand = true,
    after_help = "The manual page of a task: cargo xtask help TASK",
    after_long_help = AFTER_HELP
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask up            start the cluster of cluster/default.toml and prove it healthy
  cargo xtask verify        prove it again
  cargo xtask destroy       remove it
  cargo xtask help up       the manual page of a task

Exit status:
  0    done, or as it should be
  1    the answer is no: unhealthy, files differ, or you said no
  2    the command line is wrong
  3    a definition has errors
  4    could not look, or not everywhere; or the cluster was never started
  5    this host lacks something, or something on it is in the way
  6    started but failed
  7    refused, and nothing was changed: it would have done harm
  130  ended by Ctrl-C

Environment:
  NO_COLOR, CLICOLOR_FORCE   never or always color; else color goes to terminals alone
  XTASK_DRIVER               as `up --driver`
  XTASK_ETCD_DIR             as `up --etcd-dir`
  XTASK_VIRTUALIZATION       kvm or qemu, for machines under libvirt";

/// One task each.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "the arguments of each task say what it does")]
pub enum Task {
    Render(commands::render::Args),
    Up(commands::up::Args),
    Verify(commands::verify::Args),
    Status(commands::status::Args),
    Identity(commands::identity::Args),
    Env(commands::env::Args),
    Etcdctl(commands::etcdctl::Args),
    Ssh(commands::ssh::Args),
    Logs(commands::logs::Args),
    Box(commands::machine_box::Args),
    Down(commands::down::Args),
    Destroy(commands::destroy::Args),
    Drill(commands::drill::Args),
    Doctor(commands::doctor::Args),
    Schema(commands::schema::Args),
    Completions(commands::completions::Args),
    Test(commands::test::Args),
    Help(commands::help::Args),
}

impl Task {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the task from being done.
    pub fn run(&self, ui: Ui) -> Outcome<Exit> {
        match self {
            Self::Render(args) => commands::render::run(ui, args),
            Self::Up(args) => commands::up::run(ui, args),
            Self::Verify(args) => commands::verify::run(ui, args),
            Self::Status(args) => commands::status::run(ui, args),
            Self::Identity(args) => commands::identity::run(ui, args),
            Self::Env(args) => commands::env::run(ui, args),
            Self::Etcdctl(args) => commands::etcdctl::run(args),
            Self::Ssh(args) => commands::ssh::run(args),
            Self::Logs(args) => commands::logs::run(ui, args),
            Self::Box(args) => commands::machine_box::run(ui, args),
            Self::Down(args) => commands::down::run(ui, args),
            Self::Destroy(args) => commands::destroy::run(ui, args),
            Self::Drill(args) => commands::drill::run(ui, args),
            Self::Doctor(args) => commands::doctor::run(ui, args),
            Self::Schema(args) => commands::schema::run(ui, args),
            Self::Completions(args) => commands::completions::run(ui, args),
            Self::Test(args) => commands::test::run(ui, args),
            Self::Help(args) => commands::help::run(ui, args),
        }
    }

    /// Whether Ctrl-C leaves nothing to clean up and nothing to say, so that it may end the program
    /// at once, as its user expects of whatever follows a file.
    pub const fn may_end_at_once(&self) -> bool {
        matches!(self, Self::Logs(_))
    }
}

/// A page of help as it is printed: without the spaces that clap leaves in empty lines.
pub fn page(help: &clap::builder::StyledStr) -> String {
    let text = help.ansi().to_string();
    let lines = text.trim_end().lines().map(str::trim_end);
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The command line as clap has it, complete.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}
