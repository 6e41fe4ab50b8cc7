//! Turns the TOML parser's errors into diagnostics.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::DeTable;

use crate::report::{Diagnostic, Source};

/// Parses TOML as far as possible, and collects all errors.
pub(super) fn parse(text: &str) -> (Spanned<DeTable<'_>>, Vec<SyntaxError>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let errors = errors.iter().map(|error| SyntaxError::new(error, text));
    (document, errors.collect())
}

/// The text with lines blanked that have a key but no `=`, if there are any: the parser reads nothing beyond
/// the first of them. Everything else stays in its place. Only the errors about these lines are kept.
pub(super) fn without_lost_lines(text: &str, errors: &mut Vec<SyntaxError>) -> Option<String> {
    if !errors.iter().any(SyntaxError::loses_its_line) {
        return None;
    }
    errors.retain(SyntaxError::loses_its_line);
    let mut bytes = text.as_bytes().to_vec();
    for error in errors {
        let line = line_around(text, error.span.start);
        let start = error.span.start - before_in_line(text, error.span.start).len();
        bytes
            .iter_mut()
            .skip(start)
            .take(line.len())
            .for_each(|byte| *byte = b' ');
    }
    String::from_utf8(bytes).ok()
}

/// An error of the TOML parser.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// Where it was found: byte offsets into the text.
    pub(super) span: Range<usize>,
    /// The parser's message: a fact, then perhaps what it expected.
    message: String,
}

impl SyntaxError {
    fn new(error: &toml::de::Error, text: &str) -> Self {
        let span = error.span().unwrap_or(0..0);
        Self {
            span: within(span, text),
            message: error.message().to_owned(),
        }
    }

    /// Whether it is about the value at this place.
    pub(super) const fn touches(&self, value: &Range<usize>) -> bool {
        value.start <= self.span.start && self.span.end <= value.end
    }

    /// Whether it says that a key has no `=` and no value.
    fn loses_its_line(&self) -> bool {
        self.message.starts_with("key with no value")
    }

    /// Whether it says that a key or a table is defined twice.
    fn is_duplicate(&self) -> bool {
        self.message == "duplicate key"
    }

    /// Whether it is about a table's header, so that it is unknown which table the next lines are in.
    pub(super) fn is_in_header(&self, text: &str) -> bool {
        !self.is_duplicate()
            && line_around(text, self.span.start)
                .trim_start()
                .starts_with('[')
    }

    /// The error as a diagnostic.
    pub(super) fn diagnostic(&self, source: &Arc<Source>) -> Diagnostic {
        if self.is_duplicate() {
            return self.duplicate(source);
        }
        if self.message.starts_with("string values must be quoted") {
            let diagnostic = if self.span.is_empty() {
                Diagnostic::error("invalid TOML: a value is missing")
            } else {
                Diagnostic::error("invalid TOML: text needs quotes")
            };
            return diagnostic.at(source, self.span.clone(), "").hint(
                "write a value after each `=`, and text in quotes, as in `name = \"core-01\"`",
            );
        }
        let (fact, expected) = match self.message.split_once(", expected ") {
            Some((fact, expected)) => (fact, format!("expected {expected}")),
            None => (self.message.as_str(), String::new()),
        };
        Diagnostic::error(format!("invalid TOML: {fact}")).at(source, self.span.clone(), expected)
    }

    fn duplicate(&self, source: &Arc<Source>) -> Diagnostic {
        let text = &source.text;
        let key = text.get(self.span.clone()).unwrap_or_default();
        let header = line_around(text, self.span.start)
            .trim_start()
            .starts_with('[');
        let first = earlier(text, self.span.start, key, header);
        // What a header repeats may also be a key with a value above it.
        let assigned = if header && first.is_none() {
            earlier(text, self.span.start, key, false)
        } else {
            None
        };
        let is_table = header && assigned.is_none();
        let what = if is_table { "table" } else { "key" };
        let shown = key.escape_debug();
        let diagnostic = Diagnostic::error(format!("the {what} `{shown}` is defined twice")).at(
            source,
            self.span.clone(),
            "again here",
        );
        let diagnostic = match first.or(assigned) {
            Some(first) => diagnostic.and_at(source, first, "first here"),
            None => diagnostic,
        };
        diagnostic.hint(if is_table {
            "move the keys of both under one header"
        } else {
            "keep one of them"
        })
    }
}

/// The place of the key, or of the header, in the nearest line above `before` that has it.
fn earlier(text: &str, before: usize, key: &str, header: bool) -> Option<Range<usize>> {
    let above = text.get(..before)?;
    let mut end = above.rfind('\n').unwrap_or(0);
    // On the same line first, for inline tables.
    if !header {
        let line = above.get(end..)?;
        for (at, _) in line.rmatch_indices(key) {
            let alone = !line
                .get(..at)?
                .ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
            if alone && line.get(at + key.len()..)?.trim_start().starts_with('=') {
                return Some(end + at..end + at + key.len());
            }
        }
    }
    while end > 0 {
        let start = above.get(..end)?.rfind('\n').map_or(0, |at| at + 1);
        let line = above.get(start..end)?;
        let inner = line.trim_start().trim_start_matches('[').trim_start();
        let at = start + line.len() - inner.len();
        let starts_header = line.trim_start().starts_with('[');
        if let Some(rest) = inner.strip_prefix(key).map(str::trim_start)
            && starts_header == header
            && rest.starts_with(if header { ']' } else { '=' })
        {
            return Some(at..at + key.len());
        }
        end = start.saturating_sub(1);
    }
    None
}

/// The line at a place, without its end.
fn line_around(text: &str, at: usize) -> &str {
    let start = at - before_in_line(text, at).len();
    text.get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default()
}

/// The text before a place in its line.
fn before_in_line(text: &str, at: usize) -> &str {
    let above = text.get(..at).unwrap_or_default();
    above.rsplit('\n').next().unwrap_or_default()
}

/// The span, moved to character boundaries of the text where it is not on them.
pub(super) fn within(span: Range<usize>, text: &str) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
