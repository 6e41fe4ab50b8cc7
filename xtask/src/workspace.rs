//! Paths of the workspace: the folder that holds `cluster/`.

use camino::{Utf8Path, Utf8PathBuf};

use crate::process::quoted;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::ClusterName;

/// A checkout of this project.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: Utf8PathBuf,
}

impl Workspace {
    /// Finds the workspace: the nearest folder with a `cluster` folder, from the current folder
    /// upwards.
    pub fn find() -> Outcome<Self> {
        let current = std::env::current_dir().map_err(|error| {
            Failure::host(
                Diagnostic::error(format!("the current folder does not exist: {error}"))
                    .note("it was probably removed while this shell was in it")
                    .hint("change into a checkout of this project and try again"),
            )
        })?;
        let current = Utf8PathBuf::from_path_buf(current).map_err(|path| {
            Failure::host(
                Diagnostic::error(format!("the path of this folder is not UTF-8: {path:?}"))
                    .note("it becomes part of flags and shell commands, which are text")
                    .hint("move the checkout to a folder with another name"),
            )
        })?;
        let root = current
            .ancestors()
            .find(|folder| folder.join("cluster").is_dir());
        root.map(Self::at).ok_or_else(|| {
            Failure::host(Diagnostic::error("there is no `cluster` folder here or in any folder above")
                    .note("definitions live in `cluster/<name>.toml`; everything else follows from them")
                    .hint("change into a checkout of this project and try again"),
            )
        })
    }

    /// The workspace at this root.
    pub fn at(root: &Utf8Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The root folder.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A path of the workspace, quoted for a shell in the current folder, which may be any folder
    /// below the root.
    pub fn typed(&self, path: &Utf8Path) -> String {
        let is_here = std::env::current_dir().is_ok_and(|current| current == *self.root());
        let path = if is_here {
            path.to_owned()
        } else {
            self.root.join(path)
        };
        quoted(path.as_str())
    }

    /// The folder of the definitions.
    pub fn cluster(&self) -> Utf8PathBuf {
        self.root.join("cluster")
    }

    /// The folder of the rendered files.
    pub fn vagrant(&self) -> Utf8PathBuf {
        self.root.join("vagrant")
    }

    /// The Vagrantfile, which reads the rendered files.
    pub fn vagrantfile(&self) -> Utf8PathBuf {
        self.vagrant().join("Vagrantfile")
    }

    /// The state of a cluster: its data, logs and processes. Not under version control.
    pub fn state(&self, name: &ClusterName) -> Utf8PathBuf {
        self.root.join(".state").join(name.as_str())
    }

    /// A cluster of this workspace.
    pub fn home(&self, name: &ClusterName) -> Home {
        Home {
            workspace: self.clone(),
            name: name.clone(),
        }
    }

    /// The clusters that were started and not yet destroyed, sorted.
    pub fn started(&self) -> Vec<ClusterName> {
        let folders = self.root.join(".state").read_dir_utf8();
        let folders = folders.into_iter().flatten().flatten();
        let mut names: Vec<ClusterName> = folders
            .filter(|folder| folder.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|folder| folder.file_name().parse().ok())
            .filter(|name| self.home(name).has_state())
            .collect();
        names.sort();
        names
    }

    /// The download cache. Not under version control. The leading dot keeps it apart from cluster
    /// names.
    pub fn cache(&self) -> Utf8PathBuf {
        self.root.join(".state/.cache")
    }
}

/// The folder of backups within a cluster's folder.
pub const BACKUPS: &str = "backups";

/// One cluster of a workspace.
#[derive(Debug, Clone)]
pub struct Home {
    /// The workspace.
    pub workspace: Workspace,
    /// The cluster's name.
    pub name: ClusterName,
}

impl Home {
    /// A path that the definition names, which is relative to the definition.
    pub fn named(&self, path: &str) -> Utf8PathBuf {
        match (path.strip_prefix("~/"), std::env::var("HOME")) {
            (Some(below), Ok(user)) => Utf8PathBuf::from(user).join(below),
            _ => self.workspace.cluster().join(path),
        }
    }

    /// The folder of the cluster's state: its data, logs and processes.
    pub fn folder(&self) -> Utf8PathBuf {
        self.workspace.state(&self.name)
    }

    /// Whether the cluster has state besides its backups, which outlive it.
    pub fn has_state(&self) -> bool {
        let entries = self.folder().read_dir_utf8().into_iter().flatten();
        let entries = entries.flatten().map(|entry| entry.file_name().to_owned());
        self.folder().exists() && entries.collect::<Vec<_>>() != [BACKUPS]
    }
}
