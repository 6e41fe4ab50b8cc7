//! Renders diagnostics as rustc does: the error, the underlined place, the reasons and the hints.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::report::{Diagnostic, Label, Severity};

/// Renders diagnostics as styled text, without a newline at the end, and with a blank line after
/// each that has a place.
pub(super) fn text(diagnostics: &[Diagnostic]) -> String {
    let mut all = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            all.push('\n');
        }
        let _ = writeln!(all, "{}", render(diagnostic));
    }
    all.trim_end_matches('\n').to_owned()
}

/// Renders one diagnostic as styled text, without a newline at the end.
pub fn render(diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(visible(&diagnostic.message));
    let notes = diagnostic.notes.iter().cloned();
    let notes = notes.map(|note| (Level::NOTE, note));
    let hints = diagnostic.hints.iter().map(ToString::to_string);
    let hints = hints.map(|hint| (Level::HELP.with_name("hint"), hint));
    let advice = notes.chain(hints);
    // ASCII decorations look the same on every terminal and in golden files.
    let renderer = Renderer::styled()
        .decor_style(DecorStyle::Ascii)
        .term_width(super::WIDTH);
    if diagnostic.place.is_some() {
        let advice = advice.map(|(level, text)| level.message(visible(&text)));
        return renderer.render(&[title.elements(snippets(diagnostic)).elements(advice)]);
    }
    // Without a place, each note and hint has its own line.
    let advice = advice.map(|(level, text)| level.secondary_title(visible(&text)));
    let titles = std::iter::once(title).chain(advice);
    let lines: Vec<String> = titles
        .map(|title| renderer.render(&[Group::with_title(title)]))
        .collect();
    lines.join("\n")
}

/// The places of a diagnostic: one snippet per file, starting with the file of the error.
fn snippets(diagnostic: &Diagnostic) -> Vec<Snippet<'static, Annotation<'static>>> {
    let place = diagnostic
        .place
        .iter()
        .map(|label| (label, AnnotationKind::Primary));
    let related = diagnostic
        .related
        .iter()
        .map(|label| (label, AnnotationKind::Context));
    let mut files: Vec<Vec<(&Label, AnnotationKind)>> = Vec::new();
    for labelled in place.chain(related) {
        match files
            .iter_mut()
            .find(|file| file[0].0.source.path == labelled.0.source.path)
        {
            Some(file) => file.push(labelled),
            None => files.push(vec![labelled]),
        }
    }
    files.iter().map(|labels| snippet(labels)).collect()
}

/// The labelled part of a file. Only the lines between the first and the last label are rendered,
/// so that a thousand errors in a large file stay cheap.
fn snippet(labels: &[(&Label, AnnotationKind)]) -> Snippet<'static, Annotation<'static>> {
    let source = &labels[0].0.source;
    let text = &source.text;
    let first = labels.iter().map(|(label, _)| label.span.start).min();
    let last = labels.iter().map(|(label, _)| label.span.end).max();
    let start = line_start(text, first.unwrap_or(0)).max(byte_order_mark(text));
    let end = line_end(text, last.unwrap_or(0)).max(start);
    let window = text.get(start..end).unwrap_or_default();
    let line = text
        .as_bytes()
        .iter()
        .take(start)
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1;
    let annotations = labels.iter().map(|(label, kind)| {
        let span = first_line(text, &label.span);
        let shown = kind.span(span.start.saturating_sub(start)..span.end.saturating_sub(start));
        if label.text.is_empty() {
            shown
        } else {
            shown.label(visible(&label.text))
        }
    });
    Snippet::source(same_length(window))
        .path(visible(source.path.as_str()))
        .line_start(line)
        .annotations(annotations)
}

/// The part of a span on its first line: a long table needs no arrow on each line.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let end = line_end(text, span.start).min(span.end);
    span.start..end.max(span.start)
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at)
        .and_then(|above| above.rfind('\n'))
        .map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text.get(at..)
        .and_then(|below| below.find('\n'))
        .map_or(text.len(), |newline| at + newline)
}

/// Escapes characters that would control the terminal.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if c == '\n' || !steers(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    shown
}

/// Replaces control characters in a file's text without changing its length in bytes, so that
/// places stay valid. `annotate-snippets` itself shows ASCII control characters and those for text
/// direction.
fn same_length(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        shown.push(match c {
            // A line end of Windows.
            '\r' if rest.peek().is_none_or(|&next| next == '\n') => ' ',
            '\u{80}'..='\u{9f}' => '\u{bf}',
            c => c,
        });
    }
    shown
}

/// The length of a byte order mark.
fn byte_order_mark(text: &str) -> usize {
    if text.starts_with('\u{feff}') { 3 } else { 0 }
}

/// Whether a character is a control character or changes the direction of text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
