//! Formats command lines for a shell.

use std::ffi::OsStr;
use std::process::Command;

/// The environment variables that hold secrets: etcdctl's user, which may be followed by its password, and the password.
pub const SECRETS: [&str; 2] = ["ETCDCTL_USER", "ETCDCTL_PASSWORD"];

/// The command line of a program, ready to paste into a shell, with the environment variables that
/// were set for it, apart from secrets.
pub fn paste_able(command: &Command) -> String {
    let is_secret = |name: &OsStr| SECRETS.iter().any(|secret| name == *secret);
    let variables = command.get_envs().filter(|(name, _)| !is_secret(name));
    let variables = variables.filter_map(|(name, value)| {
        let set = value.filter(|value| std::env::var_os(name).as_deref() != Some(value));
        let value = quoted(&set?.to_string_lossy());
        Some(format!("{}={value}", name.to_string_lossy()))
    });
    let words = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

/// Quotes a word for a POSIX shell, if necessary.
pub fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
