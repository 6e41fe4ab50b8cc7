//! Explains a check: a heading and an indented paragraph for each topic.

use std::fmt::Write;

use crate::check::Check;
use crate::ui::style::BOLD;

/// The maximum line width: that of the narrowest common terminal.
const WIDTH: usize = 80;

/// Renders the explanation with colours, which the caller strips if the output is not a terminal.
pub fn render(check: &Check) -> String {
    let chapters = [
        (check.name, check.title),
        ("What it looks at", check.about.looks_at),
        ("Why it matters", check.about.why),
        ("What to do when it fails", check.about.what_to_do),
        ("What etcd says about it", check.about.read),
    ];
    let mut text = String::new();
    for (heading, paragraph) in chapters {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{BOLD}{heading}{BOLD:#}");
        for line in lines(paragraph) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// Wraps a paragraph. Text in backticks is not broken, so that it can be copied.
fn lines(paragraph: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    let mut quoted = false;
    let words = paragraph.split(|character| {
        quoted ^= character == '`';
        character == ' ' && !quoted
    });
    for word in words {
        let Some(line) = lines.last_mut() else {
            continue;
        };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH - 2 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
