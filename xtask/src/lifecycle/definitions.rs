//! Reads definitions from `cluster/`: the one that a task is about, or all of them.

use std::fs;
use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::definition::read::in_file_order;
use crate::definition::rules::RULES_ACROSS;
use crate::definition::{self, Definition};
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome, Severity, Source};
use crate::ui::Ui;
use crate::values::{ClusterName, Refused};
use crate::workspace::Workspace;

/// A definition has a few kilobytes. What is much larger is something else by mistake.
const MOST_BYTES: u64 = 64 << 10;

/// The plan of the definition `cluster/<name>.toml`. Prints the definition's warnings, if there is nothing
/// worse.
///
/// # Errors
/// Everything that is wrong with it, or that there is none of this name.
pub fn plan(ui: Ui, workspace: &Workspace, name: &ClusterName) -> Outcome<Plan> {
    load(ui, workspace, name).map(|definition| Plan::new(&definition))
}

/// Reads `cluster/<name>.toml`. Prints its warnings, if there is nothing worse.
///
/// # Errors
/// Everything that is wrong with it, or that there is none of this name.
pub fn load(ui: Ui, workspace: &Workspace, name: &ClusterName) -> Outcome<Definition> {
    let path = workspace.cluster().join(format!("{name}.toml"));
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(no_such_definition(workspace, name));
    }
    let source = read_source(workspace, &path)?;
    let (definition, diagnostics) = definition::read(name.clone(), Arc::new(source));
    without_errors(ui, definition, diagnostics)
}

/// Reads one definition without a word about it; none where it is gone or has errors.
pub fn load_silently(workspace: &Workspace, name: &ClusterName) -> Option<Definition> {
    let path = workspace.cluster().join(format!("{name}.toml"));
    let source = read_source(workspace, &path).ok()?;
    let (definition, found) = definition::read(name.clone(), Arc::new(source));
    let is_right = |found: &Diagnostic| found.severity != Severity::Error;
    found.iter().all(is_right).then_some(definition)
}

/// Reads every definition, sorted by name, and compares them with each other. Prints their
/// warnings, if there is nothing worse.
///
/// # Errors
/// Everything that is wrong with any of them, or that there is none.
pub fn load_all(ui: Ui, workspace: &Workspace) -> Outcome<Vec<Definition>> {
    let mut definitions = Vec::new();
    let mut diagnostics = Vec::new();
    let files = files(workspace)?;
    if files.is_empty() {
        return Err(Failure::definition(
            Diagnostic::error("there is no definition in `cluster/`")
                .note("each file `cluster/<name>.toml` defines one cluster")
                .hint("write `members = 3` into `cluster/default.toml`: that alone is a cluster"),
        ));
    }
    for (file_name, path) in files {
        let named = named(&file_name);
        match named.and_then(|name| Ok((name, read_source(workspace, &path)?))) {
            Ok((name, source)) => {
                let (definition, found) = definition::read(name, Arc::new(source));
                definitions.push(definition);
                diagnostics.extend(found);
            }
            Err(failure) => diagnostics.extend(failure.diagnostics),
        }
    }
    for rule in RULES_ACROSS {
        (rule.judge)(&definitions, &mut diagnostics);
    }
    in_file_order(&mut diagnostics);
    without_errors(ui, definitions, diagnostics)
}

/// The names of all definitions, sorted. Files whose names are not allowed are left out.
///
/// # Errors
/// Fails where `cluster/` cannot be read.
pub fn names(workspace: &Workspace) -> Outcome<Vec<ClusterName>> {
    let files = files(workspace)?;
    Ok(files
        .iter()
        .filter_map(|(file_name, _)| named(file_name).ok())
        .collect())
}

fn without_errors<T>(ui: Ui, value: T, diagnostics: Vec<Diagnostic>) -> Outcome<T> {
    if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        return Err(Failure {
            kind: FailureKind::Definition,
            diagnostics,
        });
    }
    ui.report(&diagnostics);
    Ok(value)
}

/// The name of each `*.toml` in `cluster/`, without that ending, and its path; sorted. Hidden files
/// are left out: editors put their own there.
fn files(workspace: &Workspace) -> Outcome<Vec<(String, Utf8PathBuf)>> {
    let folder = workspace.cluster();
    let unreadable = |error: io::Error| {
        Failure::definition(
            Diagnostic::error("the folder `cluster/` cannot be read").note(error.to_string()),
        )
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let file_name = entry.map_err(unreadable)?.file_name();
        // A name that is not UTF-8 cannot be a cluster's name, which is what is then reported.
        let file_name = file_name.to_string_lossy();
        if let Some(name) = file_name.strip_suffix(".toml")
            && !file_name.starts_with('.')
        {
            files.push((name.to_owned(), folder.join(&*file_name)));
        }
    }
    files.sort();
    Ok(files)
}

fn named(file_name: &str) -> Outcome<ClusterName> {
    file_name.parse().map_err(|refused: Refused| {
        wrong(
            Diagnostic::error(format!(
                "`cluster/{}.toml` cannot name a cluster: {}",
                file_name.escape_debug(),
                refused.why
            ))
            .note("a definition's file name is its cluster's name, and names folders and a token")
            .hint(format!("rename the file: {}", refused.hint)),
        )
    })
}

fn wrong(diagnostic: Diagnostic) -> Failure {
    Failure::definition(diagnostic)
}

fn read_source(workspace: &Workspace, path: &Utf8Path) -> Outcome<Source> {
    let shown = path.strip_prefix(workspace.root()).unwrap_or(path);
    let unreadable = |error: io::Error| {
        wrong(Diagnostic::error(format!("`{shown}` cannot be read")).note(error.to_string()))
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "a folder"
        } else {
            "not a regular file"
        };
        return Err(wrong(
            Diagnostic::error(format!("`{shown}` is {what}"))
                .note("everything in `cluster/` that ends in `.toml` is read as a definition")
                .hint("move it elsewhere, or rename it"),
        ));
    }
    if metadata.len() > MOST_BYTES {
        let size = metadata.len();
        return Err(wrong(
            Diagnostic::error(format!(
                "`{shown}` has {size} bytes, {MOST_BYTES} is the most"
            ))
            .note("a definition has a few kilobytes, so this is probably something else"),
        ));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source {
            path: shown.to_owned(),
            text,
        }),
        Err(error) => Err(wrong(not_utf8(shown, &error))),
    }
}

fn not_utf8(shown: &Utf8Path, error: &std::string::FromUtf8Error) -> Diagnostic {
    let bytes = error.as_bytes();
    let valid = error.utf8_error().valid_up_to();
    let (before, rest) = bytes.split_at(valid);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let byte = rest.first().copied().unwrap_or_default();
    let diagnostic = Diagnostic::error(format!("`{shown}` is not UTF-8")).note(format!(
        "line {line} has the byte 0x{byte:02x}, which no UTF-8 text has there"
    ));
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        diagnostic.hint("the file is UTF-16: save it as UTF-8")
    } else {
        diagnostic.hint("save the file as UTF-8")
    }
}

fn no_such_definition(workspace: &Workspace, name: &ClusterName) -> Failure {
    let diagnostic = Diagnostic::error(format!("there is no `cluster/{name}.toml`"));
    Failure::definition(hint_at_definitions(workspace, name, diagnostic))
}

/// Says which definitions there are, to someone who asked for one that is not there.
pub(super) fn hint_at_definitions(
    workspace: &Workspace,
    name: &ClusterName,
    diagnostic: Diagnostic,
) -> Diagnostic {
    let names = names(workspace).unwrap_or_default();
    let diagnostic = match definition::nearest(name.as_str(), names.iter().map(ClusterName::as_str))
    {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic,
    };
    if names.is_empty() {
        diagnostic.hint(format!(
            "write `members = 3` into `cluster/{name}.toml`: that alone is a cluster"
        ))
    } else {
        let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        diagnostic.hint(format!("definitions there are: {}", all.join(", ")))
    }
}
