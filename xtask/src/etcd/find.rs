//! Finds etcd and etcdctl.

use std::cell::RefCell;
use std::ffi::OsStr;

use camino::{Utf8Path, Utf8PathBuf};
use xshell::Shell;

use super::tools::{Tools, ToolsOrigin, architecture};
use super::{package, pair, release};
use crate::download::Limits;
use crate::facts::etcd_releases;
use crate::hint::Hint;
use crate::plan::Plan;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::{Architecture, EtcdVersion, Sha256};

/// The wanted binaries, and the means of finding them.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The pinned version.
    pub version: EtcdVersion,
    /// The URL of the folder that contains `v<version>/`.
    pub release_url: &'a str,
    /// The definition's checksums of release tarballs. They take precedence over the known ones.
    pub sha256: &'a [(Architecture, Sha256)],
    /// A folder that the user named, with binaries or with a folder for each version.
    pub named: Option<&'a Utf8Path>,
    /// The workspace's cache.
    pub cache: &'a Utf8Path,
    /// PATH, to search for etcd and for the programs that download it.
    pub path: &'a OsStr,
    /// How long downloads may take.
    pub limits: Limits,
}

impl<'a> Wanted<'a> {
    /// The binaries for a plan's cluster.
    pub fn of(plan: &'a Plan, cache: &'a Utf8Path, path: &'a OsStr) -> Self {
        Self {
            version: plan.etcd.version,
            release_url: plan.etcd.release_url.as_str(),
            sha256: &plan.etcd.sha256,
            named: None,
            cache,
            path,
            limits: Limits::USUAL,
        }
    }

    /// The checksum of the release's tarball for this architecture, if it is known.
    pub(super) fn checksum(&self) -> Option<&'a str> {
        let machine = Architecture::ALL
            .iter()
            .find(|known| known.as_str() == architecture())?;
        let own = self.sha256.iter().find(|(known, _)| known == machine);
        own.map(|(_, sha256)| sha256.as_str())
            .or_else(|| etcd_releases::sha256(self.version, *machine))
    }
}

/// Finds etcd and etcdctl: in the folder that the user named, or else in the first of [`PLACES`]
/// that has a usable pair. Prints each slow step, and why the places before it did not work.
pub fn find(wanted: &Wanted<'_>, say: &dyn Fn(&str)) -> Outcome<Tools> {
    if let Some(folder) = wanted.named {
        let folder = absolute(folder);
        let of_version = folder.join(wanted.version.to_string());
        let folder = match of_version.is_dir() {
            true => of_version,
            false => folder,
        };
        return pair::in_folder(&folder, ToolsOrigin::Named).map_err(not_in_named);
    }
    let search = Search {
        wanted,
        say,
        unsaid: RefCell::default(),
    };
    let mut reasons = Vec::new();
    for place in PLACES {
        match (place.look)(&search) {
            Ok(tools) => {
                if tools.version != wanted.version {
                    search.say_why();
                }
                return Ok(tools);
            }
            Err(why) => {
                search.unsaid.borrow_mut().push(why.clone());
                reasons.push(format!("{}: {why}", place.name));
            }
        }
    }
    Err(nowhere(wanted, reasons))
}

/// A place to look for etcd.
pub struct Place {
    /// The name in messages.
    pub name: &'static str,
    /// Looks there, and explains why a pair is not usable.
    look: fn(&Search<'_>) -> Result<Tools, Reason>,
}

/// The places, in the order in which to try them.
pub static PLACES: &[Place] = &[
    Place {
        name: "PATH",
        look: |search| {
            let version = search.wanted.version;
            let tools = on_path(search.wanted.path, ToolsOrigin::Path)?;
            if tools.version == version {
                Ok(tools)
            } else {
                Err(Reason::from(format!(
                    "`{}` is {}, not {version}",
                    tools.etcd, tools.version
                )))
            }
        },
    },
    Place {
        name: "the cache",
        look: |search| {
            release::cached(search).or_else(|why| package::cached(search).map_err(|_| why))
        },
    },
    Place {
        name: "the official release",
        look: release::fetched,
    },
    Place {
        name: "the distribution's package",
        look: package::any,
    },
    Place {
        name: "PATH, at any version",
        look: |search| on_path(search.wanted.path, ToolsOrigin::PathOther),
    },
];

/// A search in progress.
pub(super) struct Search<'a> {
    pub(super) wanted: &'a Wanted<'a>,
    say: &'a dyn Fn(&str),
    unsaid: RefCell<Vec<Reason>>,
}

impl Search<'_> {
    /// Prints the current step, after the reasons for it.
    pub(super) fn step(&self, text: &str) {
        self.say_why();
        (self.say)(text);
    }

    /// Prints why the places so far did not work, unless that was printed before.
    fn say_why(&self) {
        for why in self.unsaid.take() {
            (self.say)(why.as_str());
        }
    }

    /// A shell with the PATH to search.
    pub(super) fn shell(&self) -> Result<Shell, Reason> {
        let shell = Shell::new().map_err(Reason::of)?;
        shell.set_var("PATH", self.wanted.path);
        Ok(shell)
    }
}

fn on_path(path: &OsStr, origin: ToolsOrigin) -> Result<Tools, Reason> {
    let [etcd, etcdctl] = ["etcd", "etcdctl"].map(|name| program_on_path(path, name));
    pair::of(etcd?, etcdctl?, origin)
}

/// A program in the first folder of PATH that has it.
pub(super) fn program_on_path(path: &OsStr, name: &str) -> Result<Utf8PathBuf, Reason> {
    std::env::split_paths(path)
        .filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok())
        .map(|folder| absolute(&folder).join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| format!("there is no `{name}` on PATH").into())
}

/// The programs may run in another folder.
fn absolute(folder: &Utf8Path) -> Utf8PathBuf {
    camino::absolute_utf8(folder).unwrap_or_else(|_| folder.to_owned())
}

fn not_in_named(why: Reason) -> Failure {
    Failure::host(
        Diagnostic::error(format!("the folder that you named cannot be used: {why}"))
            .note("a named folder is used as it is or not at all")
            .hint("name a folder that holds `etcd` and `etcdctl` of one version, built for this machine"),
    )
}

fn nowhere(wanted: &Wanted<'_>, reasons: Vec<String>) -> Failure {
    let version = wanted.version;
    let mut diagnostic = Diagnostic::error(format!(
        "no etcd was found, neither {version} nor another version"
    ));
    for reason in reasons {
        diagnostic = diagnostic.note(reason);
    }
    if std::env::consts::OS == "macos" {
        diagnostic = diagnostic.hint(Hint::heals("install it", ["brew install etcd"]));
    }
    Failure::host(
        diagnostic
            .hint("if this network needs a proxy, export `https_proxy` and `http_proxy`")
            .hint("or pass a folder that holds `etcd` and `etcdctl`: `--etcd-dir FOLDER`"),
    )
}
