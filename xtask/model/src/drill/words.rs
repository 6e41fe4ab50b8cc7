//! Formats times and values.

use std::time::Duration;

use crate::wording::count;

/// The maximum number of characters of a value that are shown. A cluster may return values of any length.
const LONGEST: usize = 60;

/// A moment, precise enough to tell requests apart: `4.105 s`.
pub fn moment(at: Duration) -> String {
    let milliseconds = at.as_millis();
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

/// A latency in milliseconds, no more precise than useful: `0.8`, `12`, `1,405`.
pub fn milliseconds(latency: Duration) -> String {
    let tenths = (latency.as_micros() + 50) / 100;
    match tenths {
        0..100 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => count(usize::try_from((tenths + 5) / 10).unwrap_or(usize::MAX)),
    }
}

/// A length of time: `1.40 s`.
pub fn seconds(length: Duration) -> String {
    // Rounded, so that 1.399 s is not shown as 1.39 s.
    let hundredths = (length.as_millis() + 5) / 10;
    format!("{}.{:02} s", hundredths / 100, hundredths % 100)
}

/// A value in backticks, shortened if it is too long.
pub fn value(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        None => format!("`{value}`"),
        Some((end, _)) => format!("`{}…`", &value[..end]),
    }
}

/// Like [`value`], for an optional value.
pub(super) fn value_or_nothing(text: Option<&str>) -> String {
    text.map_or_else(|| "nothing".to_owned(), value)
}
