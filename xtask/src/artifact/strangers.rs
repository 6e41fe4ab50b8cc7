//! Files and folders in `vagrant/` that no definition renders to and no machine uses.

use std::collections::HashSet;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::plan::Plan;
use crate::render::{self, Rendered};
use crate::workspace::Workspace;

/// The folder of serial logs.
const LOGS: &str = "log";

/// Finds them, relative to the workspace and sorted: folders without a definition, and entries of
/// folders with one. Hidden entries and shared folders are excluded, and so are
/// orphans, which are reported separately.
pub fn strangers(
    workspace: &Workspace,
    plans: &[Plan],
    rendered: &[Rendered],
    orphans: &[Utf8PathBuf],
) -> Vec<Utf8PathBuf> {
    let shared: Vec<Utf8PathBuf> = plans.iter().flat_map(shared_folders).collect();
    let expected = rendered.iter().map(|file| &file.path);
    let known: HashSet<&str> = expected
        .chain(orphans)
        .chain(&shared)
        .flat_map(|path| path.ancestors())
        .map(Utf8Path::as_str)
        .collect();
    let clusters = plans.iter().map(|plan| render::folder(&plan.name));
    let folders: HashSet<Utf8PathBuf> = clusters.chain([Utf8PathBuf::from("vagrant")]).collect();
    let entries = folders.iter().flat_map(|folder| entries(workspace, folder));
    let mut strangers: Vec<Utf8PathBuf> = entries
        .filter(|path| !known.contains(path.as_str()))
        .collect();
    strangers.sort();
    strangers
}

/// The shared folders of a cluster's machines, as far as they are in the workspace.
fn shared_folders(plan: &Plan) -> Vec<Utf8PathBuf> {
    let hosts = plan.machine.shared_folders.iter().map(|(host, _)| host);
    let paths = hosts.map(|host| render::folder(&plan.name).join(host.as_str()));
    paths.map(|path| without_dots(&path)).collect()
}

/// The path without `.` and `..`, which need not exist.
fn without_dots(path: &Utf8Path) -> Utf8PathBuf {
    let mut plain = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other.as_str()),
        }
    }
    plain
}

/// The visible entries of a folder, except for the Vagrantfile and logs.
fn entries(workspace: &Workspace, folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = workspace.root().join(folder).read_dir_utf8();
    let entries = entries.into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().starts_with('.'))
        .map(|entry| folder.join(entry.file_name()))
        .filter(|path| path.file_name() != Some(LOGS) && !is_the_vagrantfile(workspace, path))
        .collect()
}

/// Whether this is the Vagrantfile, or a link to it. Vagrant would read another one in its place.
fn is_the_vagrantfile(workspace: &Workspace, path: &Utf8Path) -> bool {
    let ours = workspace.vagrantfile();
    path.file_name() == ours.file_name()
        && workspace.root().join(path).canonicalize_utf8().ok() == ours.canonicalize_utf8().ok()
}
