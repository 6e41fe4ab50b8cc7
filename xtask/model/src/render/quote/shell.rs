//! The POSIX shell.

/// A word of the POSIX shell that stands for exactly this text.
///
/// The quotes are closed and reopened after every `$`. The shell ignores that, and the text cannot contain
/// one of the names that coreos-cloudinit replaces in the whole document (`$private_ipv4`, `$public_ipv4` and
/// the like), not even where the quotes end.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let inside = text.replace('\'', r"'\''").replace('$', "$''");
    format!("'{inside}'")
}
