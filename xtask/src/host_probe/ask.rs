//! Asks other programs.

use std::time::Duration;

use crate::host::Look;
use crate::process;

/// How long a program may take to answer: most take no time, Vagrant a second, and several on a slow
/// disk.
fn patience(program: &str) -> Duration {
    Duration::from_secs(if program == "vagrant" { 30 } else { 10 })
}

/// Vagrant asks its makers for news unless it is told not to.
pub(super) const VAGRANT: &[(&str, &str)] = &[("VAGRANT_CHECKPOINT_DISABLE", "1")];

/// What a program prints; nothing where there is no such program.
pub(super) fn ask(words: &[&str], variables: &[(&str, &str)]) -> Look<String> {
    let [program, arguments @ ..] = words else {
        return Look::Missing;
    };
    let shell = match process::shell() {
        Ok(shell) => shell,
        Err(failure) => {
            let why = failure.diagnostics.into_iter().map(|one| one.message);
            return Look::Unknown(why.collect::<Vec<_>>().join("; "));
        }
    };
    let command = shell
        .cmd(program)
        .args(arguments)
        // Numbers and words as they are written down here, whatever the user's language.
        .env("LC_ALL", "C")
        .envs(variables.iter().copied());
    let finished = process::run(command, patience(program));
    if finished.not_found() {
        Look::Missing
    } else if finished.success() {
        Look::Seen(finished.stdout)
    } else {
        let ending = finished.ending();
        let said = finished.last_lines(1);
        Look::Unknown(match said.trim() {
            "" => format!("`{program}` {ending}"),
            said => format!("`{program}` {ending}: {said}"),
        })
    }
}

/// Whether there is a program of this name.
pub(super) fn is_on_path(program: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| {
        let there = folder.join(program).metadata();
        there.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}
