//! The command line.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::report::{Exit, Outcome};

/// Static etcd clusters from version control: render, boot and prove them.
///
/// A cluster is one file, `cluster/<name>.toml`. From it come machine configuration under
/// `vagrant/`, a running etcd cluster, and proof that what runs is what the file says. Every task
/// takes the cluster's NAME, which is `default` unless given.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = AFTER_HELP)]
#[command(
    propagate_version = false,
    disable_version_flag = true,
    infer_subcommands = true
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

Exit status:
  0  done, or as it should be      3  a definition has errors
  1  unhealthy, or files differ    4  could not look, so nothing is known
  2  wrong command line            5  this host lacks something or is in the way
                                   6  begun, and did not succeed";

/// One task each.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Write the machine configuration that follows from the definitions
    Render(commands::render::Args),
    /// Start a cluster, wait for its quorum and prove it healthy
    Up(commands::up::Args),
    /// Prove that what runs is what the definition says
    Verify(commands::verify::Args),
    /// Show each member of a cluster
    Status(commands::status::Args),
    /// Print the cluster and member IDs that a cluster will have
    Identity(commands::identity::Args),
    /// Print shell exports that point etcdctl at a running cluster
    Env(commands::env::Args),
    /// Run etcdctl against a running cluster
    Etcdctl(commands::etcdctl::Args),
    /// Show what a member wrote to its log
    Logs(commands::logs::Args),
    /// Stop a cluster and keep its data
    Down(commands::down::Args),
    /// Stop a cluster and remove everything it left
    Destroy(commands::destroy::Args),
    /// Print the JSON Schema of definitions, for editors
    Schema(commands::schema::Args),
    /// Print a completion script for a shell
    Completions(commands::completions::Args),
    /// Run every test of this project
    Test(commands::test::Args),
}

impl Task {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the task from being done.
    pub fn run(&self) -> Outcome<Exit> {
        match self {
            Self::Render(args) => commands::render::run(args),
            Self::Up(args) => commands::up::run(args),
            Self::Verify(args) => commands::verify::run(args),
            Self::Status(args) => commands::status::run(args),
            Self::Identity(args) => commands::identity::run(args),
            Self::Env(args) => commands::env::run(args),
            Self::Etcdctl(args) => commands::etcdctl::run(args),
            Self::Logs(args) => commands::logs::run(args),
            Self::Down(args) => commands::down::run(args),
            Self::Destroy(args) => commands::destroy::run(args),
            Self::Schema(args) => commands::schema::run(args),
            Self::Completions(args) => commands::completions::run(args),
            Self::Test(args) => commands::test::run(args),
        }
    }
}
