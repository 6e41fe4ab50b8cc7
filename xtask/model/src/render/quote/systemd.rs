//! systemd units.

/// A word of an `ExecStart=` or the like that stands for exactly this text.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("\"{}\"", command(text))
    }
}

/// This text, escaped for the double quotes of an `ExecStart=` (systemd.service(5), "Command lines"), so that
/// escapes, specifiers and variables stay literal.
pub fn command(text: &str) -> String {
    escape(text, "$$")
}

/// This text, escaped for the double quotes of an `Environment=`. `$` means nothing to systemd there, but is
/// escaped too, because coreos-cloudinit replaces `$private_ipv4` wherever it finds it.
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
