//! Where things are: the folder that holds `cluster/`, and what lies beside it.

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
    /// The workspace that the current folder lies in: the nearest folder upwards with a `cluster` folder.
    ///
    /// # Errors
    /// Fails outside of any workspace, and where the current folder is gone or not named in UTF-8.
    pub fn find() -> Outcome<Self> {
        let current = std::env::current_dir().map_err(|error| {
            Failure::host(
                Diagnostic::error(format!("there is no current folder: {error}"))
                    .note("it was probably removed while this shell was in it")
                    .hint("change into a checkout of this project and try again"),
            )
        })?;
        let current = Utf8PathBuf::from_path_buf(current).map_err(|path| {
            Failure::host(
                Diagnostic::error(format!("the path of this folder is not UTF-8: {path:?}"))
                    .note("it becomes part of flags and of lines for your shell, which are text")
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

    /// The workspace with this root.
    pub fn at(root: &Utf8Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The folder that holds everything else.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// A path within it as a shell takes it in the current folder, which may be one further down.
    pub fn typed(&self, path: &Utf8Path) -> String {
        let is_here = std::env::current_dir().is_ok_and(|current| current == *self.root());
        let path = if is_here {
            path.to_owned()
        } else {
            self.root.join(path)
        };
        quoted(path.as_str())
    }

    /// The definitions.
    pub fn cluster(&self) -> Utf8PathBuf {
        self.root.join("cluster")
    }

    /// The rendered files.
    pub fn vagrant(&self) -> Utf8PathBuf {
        self.root.join("vagrant")
    }

    /// The file that tells Vagrant what to make of them.
    pub fn vagrantfile(&self) -> Utf8PathBuf {
        self.vagrant().join("Vagrantfile")
    }

    /// What is known of a running cluster: its data, logs and processes. Not under version control.
    pub fn state(&self, name: &ClusterName) -> Utf8PathBuf {
        self.root.join(".state").join(name.as_str())
    }

    /// Where this cluster is kept.
    pub fn home(&self, name: &ClusterName) -> Home {
        Home {
            workspace: self.clone(),
            name: name.clone(),
        }
    }

    /// The clusters that have been started and not yet been destroyed, sorted.
    pub fn started(&self) -> Vec<ClusterName> {
        let folders = self.root.join(".state").read_dir_utf8();
        let folders = folders.into_iter().flatten().flatten();
        let mut names: Vec<ClusterName> = folders
            .filter(|folder| folder.path().is_dir())
            .filter_map(|folder| folder.file_name().parse().ok())
            .collect();
        names.sort();
        names
    }

    /// What can be fetched again. Not under version control. No cluster can have its name.
    pub fn cache(&self) -> Utf8PathBuf {
        self.root.join(".state/.cache")
    }
}

/// Where one cluster of a workspace is kept.
#[derive(Debug, Clone)]
pub struct Home {
    /// The workspace.
    pub workspace: Workspace,
    /// The cluster's name.
    pub name: ClusterName,
}

impl Home {
    /// The folder of everything that is known of the cluster while it exists: its data, logs and processes.
    pub fn folder(&self) -> Utf8PathBuf {
        self.workspace.state(&self.name)
    }
}
