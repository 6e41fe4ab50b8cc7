//! `cargo xtask completions`: completion scripts for shells.

use clap::{Arg, ArgAction, Command, ValueEnum, ValueHint};

mod bash;
mod fish;
mod zsh;

use super::Exit;
use crate::cli;
use crate::report::Outcome;
use crate::ui::Ui;

/// Print a completion script for a shell
///
/// It completes the words after `cargo xtask`: tasks, options and their values, the names of
/// definitions and of started members. All other words after `cargo` are left to what completed
/// them before. It looks at files alone and starts nothing, so it is as fast as the shell.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

const AFTER_HELP: &str = "\
Examples:
  source <(cargo xtask completions bash)      in bash, for this session
  source <(cargo xtask completions zsh)       in zsh, after compinit
  cargo xtask completions fish | source       in fish

To have it in every session, keep the script and read it where your shell begins:
  cargo xtask completions bash > ~/.cargo-xtask.bash
  echo 'source ~/.cargo-xtask.bash' >> ~/.bashrc";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Runs `completions`.
///
/// # Errors
/// Never fails.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let tasks = tasks(&cli::command());
    ui.print(&match args.shell {
        Shell::Bash => bash::script(&tasks),
        Shell::Zsh => zsh::script(&tasks),
        Shell::Fish => fish::script(&tasks),
    });
    Ok(Exit::Success)
}

/// A task, as far as completion goes.
struct Task {
    name: String,
    about: String,
    options: Vec<Opt>,
    argument: Value,
}

/// An option of a task.
struct Opt {
    /// `--wait`, and `-w` where there is that.
    spellings: Vec<String>,
    about: String,
    /// What follows it; none where it stands alone.
    value: Option<Value>,
}

/// What may stand in a place.
enum Value {
    /// One of these words.
    Words(Vec<String>),
    /// The name of a definition.
    Clusters,
    /// The name of a member of a started cluster.
    Members,
    /// A path.
    Folder,
    /// Something that only its author knows.
    Unknown,
}

fn tasks(command: &Command) -> Vec<Task> {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|task| task.get_name().to_owned())
        .collect();
    let task = |task: &Command| Task {
        name: task.get_name().to_owned(),
        about: text(task.get_about()),
        options: task.get_opts().chain(flags(task)).map(option).collect(),
        argument: task
            .get_positionals()
            .next()
            .map_or(Value::Unknown, |argument| {
                if argument.get_id() == "task" {
                    Value::Words(names.clone())
                } else {
                    value(argument)
                }
            }),
    };
    command.get_subcommands().map(task).collect()
}

fn flags(task: &Command) -> impl Iterator<Item = &Arg> {
    task.get_arguments()
        .filter(|argument| !argument.is_positional() && !takes_value(argument))
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

fn option(argument: &Arg) -> Opt {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    Opt {
        spellings: long.into_iter().chain(short).collect(),
        about: text(argument.get_help()),
        value: takes_value(argument).then(|| value(argument)),
    }
}

fn value(argument: &Arg) -> Value {
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|word| word.get_name().to_owned())
        .collect();
    let name = argument.get_value_names().and_then(<[_]>::first);
    match name.map(clap::builder::Str::as_str) {
        _ if !words.is_empty() => Value::Words(words),
        Some("NAME") => Value::Clusters,
        Some("MEMBER") => Value::Members,
        _ if argument.get_value_hint() == ValueHint::DirPath => Value::Folder,
        _ => Value::Unknown,
    }
}

/// The first line, without the terminal's styles.
fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    let text = styled.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
