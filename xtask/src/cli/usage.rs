//! Reports command line errors in the format of this program's other messages.

use std::num::ParseIntError;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{misplaced, synonyms};
use crate::definition::nearest;
use crate::hint::Hint;
use crate::process::quoted;
use crate::report::Diagnostic;
use crate::values::Refused;
use crate::wording::either;

/// Converts an error from clap; `arguments` are the words after the program's name.
pub fn diagnostic(error: &Error, arguments: &[String]) -> Diagnostic {
    if error.kind() == ErrorKind::InvalidSubcommand {
        return no_such_task(&text(error, ContextKind::InvalidSubcommand));
    }
    let command = super::command();
    let task = arguments
        .iter()
        .find(|word| command.find_subcommand(word.as_str()).is_some());
    let called = task.map_or_else(
        || "cargo xtask".to_owned(),
        |task| format!("cargo xtask {task}"),
    );
    let diagnostic = match error.kind() {
        ErrorKind::UnknownArgument => {
            unknown_argument(error, task.map(String::as_str), &called, arguments)
        }
        ErrorKind::InvalidValue if text(error, ContextKind::InvalidValue).is_empty() => {
            Diagnostic::error(format!("{} needs a value", argument(error)))
        }
        ErrorKind::InvalidValue => not_possible(error, &source(error, task, arguments)),
        ErrorKind::ValueValidation => refused(error, &source(error, task, arguments)),
        ErrorKind::MissingRequiredArgument => Diagnostic::error(format!(
            "`{called}` needs {}",
            text(error, ContextKind::InvalidArg)
        )),
        ErrorKind::ArgumentConflict => conflict(error),
        _ => Diagnostic::error(plain(error)),
    };
    let about_a_value = matches!(
        error.kind(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
    );
    let diagnostic = match usage(task.map(String::as_str)) {
        Some(usage) if !about_a_value => diagnostic.note(format!("usage: {usage}")),
        _ => diagnostic,
    };
    diagnostic.hint(match task {
        Some(task) => Hint::informs("see its manual page", [format!("cargo xtask help {task}")]),
        None => see_all(),
    })
}

/// Reports an unknown task, and suggests tasks with that meaning, that prefix or a similar spelling.
pub fn no_such_task(word: &str) -> Diagnostic {
    let command = super::command();
    let tasks: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let is_here = |task: &&&str| {
        let name = task.split(' ').next().unwrap_or_default();
        name.starts_with('-') || tasks.contains(&name)
    };
    let same = synonyms::tasks(word).iter().filter(is_here);
    let mut near: Vec<String> = same.map(|task| (*task).to_owned()).collect();
    if near.is_empty() && !word.is_empty() {
        let begin = tasks.iter().filter(|task| task.starts_with(word));
        near.extend(begin.map(|task| (*task).to_owned()));
    }
    if near.is_empty() {
        near.extend(nearest(word, tasks).map(str::to_owned));
    }
    let diagnostic = Diagnostic::error(format!("there is no task `{word}`"));
    let diagnostic = if near.is_empty() {
        diagnostic
    } else {
        diagnostic.hint(format!(
            "did you mean {}?",
            either(near.iter().map(String::as_str))
        ))
    };
    diagnostic.hint(see_all())
}

fn see_all() -> Hint {
    Hint::informs("see all tasks", ["cargo xtask help"])
}

fn unknown_argument(
    error: &Error,
    task: Option<&str>,
    called: &str,
    arguments: &[String],
) -> Diagnostic {
    let argument = text(error, ContextKind::InvalidArg);
    let kind = if argument.starts_with('-') {
        "option"
    } else {
        "argument"
    };
    let diagnostic = Diagnostic::error(format!("`{called}` takes no {kind} `{argument}`"));
    if let Some(task) = task
        && let Some(hint) = elsewhere(task, &argument, arguments)
    {
        return diagnostic.hint(hint);
    }
    let mut near = suggestions(error, ContextKind::SuggestedArg);
    // clap also finds similarity between unrelated words.
    near.retain(|near| nearest(&argument, [near.as_str()]).is_some());
    match &near[..] {
        [] if argument == "--cluster" || argument == "-c" => {
            let name = arguments
                .iter()
                .skip_while(|word| **word != argument)
                .nth(1);
            let name = name.map_or("default", String::as_str);
            diagnostic.hint(Hint::heals(
                "give the cluster's name without an option",
                [format!("{called} {name}")],
            ))
        }
        [] if called.ends_with(" etcdctl") => diagnostic.hint(format!(
            "to pass it to etcdctl, write `--` before it: `-- {argument}`"
        )),
        [] => diagnostic,
        near => diagnostic.hint(format!(
            "did you mean {}?",
            either(near.iter().map(String::as_str))
        )),
    }
}

/// What other programs' word for an option, or a cluster as an argument, is here.
fn elsewhere(task: &str, argument: &str, arguments: &[String]) -> Option<Hint> {
    let command = super::command();
    let task_command = command.find_subcommand(task)?;
    if !argument.starts_with('-') {
        let takes_member = task_command.get_positionals().next()?.get_id() == "member";
        return takes_member
            .then(|| misplaced::beside_member(task, arguments))
            .flatten();
    }
    let known = |option: &str| {
        let mut arguments = task_command.get_arguments();
        arguments.find(|known| known.get_long() == option.strip_prefix("--"))
    };
    let at = arguments.iter().position(|word| word == argument)?;
    let value = arguments.get(at + 1);
    let mut spellings = synonyms::options(argument).filter_map(|spelling| {
        let option = known(spelling.split(' ').next()?)?;
        let values = option.get_possible_values();
        let is_possible = spelling.contains(' ')
            || values.is_empty()
            || value.is_some_and(|value| values.iter().any(|one| one.matches(value, false)));
        is_possible.then_some((spelling, option))
    });
    let Some((spelling, option)) = spellings.next() else {
        return synonyms::other_task(argument);
    };
    let least = option.get_num_args().map(|values| values.min_values());
    let brings_a_value = least != Some(0) && !spelling.contains(' ') && !is_flag(option);
    let mut words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    if is_given(option, arguments) {
        words.remove(at);
        if brings_a_value && at < words.len() {
            words.remove(at);
        }
    } else if least == Some(0) && !is_flag(option) {
        // The next word would be its value, if it is one.
        let value = value.filter(|value| value.starts_with(|first: char| first.is_ascii_digit()));
        let end = if value.is_some() { at + 2 } else { at + 1 };
        let moved: Vec<String> = words.drain(at..end).skip(1).collect();
        words.push(spelling.to_owned());
        words.extend(moved);
    } else {
        let is_whole = !brings_a_value || value.is_some();
        is_whole.then(|| spelling.clone_into(&mut words[at]))?;
    }
    Some(Hint::heals(
        "here, that is",
        [format!("cargo xtask {}", words.join(" "))],
    ))
}

fn is_flag(option: &clap::Arg) -> bool {
    !option.get_action().takes_values()
}

/// Whether an option is among the arguments, in its long or short form.
fn is_given(option: &clap::Arg, arguments: &[String]) -> bool {
    let long = option.get_long().map(|long| format!("--{long}"));
    let short = option.get_short().map(|short| format!("-{short}"));
    let forms: Vec<String> = long.into_iter().chain(short).collect();
    let mut words = arguments.iter().filter_map(|word| word.split('=').next());
    words.any(|word| forms.iter().any(|form| form == word))
}

/// Reports an option that conflicts with another one, or that is given twice.
fn conflict(error: &Error) -> Diagnostic {
    let one = argument(error);
    let others = suggestions(error, ContextKind::PriorArg);
    let others: Vec<String> = others.iter().map(|other| called(other)).collect();
    if others.iter().all(|other| *other == one) {
        return Diagnostic::error(format!("{one} is given twice"));
    }
    Diagnostic::error(format!(
        "{one} cannot be used with {}",
        others.join(" and ")
    ))
}

/// Reports a value that is not in the list of possible values.
fn not_possible(error: &Error, source: &str) -> Diagnostic {
    let value = text(error, ContextKind::InvalidValue);
    let values = suggestions(error, ContextKind::ValidValue);
    let diagnostic = Diagnostic::error(format!("{source} cannot be {}", shown(&value)));
    // Not clap's own suggestion, which also finds similarity between unrelated words.
    let diagnostic = match nearest(&value, values.iter().map(String::as_str)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic,
    };
    diagnostic.hint(format!(
        "it can be {}",
        either(values.iter().map(String::as_str))
    ))
}

/// Reports a value that its type rejects.
fn refused(error: &Error, source: &str) -> Diagnostic {
    use std::error::Error as _;
    let diagnostic = Diagnostic::error(format!(
        "{source} cannot be {}",
        shown(&text(error, ContextKind::InvalidValue))
    ));
    let file = text(error, ContextKind::InvalidValue);
    if let Some(name) = file.strip_suffix(".toml") {
        let name = name.rsplit('/').next().unwrap_or_default();
        return diagnostic
            .note("a cluster's name is the file name of its definition, without `.toml`")
            .hint(format!("did you mean `{name}`?"));
    }
    match error.source() {
        Some(why) if why.is::<ParseIntError>() => {
            diagnostic.note("the value must be a whole number")
        }
        Some(why) => match why.downcast_ref::<Refused>() {
            Some(refused) => diagnostic.note(&refused.why).hint(&refused.hint),
            None => diagnostic.note(why.to_string()),
        },
        None => diagnostic,
    }
}

/// Where a value came from: its argument, or else the environment variable that stands for it.
fn source(error: &Error, task: Option<&String>, arguments: &[String]) -> String {
    let argument = argument(error);
    let option = argument.trim_matches('`');
    let is_given = |word: &String| word.split('=').next() == Some(option);
    let variable = || {
        let command = super::command();
        let mut known = command.find_subcommand(task?)?.get_arguments();
        let known = known.find(|known| known.get_long() == option.strip_prefix("--"))?;
        Some(known.get_env()?.to_string_lossy().into_owned())
    };
    match variable() {
        Some(variable) if !arguments.iter().any(is_given) => format!("`{variable}`"),
        _ => argument,
    }
}

fn shown(value: &str) -> String {
    match value {
        "" => "empty".to_owned(),
        _ => format!("`{value}`"),
    }
}

fn argument(error: &Error) -> String {
    called(&text(error, ContextKind::InvalidArg))
}

/// An argument's name without brackets, such as `--wait` or NAME.
fn called(argument: &str) -> String {
    let word = argument.split([' ', '=']).next().unwrap_or_default();
    if word.starts_with('-') {
        format!("`{word}`")
    } else {
        word.trim_matches(['[', ']', '<', '>', '.']).to_owned()
    }
}

fn text(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts
            .iter()
            .map(|text| text.trim_matches(['<', '>', '.']))
            .collect::<Vec<_>>()
            .join(" and "),
        _ => String::new(),
    }
}

fn suggestions(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// The usage line of a task.
fn usage(task: Option<&str>) -> Option<String> {
    let mut command = super::command();
    let task = command.find_subcommand_mut(task?)?;
    let usage = task.render_usage().to_string();
    Some(usage.trim_start_matches("Usage: ").trim().to_owned())
}

/// The first line of clap's own message, for errors that have no message here.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
