//! `cargo xtask render`: writes machine configuration from definitions.

use std::fmt::Write;

use camino::{Utf8Path, Utf8PathBuf};

use super::Exit;
use crate::advice;
use crate::artifact::{self, Before, Mode};
use crate::hint::Hint;
use crate::lifecycle::{definitions, open};
use crate::plan::Plan;
use crate::render::{self, Rendered};
use crate::report::{Diagnostic, Outcome};
use crate::ui::{self, Ui};
use crate::values::ClusterName;
use crate::wording::{list, list_of_words};
use crate::workspace::Workspace;

/// Write machine configuration from the definitions
///
/// `render` turns cluster/default.toml into vagrant/user-data and vagrant/config.rb, and every other
/// cluster/<name>.toml into the same files in vagrant/<name>/. The same definition gives the same
/// bytes on every host, so commit definitions and rendered files together.
///
/// `render` does not touch files that are up to date, never leaves a file half written, and writes
/// nothing if any definition has an error. Running clusters are not affected.
///
/// Without NAME, `--check` also warns about files and folders in vagrant/ that no definition
/// renders, except for hidden files, serial logs and shared folders.
#[allow(rustdoc::invalid_html_tags, reason = "it is a page of plain text")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    /// The cluster, a file in cluster/ without `.toml`; without NAME, all clusters
    #[arg(value_name = "NAME")]
    name: Option<ClusterName>,

    /// Write nothing; show what would change, and fail if anything would
    #[arg(long)]
    check: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask render            render every definition
  cargo xtask render five       render only cluster/five.toml
  cargo xtask render --check    in CI: fail if a definition and its rendered files differ

Exit status:
  0  every file is up to date
  1  with --check: a file differs, or is left over from a definition that is gone
  3  a definition has errors
  5  a file cannot be read or written";

/// Runs `render`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let definitions = match &args.name {
        Some(name) => vec![definitions::load_beside_others(ui, &workspace, name)?],
        None => definitions::load_all(ui, &workspace)?,
    };
    let plans: Vec<Plan> = definitions.iter().map(Plan::new).collect();
    let rendered: Vec<Rendered> = plans.iter().flat_map(render::render).collect();
    let left_over = match &args.name {
        Some(_) => Vec::new(),
        None => artifact::orphans(&workspace, &rendered)?,
    };
    if args.check {
        let again = match &args.name {
            Some(name) => format!("cargo xtask render {name}"),
            None => "cargo xtask render".to_owned(),
        };
        if args.name.is_none() {
            let strangers = artifact::strangers(&workspace, &plans, &rendered, &left_over);
            ui.report(strangers_diagnostic(&workspace, &strangers).as_slice());
        }
        check(ui, &workspace, &rendered, &left_over, again)
    } else {
        write(ui, &workspace, &rendered)?;
        for plan in &plans {
            if let Ok(started) = open::started(&plan.name) {
                let changes = open::changes(&started);
                ui.report(advice::warn_of_changes(&plan.name, &changes).as_slice());
            }
        }
        ui.report(left_over_diagnostic(&workspace, &left_over, Diagnostic::warning).as_slice());
        Ok(Exit::Success)
    }
}

fn write(ui: Ui, workspace: &Workspace, rendered: &[Rendered]) -> Outcome<()> {
    let mut said = String::new();
    for file in rendered {
        let done = match artifact::put(workspace, file, Mode::Write) {
            Ok(Before::Same) => "unchanged",
            Ok(Before::Other(_)) => "changed",
            Ok(Before::Nothing) => "created",
            Err(failure) => {
                ui.print(&said);
                return Err(failure);
            }
        };
        let _ = writeln!(said, "{done:<9} {}", file.path);
    }
    ui.print(&said);
    Ok(())
}

fn check(
    ui: Ui,
    workspace: &Workspace,
    rendered: &[Rendered],
    left_over: &[Utf8PathBuf],
    again: String,
) -> Outcome<Exit> {
    let mut diagnostics = Vec::new();
    let mut diffs = String::new();
    let mut differing = Vec::new();
    let mut differing_in_line_ends = Vec::new();
    for file in rendered {
        let path = file.path.as_str();
        let rendered_name = format!("{path} (rendered)");
        match artifact::put(workspace, file, Mode::Check)? {
            Before::Same => continue,
            Before::Other(text) => {
                if text.replace("\r\n", "\n") == file.text {
                    differing_in_line_ends.push(format!("`{path}`"));
                }
                diffs += &ui::diff::unified(path, &text, &rendered_name, &file.text);
            }
            Before::Nothing => {
                diffs += &ui::diff::unified("/dev/null", "", &rendered_name, &file.text);
            }
        }
        differing.push(format!("`{path}`"));
    }
    ui.print(&diffs);
    if !differing.is_empty() {
        let (verb, write) = match differing.len() {
            1 => ("is", "write it"),
            _ => ("are", "write them"),
        };
        let mut diagnostic = Diagnostic::error(format!("{} {verb} out of date", list(&differing)));
        // A terminal does not show this difference.
        if !differing_in_line_ends.is_empty() {
            diagnostic = diagnostic.note(format!(
                "only line endings differ in {}: they are CR LF, as git's `core.autocrlf` writes them",
                list(&differing_in_line_ends)
            ));
        }
        diagnostics.push(diagnostic.hint(Hint::heals(write, [again])));
    }
    diagnostics.extend(left_over_diagnostic(
        workspace,
        left_over,
        Diagnostic::error,
    ));
    if diagnostics.is_empty() {
        ui.print(&format!("{} files are up to date\n", rendered.len()));
        return Ok(Exit::Success);
    }
    ui.report(&diagnostics);
    Ok(Exit::Unhealthy)
}

/// A warning only: whoever put them there may need them.
fn strangers_diagnostic(workspace: &Workspace, strangers: &[Utf8PathBuf]) -> Option<Diagnostic> {
    let (is, them) = match strangers {
        [] => return None,
        [_] => ("is", "it"),
        _ => ("are", "them"),
    };
    let named = list_of_words(strangers);
    let typed: Vec<String> = strangers.iter().map(|path| workspace.typed(path)).collect();
    let diagnostic = Diagnostic::warning(format!("{named} {is} not rendered from a definition"))
        .note("machines use only rendered files and shared folders");
    Some(diagnostic.hint(Hint::informs(
        format!("look at {them}"),
        [format!("ls -ld {}", typed.join(" "))],
    )))
}

/// Reports left-over files without removing them: their definition may be gone by accident.
fn left_over_diagnostic(
    workspace: &Workspace,
    left_over: &[Utf8PathBuf],
    severity: fn(String) -> Diagnostic,
) -> Option<Diagnostic> {
    if left_over.is_empty() {
        return None;
    }
    let (verb, them) = match left_over.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let fact = format!(
        "{} {verb} left over: no definition produces {them}",
        list_of_words(left_over)
    );
    Some(severity(fact).hint(Hint::heals(
        format!("remove {them}"),
        removal(workspace, left_over),
    )))
}

/// The commands that remove left-over files, together with a folder that holds nothing else.
fn removal(workspace: &Workspace, left_over: &[Utf8PathBuf]) -> Vec<String> {
    let is_left_over = |path: &Utf8Path| {
        let path = path.strip_prefix(workspace.root()).unwrap_or(path);
        left_over.iter().any(|one| one == path)
    };
    let holds_nothing_else = |folder: &Utf8Path| {
        let entries = workspace.root().join(folder).read_dir_utf8();
        entries.is_ok_and(|entries| {
            let mut entries = entries;
            entries.all(|entry| entry.is_ok_and(|entry| is_left_over(entry.path())))
        })
    };
    let (mut folders, mut files): (Vec<&Utf8Path>, Vec<&Utf8Path>) = (Vec::new(), Vec::new());
    for path in left_over {
        match path.parent() {
            // Not the folder of all clusters.
            Some(folder) if folder.parent() != Some("".into()) && holds_nothing_else(folder) => {
                folders.push(folder);
            }
            _ => files.push(path),
        }
    }
    folders.dedup();
    let commands = [("rm -r", folders), ("rm", files)].into_iter();
    let commands = commands.filter(|(_, paths)| !paths.is_empty());
    commands
        .map(|(rm, paths)| {
            let typed: Vec<String> = paths.iter().map(|path| workspace.typed(path)).collect();
            format!("{rm} {}", typed.join(" "))
        })
        .collect()
}
