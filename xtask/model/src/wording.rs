//! Lists and counts of things in a sentence.

use std::fmt::Display;

/// `core-01`, `core-01 and core-02`, `core-01, core-02 and core-03`.
pub fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    match joined(items, "and") {
        none if none.is_empty() => "none".to_owned(),
        list => list,
    }
}

/// Words that somebody may type, in backticks: `` `stable`, `beta` and `alpha` ``.
pub fn list_of_words(words: impl IntoIterator<Item = impl Display>) -> String {
    list(words.into_iter().map(in_backticks))
}

/// Alternatives, in backticks: `` `stable`, `beta` or `alpha` ``.
pub fn either<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    joined(words.into_iter().map(in_backticks), "or")
}

/// A number with thousands separators: `12,345`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 write`, `2 writes`.
pub fn many(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(number))
}

fn in_backticks(word: impl Display) -> String {
    format!("`{word}`")
}

fn joined(items: impl IntoIterator<Item = impl Display>, last_word: &str) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("{} {last_word} {last}", others.join(", "))
        }
        _ => items.concat(),
    }
}
