//! `cargo xtask completions`: completion scripts for shells.

use clap::{Arg, ArgAction, Command, ValueEnum, ValueHint};

mod bash;
mod fish;
mod zsh;

use super::Exit;
use crate::change::rehearsals::REHEARSALS;
use crate::cli;
use crate::fault::FAULTS;
use crate::report::Outcome;
use crate::ui::Ui;
use crate::values::DriverName;

/// Print a completion script for a shell
///
/// The script completes the words after `cargo xtask`: tasks, options and their values, faults, and
/// the names of definitions and of the named cluster's members. Other words after `cargo` are
/// completed as before. The script only reads files and starts no programs, so it is as fast as the
/// shell.
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

To use it in every session, save the script and source it in your shell's startup file:
  cargo xtask completions bash > ~/.cargo-xtask.bash
  echo 'source ~/.cargo-xtask.bash' >> ~/.bashrc";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Runs `completions`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let tasks = tasks(&cli::command());
    ui.print(&match args.shell {
        Shell::Bash => bash::script(&tasks),
        Shell::Zsh => zsh::script(&tasks),
        Shell::Fish => fish::script(&tasks),
    });
    Ok(Exit::Success)
}

/// The parts of a task that completion needs.
struct Task {
    name: String,
    about: String,
    options: Vec<Opt>,
    argument: Value,
}

/// An option of a task.
struct Opt {
    /// The long form such as `--wait`, and the short form such as `-w` if there is one.
    spellings: Vec<String>,
    about: String,
    /// `None` for a flag.
    value: Option<Value>,
}

/// The candidates for an argument or an option's value.
enum Value {
    Words(Vec<String>),
    /// The names of all definitions.
    Clusters,
    /// The name of a definition, then any of these words.
    ClusterThen(Vec<String>),
    /// The members of the cluster that an earlier word names, or else of `default`.
    Members,
    /// Any folder.
    Folder,
    /// No candidates are known.
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
    let value = takes_value(argument).then(|| value(argument));
    // After `--prove`, which may have a value after `=`, the next word is another argument.
    let is_flag = argument.is_require_equals_set() && matches!(value, Some(Value::Unknown));
    Opt {
        spellings: long.into_iter().chain(short).collect(),
        about: text(argument.get_help()),
        value: value.filter(|_| !is_flag),
    }
}

fn value(argument: &Arg) -> Value {
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|word| word.get_name().to_owned())
        .collect();
    let name = argument.get_value_names().and_then(<[_]>::first);
    let drivers = DriverName::ALL.iter().map(ToString::to_string);
    let faults = FAULTS.iter().map(|fault| fault.name).chain(["all"]);
    let changes = REHEARSALS.iter().map(|rehearsal| rehearsal.name);
    let drills = faults.chain(changes).map(str::to_owned);
    match name.map(clap::builder::Str::as_str) {
        _ if !words.is_empty() => Value::Words(words),
        Some("NAME") => Value::Clusters,
        // The words of `drill`.
        Some("NAME] [FAULT…|CHANGE…") => Value::ClusterThen(drills.collect()),
        Some("DRIVER") => Value::Words(drivers.collect()),
        Some("MEMBER") => Value::Members,
        _ if argument.get_value_hint() == ValueHint::DirPath => Value::Folder,
        _ => Value::Unknown,
    }
}

/// The arms of a `case` over the task and the word before, for bash and zsh. `offer` offers described
/// words of one kind, and `find` the candidates of a value.
fn arms(
    tasks: &[Task],
    offer: fn(&str, Vec<(&str, &str)>) -> String,
    find: fn(&Value) -> String,
) -> String {
    let all = tasks.iter().map(|task| (&*task.name, &*task.about));
    let mut arms = format!("        ' '*) {} ;;\n", offer("task", all.collect()));
    for Task {
        name,
        options,
        argument,
        ..
    } in tasks
    {
        for option in options {
            if let Some(value) = &option.value {
                let spellings = option.spellings.iter();
                let patterns: Vec<String> = spellings
                    .map(|spelling| format!("'{name} {spelling}'"))
                    .collect();
                arms += &format!("        {}) {} ;;\n", patterns.join(" | "), find(value));
            }
        }
        let spelled = options.iter().flat_map(|option| {
            let spellings = option.spellings.iter();
            spellings.map(|spelling| (&**spelling, &*option.about))
        });
        arms += &format!(
            "        '{name} '*) if [[ $current == -* ]]; then {}; else {}; fi ;;\n",
            offer("option", spelled.collect()),
            find(argument)
        );
    }
    arms
}

/// The first line, without terminal styles.
fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    let text = styled.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
