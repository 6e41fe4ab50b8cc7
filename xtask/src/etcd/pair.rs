//! Checks that two files are an etcd and an etcdctl that run here and fit together.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use xshell::Shell;

use super::command::command;
use super::credentials::Credentials;
use super::tools::{Tools, ToolsOrigin};
use crate::process::{self, Ending, Finished};
use crate::reason::Reason;
use crate::values::EtcdVersion;

/// How long a binary may take to report its version on a busy host.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pair in a folder, if both report their versions.
pub fn in_folder(folder: &Utf8Path, origin: ToolsOrigin) -> Result<Tools, Reason> {
    for name in ["etcd", "etcdctl"] {
        if !folder.join(name).is_file() {
            return Err(format!("there is no `{name}` in `{folder}`").into());
        }
    }
    of(folder.join("etcd"), folder.join("etcdctl"), origin)
}

pub(super) fn of(
    etcd: Utf8PathBuf,
    etcdctl: Utf8PathBuf,
    origin: ToolsOrigin,
) -> Result<Tools, Reason> {
    let version = version_of(&etcd, &["--version"], None)?;
    let client = match version.minor_release() {
        (2, _) => version_of(&etcdctl, &["--version"], None)?,
        // The v3 API was not yet the default.
        (3, ..4) => version_of(&etcdctl, &["version"], Some("3"))?,
        _ => version_of(&etcdctl, &["version"], None)?,
    };
    if client.minor_release() != version.minor_release() {
        return Err(Reason::from(format!(
            "`{etcd}` is {version}, but `{etcdctl}` is {client}, and their formats differ"
        )));
    }
    Ok(Tools {
        etcd,
        etcdctl,
        version,
        origin,
        certificate: None,
        credentials: Credentials::given(),
    })
}

/// Checks that a known pair still runs here and fits together.
pub fn serves(tools: &Tools) -> Result<(), Reason> {
    let Tools {
        etcd,
        etcdctl,
        origin,
        ..
    } = tools.clone();
    of(etcd, etcdctl, origin).map(drop)
}

/// The version in the output of etcd or etcdctl. Each release prints one line, such as `etcd
/// Version: 3.4.23`, `etcd version 2.0.0`, `etcdctl version: 3.6.14` or `etcdctl version 2.3.8`.
pub(super) fn version_in(said: &str) -> Option<EtcdVersion> {
    said.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let program = words.next()?;
        let word = words.next()?.trim_end_matches(':');
        if !program.starts_with("etcd") || !word.eq_ignore_ascii_case("version") {
            return None;
        }
        // Builds between releases print `3.7.0-rc.1` or `3.4.23+git`.
        let numbers = words.next()?.split(['-', '+']).next()?;
        numbers.parse().ok()
    })
}

fn version_of(
    program: &Utf8Path,
    words: &[&str],
    api: Option<&str>,
) -> Result<EtcdVersion, Reason> {
    let shell = Shell::new().map_err(Reason::of)?;
    let asked = command(&shell, program)
        .args(words)
        .envs(api.map(|api| ("ETCDCTL_API", api)));
    let finished = process::run(asked, PATIENCE);
    version_in(&finished.stdout).ok_or_else(|| why_not(program, &finished).into())
}

fn why_not(program: &Utf8Path, finished: &Finished) -> String {
    let said = finished.last_lines(1);
    match finished.ending {
        Ending::Exited(0) => format!("`{program}` does not report its version"),
        Ending::NotStarted(nix::errno::Errno::EACCES) => format!(
            "`{program}` cannot be run: it is not executable, or its file system is mounted `noexec`"
        ),
        Ending::NotStarted(nix::errno::Errno::ENOEXEC) => format!(
            "`{program}` is not a program for this machine ({})",
            super::tools::architecture()
        ),
        ending if said.is_empty() => format!("`{program}` {ending}"),
        ending => format!("`{program}` {ending}: {said}"),
    }
}
