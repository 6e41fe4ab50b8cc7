//! A block of lines that is rewritten in place, as a terminal shows it.

use test_attribute::test;
use xtask::ui::in_place::Block;

use crate::terminal::Screen;

/// The screen of a terminal of this size after a block becomes these lines, one after another.
fn shown(columns: usize, rows: usize, blocks: &[&[&str]]) -> Vec<String> {
    let mut block = Block::default();
    let mut text = "$ \n\r".to_owned();
    for lines in blocks {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        // As terminals convert newlines.
        text += &block.become_these(&lines).replace('\n', "\r\n");
    }
    let screen = Screen::of(&text, columns, rows);
    assert_eq!(screen.column, 0);
    screen.lines
}

#[test]
fn block_grows_and_shrinks_in_place() {
    let frames: &[&[&str]] = &[&["one", "second"], &["1", "2", "third", "4"], &["a", "b"]];
    assert_eq!(shown(80, 24, &frames[..1]), ["$ ", "one", "second", ""]);
    assert_eq!(
        shown(80, 24, &frames[..2]),
        ["$ ", "1", "2", "third", "4", ""]
    );
    assert_eq!(shown(80, 24, frames), ["$ ", "a", "b", "", "", ""]);
}

#[test]
fn block_is_cut_at_the_edge_of_the_terminal() {
    let frames: &[&[&str]] = &[&["123456789", "1"], &["1234", "12345678"]];
    assert_eq!(shown(6, 24, &frames[..1]), ["$ ", "12345", "1", ""]);
    assert_eq!(shown(6, 24, frames), ["$ ", "1234", "12345", ""]);
}

#[test]
fn tall_block_scrolls_the_terminal_only_once() {
    let lines: &[&str] = &["1", "2", "3", "4", "5", "6"];
    let once = shown(80, 4, &[lines]);
    let often = shown(80, 4, &[lines; 10]);
    assert_eq!(once, ["$ ", "1", "2", "3", "4", "5", "6", ""]);
    assert_eq!(often.len(), once.len());
    // Its start and its last line.
    assert_eq!(often[4..], ["1", "2", "3", "6"]);
}
