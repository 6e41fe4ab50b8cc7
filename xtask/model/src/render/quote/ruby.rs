//! Ruby.

/// A Ruby string literal of this text.
///
/// It has double quotes, with everything escaped that could end the literal or start an interpolation (`#{`,
/// `#$`, `#@`). Anything but printable ASCII is written as `\u{…}`, so that neither the reader's locale nor
/// an invisible character changes the file's meaning.
pub fn string(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '#' => literal.extend(['\\', c]),
            ' '..='~' => literal.push(c),
            _ => literal.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    literal.push('"');
    literal
}
