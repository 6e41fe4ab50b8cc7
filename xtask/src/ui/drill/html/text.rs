//! Text in HTML.

use std::fmt::Write;

use crate::ui::shown::shown;

pub(super) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if first.is_ascii_lowercase() && !begins_with_a_name(text) => {
            first.to_uppercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Member names such as `core-01` are not capitalized.
fn begins_with_a_name(text: &str) -> bool {
    let word = text.split([' ', ',']).next().unwrap_or_default();
    word.contains(|c: char| !c.is_ascii_alphabetic())
}

/// Converts text with backticks to HTML code elements, and keeps its names in one line.
pub(super) fn code(text: &str) -> String {
    let mut html = String::new();
    for (number, part) in text.split('`').enumerate() {
        let part = unbroken(part);
        // Every element is closed in the same step.
        let _ = match number % 2 {
            0 => write!(html, "{part}"),
            _ => write!(html, "<code>{part}</code>"),
        };
    }
    html
}

/// The maximum length of a word that is kept in one line: it must fit the narrowest page.
const LONGEST: usize = 24;

/// Escapes text for HTML, and keeps words with a hyphen, such as `core-02`, in one line.
pub(super) fn unbroken(text: &str) -> String {
    let mut html = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let name = word.trim_end();
        let space = &word[name.len()..];
        let _ = if name.contains('-') && name.len() <= LONGEST {
            write!(html, "<span class=\"whole\">{}</span>", escaped(name))
        } else {
            write!(html, "{}", escaped(name))
        };
        html.push_str(&escaped(space));
    }
    html
}

/// Escapes text for HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in shown(text).chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
