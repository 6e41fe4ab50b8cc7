//! YAML that parsers of YAML 1.1 read correctly. cloud-init and coreos-cloudinit are such parsers, but
//! `serde_yaml` writes for YAML 1.2, in which `on`, `12:30` and `2001-01-01` are texts that need no quotes.
//!
//! The structure is written here. The scalars are `serde_yaml`'s, except for those where 1.1 differs.

use std::fmt::Write;

use serde_yaml::value::{Tag, TaggedValue};
use serde_yaml::{Mapping, Value};

/// A mapping with its keys in this order.
pub fn mapping<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let pairs = entries
        .into_iter()
        .map(|(key, value)| (Value::from(key), value));
    Value::Mapping(Mapping::from_iter(pairs))
}

/// A block-style document of this value, with a newline at its end.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

/// A scalar that is written exactly like this, without quotes, so that each reader resolves its type as it
/// would have in the file that it comes from.
pub fn plain(text: &str) -> Value {
    Value::Tagged(Box::new(TaggedValue {
        tag: Tag::new(PLAIN),
        value: text.into(),
    }))
}

/// Whether the text cannot be written on one line without quotes.
pub fn spans_lines(text: &str) -> bool {
    text.contains('\n') || has_foreign_breaks(text)
}

/// The tag of plain scalars inside this program. It is never written.
const PLAIN: &str = "plain";

const STEP: usize = 2;

fn write(out: &mut String, value: &Value, column: usize) {
    match value {
        Value::Mapping(entries) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                indent(out, if index == 0 { 0 } else { column });
                let _ = write!(out, "{}:", scalar(key, 0).trim_end());
                after_indicator(out, value, column);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                indent(out, if index == 0 { 0 } else { column });
                out.push('-');
                match item {
                    Value::Mapping(_) | Value::Sequence(_) if !is_empty(item) => {
                        out.push(' ');
                        write(out, item, column + STEP);
                    }
                    _ => after_indicator(out, item, column),
                }
            }
        }
        _ => out.push_str(&scalar(value, column)),
    }
}

/// Writes what follows `key:` or `-`: a scalar on the same line, or an indented collection below.
fn after_indicator(out: &mut String, value: &Value, column: usize) {
    match value {
        Value::Mapping(_) if is_empty(value) => out.push_str(" {}\n"),
        Value::Sequence(_) if is_empty(value) => out.push_str(" []\n"),
        Value::Mapping(_) | Value::Sequence(_) => {
            out.push('\n');
            indent(out, column + STEP);
            write(out, value, column + STEP);
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(value, column));
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Mapping(entries) => entries.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        _ => false,
    }
}

fn indent(out: &mut String, columns: usize) {
    out.extend(std::iter::repeat_n(' ', columns));
}

/// A scalar and the end of its line, for a collection that starts at this column.
fn scalar(value: &Value, column: usize) -> String {
    match value {
        Value::Tagged(tagged) if tagged.tag == PLAIN => {
            format!("{}\n", tagged.value.as_str().unwrap_or_default())
        }
        Value::String(text) if is_plain(text) => format!("{text}\n"),
        Value::String(text) if has_foreign_breaks(text) => format!("{}\n", escaped(text)),
        Value::String(text) => {
            let written = by_serde_yaml(value);
            if written.starts_with('|') {
                indented(&written, column)
            } else if written.trim_end() == text && means_something_else(text) {
                format!("'{}'\n", text.replace('\'', "''"))
            } else {
                written
            }
        }
        _ => by_serde_yaml(value),
    }
}

/// Whether the text is certainly the same plain scalar in every YAML, as most keys are. `serde_yaml`
/// takes much longer to find out.
fn is_plain(text: &str) -> bool {
    let is_safe = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'/');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(is_safe)
        && !means_something_else(text)
}

/// The scalar as `serde_yaml` writes it inside a collection.
fn by_serde_yaml(value: &Value) -> String {
    let inside = mapping([("k", value.clone())]);
    #[expect(clippy::expect_used, reason = "a scalar in a map has no way to fail")]
    let written = serde_yaml::to_string(&inside).expect("a scalar is always written");
    written.strip_prefix("k: ").unwrap_or(&written).to_owned()
}

/// A block literal, indented from the first column to this one. Empty lines stay empty.
fn indented(block: &str, column: usize) -> String {
    let mut moved = String::new();
    for (index, line) in block.split_inclusive('\n').enumerate() {
        if index > 0 && line != "\n" {
            indent(&mut moved, column);
        }
        moved.push_str(line);
    }
    moved
}

/// Whether YAML 1.1 reads the plain text as a boolean, null, number, time, or special key
/// (<https://yaml.org/type/>). This quotes more than necessary: everything that starts like a number.
fn means_something_else(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<",
    ];
    let number = |c: char| c.is_ascii_digit() || "+-.".contains(c);
    WORDS.contains(&text.to_ascii_lowercase().as_str()) || text.starts_with(number)
}

/// Whether the text has line breaks that only YAML 1.1 knows, or marks that parsers drop.
fn has_foreign_breaks(text: &str) -> bool {
    text.contains('\r')
        || !text.is_ascii() && text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
}

fn escaped(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(c),
            _ => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}
