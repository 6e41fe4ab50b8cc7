//! Reads definitions from `cluster/`: one of them, or all.

use std::fs;
use std::io;
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::source_files::{DEFINITION, USER_DATA, read_source};
use crate::definition::read::in_file_order;
use crate::definition::rules::RULES_ACROSS;
use crate::definition::{self, Definition};
use crate::driver;
use crate::extra_user_data;
use crate::hint::Hint;
use crate::observation::Condition;
use crate::plan::Plan;
use crate::report::{Diagnostic, Failure, FailureKind, Outcome, Severity, Source};
use crate::state::Record;
use crate::ui::Ui;
use crate::values::{ClusterName, Refused};
use crate::wording::list_of_words;
use crate::workspace::Workspace;

/// The plan of `cluster/<name>.toml`. Prints the definition's warnings if it has no errors, except
/// for those about choices, which [`load`] prints.
pub fn plan(ui: Ui, workspace: &Workspace, name: &ClusterName) -> Outcome<Plan> {
    let (definition, mut diagnostics) = read_named(workspace, name)?;
    diagnostics.retain(|diagnostic| !diagnostic.is_about_a_choice);
    without_errors(ui, Plan::new(&definition), diagnostics)
}

/// Reads `cluster/<name>.toml`. Prints its warnings if it has no errors.
pub fn load(ui: Ui, workspace: &Workspace, name: &ClusterName) -> Outcome<Definition> {
    let (definition, diagnostics) = read_named(workspace, name)?;
    without_errors(ui, definition, diagnostics)
}

/// The same, and compares it with each other definition that has no errors.
pub fn load_beside_others(
    ui: Ui,
    workspace: &Workspace,
    name: &ClusterName,
) -> Outcome<Definition> {
    let (definition, mut diagnostics) = read_named(workspace, name)?;
    for rule in RULES_ACROSS {
        let others = names(workspace)?.into_iter().filter(|other| other != name);
        let found = others.filter_map(|other| {
            let mut pair = [definition.clone(), load_silently(workspace, &other)?];
            pair.sort_by(|one, other| one.name.cmp(&other.name));
            let mut found = Vec::new();
            (rule.judge)(&pair, &mut found);
            (!found.is_empty()).then_some(found)
        });
        // As in a comparison of all, one is enough.
        diagnostics.extend(found.take(1).flatten());
    }
    without_errors(ui, definition, diagnostics)
}

/// Whether there is a definition of this name, with or without errors.
pub fn exists(workspace: &Workspace, name: &ClusterName) -> bool {
    let path = workspace.cluster().join(format!("{name}.toml"));
    fs::symlink_metadata(&path).is_ok()
}

fn read_named(workspace: &Workspace, name: &ClusterName) -> Outcome<(Definition, Vec<Diagnostic>)> {
    let path = workspace.cluster().join(format!("{name}.toml"));
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(no_such_definition(workspace, name));
    }
    let source = read_source(workspace, &path, DEFINITION)?;
    Ok(read(workspace, name.clone(), source))
}

/// Reads a definition without printing anything; `None` if it is missing or has errors.
pub fn load_silently(workspace: &Workspace, name: &ClusterName) -> Option<Definition> {
    let path = workspace.cluster().join(format!("{name}.toml"));
    let source = read_source(workspace, &path, DEFINITION).ok()?;
    let (definition, found) = read(workspace, name.clone(), source);
    (!has_errors(&found)).then_some(definition)
}

/// Reads all definitions, sorted by name, and compares them with each other. Prints their warnings
/// if there are no errors.
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
        match named.and_then(|name| Ok((name, read_source(workspace, &path, DEFINITION)?))) {
            Ok((name, source)) => {
                let (definition, found) = read(workspace, name, source);
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

/// The names of all definitions, sorted. Files with invalid names are skipped.
pub fn names(workspace: &Workspace) -> Outcome<Vec<ClusterName>> {
    let files = files(workspace)?;
    Ok(files
        .iter()
        .filter_map(|(file_name, _)| named(file_name).ok())
        .collect())
}

fn without_errors<T>(ui: Ui, value: T, diagnostics: Vec<Diagnostic>) -> Outcome<T> {
    if has_errors(&diagnostics) {
        return Err(Failure {
            kind: FailureKind::Definition,
            diagnostics,
        });
    }
    ui.report(&diagnostics);
    Ok(value)
}

/// Reads a definition, and the file that its `machine.user_data` names.
fn read(workspace: &Workspace, name: ClusterName, source: Source) -> (Definition, Vec<Diagnostic>) {
    let (mut definition, mut diagnostics) = definition::read(name, Arc::new(source));
    let setting = &definition.machine.user_data;
    let (Some(Some(file)), Some(span)) = (setting.known(), setting.span()) else {
        return (definition, diagnostics);
    };
    match read_source(
        workspace,
        &workspace.cluster().join(file.as_str()),
        USER_DATA,
    ) {
        Ok(source) => {
            let is_valid = !has_errors(&diagnostics);
            let found = extra_user_data::read(&mut definition, &Arc::new(source), is_valid);
            diagnostics.extend(found);
        }
        Err(failure) => {
            let found = failure.diagnostics.into_iter();
            diagnostics.extend(found.map(|found| found.at(&definition.source, span.clone(), "")));
        }
    }
    in_file_order(&mut diagnostics);
    (definition, diagnostics)
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    let mut severities = diagnostics.iter().map(|diagnostic| diagnostic.severity);
    severities.any(|severity| severity == Severity::Error)
}

/// The name without extension and the path of each `*.toml` in `cluster/`, sorted. Hidden files are
/// skipped, because editors keep their own there.
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
        // A name that is not UTF-8 is reported as an invalid cluster name.
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
        Failure::definition(
            Diagnostic::error(format!(
                "`cluster/{}.toml` cannot name a cluster: {}",
                file_name.escape_debug(),
                refused.why
            ))
            .note("the file name is the cluster's name, which also names folders and a token")
            .hint(format!("rename the file: {}", refused.hint)),
        )
    })
}

fn no_such_definition(workspace: &Workspace, name: &ClusterName) -> Failure {
    let diagnostic = Diagnostic::error(format!("there is no `cluster/{name}.toml`"));
    let diagnostic = match Record::read(&workspace.home(name)) {
        Ok(Some(record)) => without_definition(workspace, name, &record, diagnostic),
        _ => diagnostic,
    };
    Failure::definition(hint_at_definitions(workspace, name, diagnostic))
}

/// Says that the definition of a started cluster was renamed or removed, and what still works.
fn without_definition(
    workspace: &Workspace,
    name: &ClusterName,
    record: &Record,
    diagnostic: Diagnostic,
) -> Diagnostic {
    let (home, driver) = (workspace.home(name), driver::named(record.driver));
    let conditions = driver.conditions(&home, &record.names());
    let runs = conditions.is_ok_and(|all| all.iter().any(Condition::is_running));
    let diagnostic = if runs {
        diagnostic
            .note(format!(
                "cluster `{name}` still runs from an earlier definition"
            ))
            .hint(Hint::heals("stop it", [format!("cargo xtask down {name}")]))
    } else {
        diagnostic.note(format!(
            "cluster `{name}` was started from an earlier definition, and its data is kept"
        ))
    };
    let destroy = [format!("cargo xtask destroy {name}")];
    let or = if runs { "or remove" } else { "remove" };
    diagnostic
        .hint(Hint::heals(format!("{or} it with its data"), destroy))
        .hint("or restore the definition")
}

/// Lists the available definitions, for a name that does not exist.
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
        diagnostic.hint(format!("available definitions: {}", list_of_words(names)))
    }
}
