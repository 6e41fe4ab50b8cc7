//! Differences between two texts, in the format of `diff -u`.

use std::fmt::Write;
use std::ops::Range;

/// A unified diff with three lines of context; empty if the texts are equal. `patch` can read it.
pub fn unified(old_name: &str, old: &str, new_name: &str, new: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let lines = compare(&old, &new);
    let mut text = String::new();
    for hunk in hunks(&lines) {
        if text.is_empty() {
            let _ = writeln!(text, "--- {old_name}\n+++ {new_name}");
        }
        write_hunk(&mut text, &lines, hunk);
    }
    text
}

const CONTEXT: usize = 3;

/// A line of the comparison, by the texts that contain it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Both(&'a str),
    Old(&'a str),
    New(&'a str),
}

/// The shortest edit script, from the longest common subsequence. Time and memory grow with the
/// product of both lengths, which is nothing for files of a few hundred lines.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    // common[o * width + n]: the length of the longest common subsequence of old[o..] and new[n..].
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for o in (0..old.len()).rev() {
        for n in (0..new.len()).rev() {
            common[o * width + n] = if old[o] == new[n] {
                common[(o + 1) * width + n + 1] + 1
            } else {
                common[(o + 1) * width + n].max(common[o * width + n + 1])
            };
        }
    }
    let mut lines = Vec::new();
    let (mut o, mut n) = (0, 0);
    while o < old.len() || n < new.len() {
        if o < old.len() && n < new.len() && old[o] == new[n] {
            lines.push(Line::Both(old[o]));
            (o, n) = (o + 1, n + 1);
        } else if o < old.len()
            && (n == new.len() || common[(o + 1) * width + n] >= common[o * width + n + 1])
        {
            lines.push(Line::Old(old[o]));
            o += 1;
        } else {
            lines.push(Line::New(new[n]));
            n += 1;
        }
    }
    lines
}

/// The changes with their context; changes close to each other share a hunk.
fn hunks(lines: &[Line<'_>]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if matches!(line, Line::Both(_)) {
            continue;
        }
        let around = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len());
        match hunks.last_mut() {
            Some(last) if around.start <= last.end => last.end = around.end,
            _ => hunks.push(around),
        }
    }
    hunks
}

fn write_hunk(text: &mut String, lines: &[Line<'_>], hunk: Range<usize>) {
    let in_old = |line: &&Line<'_>| !matches!(line, Line::New(_));
    let in_new = |line: &&Line<'_>| !matches!(line, Line::Old(_));
    let before = &lines[..hunk.start];
    let inside = &lines[hunk];
    let _ = writeln!(
        text,
        "@@ -{} +{} @@",
        place(
            before.iter().filter(in_old).count(),
            inside.iter().filter(in_old).count()
        ),
        place(
            before.iter().filter(in_new).count(),
            inside.iter().filter(in_new).count()
        ),
    );
    for line in inside {
        let (mark, line) = match line {
            Line::Both(line) => (' ', line),
            Line::Old(line) => ('-', line),
            Line::New(line) => ('+', line),
        };
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// The number of the first line and the number of lines; for no lines, the number of the line
/// before.
fn place(before: usize, lines: usize) -> String {
    let first = if lines == 0 { before } else { before + 1 };
    format!("{first},{lines}")
}
