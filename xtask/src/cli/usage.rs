//! What is wrong with a command line, said as this program says everything else.

use std::num::ParseIntError;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::definition::nearest;
use crate::hint::Hint;
use crate::report::Diagnostic;
use crate::values::Refused;
use crate::wording::either;

/// What clap found wrong; `arguments` are the words after the program's name.
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
        ErrorKind::UnknownArgument => unknown_argument(error, &called, arguments),
        ErrorKind::InvalidValue if text(error, ContextKind::InvalidValue).is_empty() => {
            Diagnostic::error(format!("{} lacks its value", argument(error)))
        }
        ErrorKind::InvalidValue => not_among(error),
        ErrorKind::ValueValidation => refused(error),
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
        Some(task) => Hint::informs("see what it takes", [format!("cargo xtask help {task}")]),
        None => see_all(),
    })
}

/// There is no task of this name; perhaps one that begins so, or one that is spelled like it.
pub fn no_such_task(word: &str) -> Diagnostic {
    let command = super::command();
    let tasks: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    let mut near: Vec<String> = tasks
        .iter()
        .filter(|task| !word.is_empty() && task.starts_with(word))
        .map(|task| (*task).to_owned())
        .collect();
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

fn unknown_argument(error: &Error, called: &str, arguments: &[String]) -> Diagnostic {
    let argument = text(error, ContextKind::InvalidArg);
    let kind = if argument.starts_with('-') {
        "option"
    } else {
        "argument"
    };
    let diagnostic = Diagnostic::error(format!("`{called}` takes no {kind} `{argument}`"));
    match &suggestions(error, ContextKind::SuggestedArg)[..] {
        [] if argument == "--cluster" || argument == "-c" => {
            let name = arguments
                .iter()
                .skip_while(|word| **word != argument)
                .nth(1);
            let name = name.map_or("default", String::as_str);
            diagnostic.hint(Hint::heals(
                "a cluster's name stands alone here",
                [format!("{called} {name}")],
            ))
        }
        [] if called.ends_with(" etcdctl") => diagnostic.hint(format!(
            "if it is meant for etcdctl, write `--` before it: `-- {argument}`"
        )),
        [] => diagnostic,
        near => diagnostic.hint(format!(
            "did you mean {}?",
            either(near.iter().map(String::as_str))
        )),
    }
}

/// An option beside one that excludes it, or beside itself.
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

/// A value that is none of a list.
fn not_among(error: &Error) -> Diagnostic {
    let value = text(error, ContextKind::InvalidValue);
    let values = suggestions(error, ContextKind::ValidValue);
    let diagnostic = Diagnostic::error(format!("{} cannot be `{value}`", argument(error)));
    // Nearest by the measure that all of this program has: clap's finds likeness in any two words.
    let diagnostic = match nearest(&value, values.iter().map(String::as_str)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic,
    };
    diagnostic.hint(format!(
        "it can be {}",
        either(values.iter().map(String::as_str))
    ))
}

/// A value that its type does not take.
fn refused(error: &Error) -> Diagnostic {
    use std::error::Error as _;
    let diagnostic = Diagnostic::error(format!(
        "{} cannot be `{}`",
        argument(error),
        text(error, ContextKind::InvalidValue)
    ));
    let file = text(error, ContextKind::InvalidValue);
    if let Some(name) = file.strip_suffix(".toml") {
        let name = name.rsplit('/').next().unwrap_or_default();
        return diagnostic
            .note("a cluster is called as its definition, without `.toml`")
            .hint(format!("did you mean `{name}`?"));
    }
    match error.source() {
        Some(why) if why.is::<ParseIntError>() => diagnostic.note("it has to be a whole number"),
        Some(why) => match why.downcast_ref::<Refused>() {
            Some(refused) => diagnostic.note(&refused.why).hint(&refused.hint),
            None => diagnostic.note(why.to_string()),
        },
        None => diagnostic,
    }
}

fn argument(error: &Error) -> String {
    called(&text(error, ContextKind::InvalidArg))
}

/// `--wait` or NAME: an argument by what a user calls it, without its brackets.
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

/// What may follow the task, in a line.
fn usage(task: Option<&str>) -> Option<String> {
    let mut command = super::command();
    let task = command.find_subcommand_mut(task?)?;
    let usage = task.render_usage().to_string();
    Some(usage.trim_start_matches("Usage: ").trim().to_owned())
}

/// The first line of clap's own words, for what has none here.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
