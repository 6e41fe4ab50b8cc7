//! How times and values are told.

use std::time::Duration;

/// The most characters of a value that are told. What a cluster returns may be as long as it likes.
const LONGEST: usize = 60;

/// A moment, as exactly as is needed to tell requests apart: `4.105 s`.
pub fn moment(at: Duration) -> String {
    let milliseconds = at.as_millis();
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// A length of time: `1.40 s`.
pub fn seconds(length: Duration) -> String {
    // Rounded, so that 1.399 s are not told as 1.39 s.
    let hundredths = (length.as_millis() + 5) / 10;
    format!("{}.{:02} s", hundredths / 100, hundredths % 100)
}

/// A value in backticks, shortened where it is too long to be read.
pub fn value(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        None => format!("`{value}`"),
        Some((end, _)) => format!("`{}…`", &value[..end]),
    }
}

/// The same of what may not be there.
pub(super) fn value_or_nothing(text: Option<&str>) -> String {
    text.map_or_else(|| "nothing".to_owned(), value)
}
