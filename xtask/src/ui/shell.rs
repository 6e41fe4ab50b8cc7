//! Environment variables in the words of a shell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::Utf8PathBuf;
use clap::ValueEnum;
use serde::Serialize;

use super::json;
use super::shown::shown;
use crate::process::quoted;

/// Where the variables are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// sh, dash, bash, zsh and ksh
    #[value(aliases = ["sh", "dash", "bash", "zsh", "ksh"])]
    Posix,
    /// fish
    Fish,
    /// A file of `NAME=value` lines
    Dotenv,
    /// A JSON object
    Json,
}

/// The variables that point etcdctl at a cluster.
#[derive(Debug)]
pub struct Variables {
    /// The cluster's name.
    pub cluster: String,
    /// The names and values to set.
    pub set: Vec<(&'static str, String)>,
    /// The names to unset.
    pub unset: Vec<&'static str>,
    /// The etcdctl of the cluster's version.
    pub etcdctl: Utf8PathBuf,
}

/// The variable that remembers which folder the last output prepended to PATH, so that the next one can
/// remove it.
const FOLDER: &str = "XTASK_ETCDCTL_FOLDER";

impl Variables {
    /// Renders the variables.
    pub fn render(&self, shell: Shell) -> String {
        match shell {
            Shell::Posix => self.posix(),
            Shell::Fish => self.fish(),
            Shell::Dotenv => self.dotenv(),
            Shell::Json => self.json(),
        }
    }

    fn posix(&self) -> String {
        let mut text = format!("unset {}\n", self.unset.join(" "));
        for (name, value) in &self.set {
            let _ = writeln!(text, "export {name}={}", quoted(value));
        }
        if let Some(folder) = self.etcdctl.parent() {
            let folder = quoted(folder.as_str());
            let rest = format!("\"${{PATH#\"${{{FOLDER}:-none}}\":}}\"");
            let _ = writeln!(text, "export PATH={folder}:{rest}");
            let _ = writeln!(text, "export {FOLDER}={folder}");
        }
        text
    }

    fn fish(&self) -> String {
        let mut text = format!("set -e {}\n", self.unset.join(" "));
        for (name, value) in &self.set {
            let _ = writeln!(text, "set -gx {name} {}", in_fish(value));
        }
        if let Some(folder) = self.etcdctl.parent() {
            let folder = in_fish(folder.as_str());
            let _ = writeln!(
                text,
                "set -gx PATH {folder} (for f in $PATH; test \"$f\" = \"${FOLDER}\"; or echo $f; end)"
            );
            let _ = writeln!(text, "set -gx {FOLDER} {folder}");
        }
        text
    }

    fn dotenv(&self) -> String {
        let mut text = format!("# {}: {}\n", self.cluster, shown(self.etcdctl.as_str()));
        for (name, value) in &self.set {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }

    fn json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            format: u32,
            cluster: &'a str,
            etcdctl: &'a str,
            variables: BTreeMap<&'a str, &'a str>,
            unset: &'a [&'static str],
        }
        let set = self.set.iter();
        json(&Document {
            format: 1,
            cluster: &self.cluster,
            etcdctl: self.etcdctl.as_str(),
            variables: set.map(|(name, value)| (*name, value.as_str())).collect(),
            unset: &self.unset,
        })
    }
}

/// The command that sets a cluster's variables in a shell.
pub fn command(shell: Shell, cluster: &str) -> Option<String> {
    match shell {
        Shell::Posix => Some(format!("e=$(cargo xtask env {cluster}) && eval \"$e\"")),
        Shell::Fish => Some(format!("cargo xtask env {cluster} --shell fish | source")),
        Shell::Dotenv | Shell::Json => None,
    }
}

/// The user's shell, as far as it matters for [`command`].
pub fn of_the_user() -> Shell {
    match std::env::var("SHELL") {
        Ok(path) if path.ends_with("/fish") => Shell::Fish,
        _ => Shell::Posix,
    }
}

/// The lines that keep a shell from using another cluster in place of one that could not be opened: they unset
/// all variables, and fail. Programs that read dotenv or JSON see empty output.
pub fn nowhere(shell: Shell, names: &[&str]) -> String {
    let names = names.join(" ");
    match shell {
        Shell::Posix => format!("unset {names}\nfalse\n"),
        Shell::Fish => format!("set -e {names}\nfalse\n"),
        Shell::Dotenv | Shell::Json => String::new(),
    }
}

/// Quotes a word for fish, in which a backslash escapes in single quotes, too.
fn in_fish(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}
