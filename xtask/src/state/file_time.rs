//! Times in the names of kept files, as in `2026-11-30T19-41-03Z`.

/// A time in UTC as it is written in a file name. Colons are special in archives and on other systems.
pub fn written(utc: &str) -> String {
    utc.replace(':', "-")
}

/// Whether this text is such a time.
pub(super) fn is_time(text: &str) -> bool {
    let pattern = "0000-00-00T00-00-00Z";
    let fits = |(letter, pattern): (char, char)| match pattern {
        '0' => letter.is_ascii_digit(),
        _ => letter == pattern,
    };
    text.len() == pattern.len() && text.chars().zip(pattern.chars()).all(fits)
}
