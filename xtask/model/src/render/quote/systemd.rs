//! systemd units.

/// A word of an `ExecStart=` or its like that stands for exactly this text.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("\"{}\"", command(text))
    }
}

/// What stands for this text between the double quotes of an `ExecStart=` (systemd.service(5),
/// "Command lines"): escapes, specifiers and variables all come out as they went in.
pub fn command(text: &str) -> String {
    escape(text, "$$")
}

/// What stands for this text between the double quotes of an `Environment=`, where `$` means
/// nothing to systemd. It is escaped all the same, for coreos-cloudinit replaces `$private_ipv4`
/// wherever it finds it.
pub fn assignment(text: &str) -> String {
    escape(text, r"\x24")
}

fn escape(text: &str, dollar: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '$' => escaped.push_str(dollar),
            '%' => escaped.push_str("%%"),
            '"' | '\\' => escaped.extend(['\\', c]),
            '\0'..='\x1f' | '\x7f' => escaped.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ => escaped.push(c),
        }
    }
    escaped
}
