//! Runs the programs of the host probe.

use std::time::Duration;

use crate::host::Probe;
use crate::process;

/// How long a program may take: most are instant, Vagrant takes a second, or several on a slow
/// disk.
fn patience(program: &str) -> Duration {
    Duration::from_secs(if program == "vagrant" { 30 } else { 10 })
}

/// Disables Vagrant's online check for updates.
pub(super) const VAGRANT: &[(&str, &str)] = &[("VAGRANT_CHECKPOINT_DISABLE", "1")];

/// The output of a program; missing if there is no such program.
pub(super) fn ask(words: &[&str], variables: &[(&str, &str)]) -> Probe<String> {
    let [program, arguments @ ..] = words else {
        return Probe::Missing;
    };
    let shell = match process::shell() {
        Ok(shell) => shell,
        Err(failure) => {
            let why = failure.diagnostics.into_iter().map(|one| one.message);
            return Probe::Unknown(why.collect::<Vec<_>>().join("; "));
        }
    };
    let command = shell
        .cmd(program)
        .args(arguments)
        // A fixed language for numbers and words.
        .env("LC_ALL", "C")
        .envs(variables.iter().copied());
    let finished = process::run(command, patience(program));
    if finished.not_found() {
        Probe::Missing
    } else if finished.success() {
        Probe::Seen(finished.stdout)
    } else {
        let ending = finished.ending();
        let said = finished.last_lines(1);
        Probe::Unknown(match said.trim() {
            "" => format!("`{program}` {ending}"),
            said => format!("`{program}` {ending}: {said}"),
        })
    }
}

/// Whether a program of this name is on PATH.
pub(super) fn is_on_path(program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| {
        let there = folder.join(program).metadata();
        there.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}
