//! Text tables.

use std::fmt;

use anstyle::Style;

use super::style::PLAIN;
use crate::values::quantity;

/// A table, with or without a heading. Each column is as wide as its widest cell.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    columns: [Column; COLUMNS],
    rows: Vec<Row<COLUMNS>>,
    /// Where the last column wraps.
    wraps_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// The minimum width in characters.
    width: usize,
    ends_at_one_line: bool,
    is_left_out: bool,
}

#[derive(Debug)]
struct Row<const COLUMNS: usize> {
    cells: [String; COLUMNS],
    /// The style of the whole row, and that of its first cell.
    style: Style,
    label: Style,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table without a heading.
    pub const fn without_heading() -> Self {
        let column = Column {
            width: 0,
            ends_at_one_line: false,
            is_left_out: false,
        };
        Self {
            columns: [column; COLUMNS],
            rows: Vec::new(),
            wraps_at: usize::MAX,
        }
    }

    /// A table with this heading.
    pub fn new(heading: [&str; COLUMNS]) -> Self {
        Self::under(PLAIN, heading)
    }

    /// A table with a coloured heading.
    pub fn under(style: Style, heading: [&str; COLUMNS]) -> Self {
        let mut table = Self::without_heading();
        table.styled_row(style, heading.map(str::to_owned));
        table
    }

    /// Aligns a column to the right, as for numbers.
    #[must_use]
    pub const fn right(mut self, column: usize) -> Self {
        self.columns[column].ends_at_one_line = true;
        self
    }

    /// Gives a column a minimum width in characters.
    #[must_use]
    pub const fn wide(mut self, column: usize, width: usize) -> Self {
        self.columns[column].width = width;
        self
    }

    /// Leaves out columns, in this order, until the table is at most this wide. If that is not enough, cuts the
    /// cells of the column `flexible`, and marks the cuts with `…`.
    #[must_use]
    pub fn fit(mut self, width: usize, expendable: &[usize], flexible: usize) -> Self {
        for column in expendable {
            if self.width() <= width {
                return self;
            }
            self.columns[*column].is_left_out = true;
        }
        let excess = self.width().saturating_sub(width);
        let cells = self.rows.iter_mut().map(|row| &mut row.cells[flexible]);
        let cells: Vec<&mut String> = cells.collect();
        let widest = cells.iter().map(|cell| cell.chars().count()).max();
        let most = widest.unwrap_or_default().saturating_sub(excess).max(1);
        for cell in cells {
            *cell = shortened(cell, most);
        }
        self
    }

    /// Wraps the text of the last column between words, so that the table is at most this wide.
    #[must_use]
    pub const fn wrapped_at(mut self, width: usize) -> Self {
        self.wraps_at = width;
        self
    }

    /// The width of the table, without wrapping.
    fn width(&self) -> usize {
        let widths = self.widths();
        let shown = self.columns.iter().zip(widths);
        let shown: Vec<usize> = shown
            .filter(|(column, _)| !column.is_left_out)
            .map(|(_, width)| width)
            .collect();
        shown.iter().sum::<usize>() + GAP.len() * shown.len().saturating_sub(1)
    }

    /// The width of each column.
    fn widths(&self) -> [usize; COLUMNS] {
        let mut widths = self.columns.map(|column| column.width);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    /// Adds a plain row.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.styled_row(PLAIN, cells);
    }

    /// Adds a row in one style.
    pub fn styled_row(&mut self, style: Style, cells: [String; COLUMNS]) {
        self.rows.push(Row {
            cells,
            style,
            label: PLAIN,
        });
    }

    /// Adds a row whose first cell has a style.
    pub fn labelled_row(&mut self, label: Style, cells: [String; COLUMNS]) {
        self.rows.push(Row {
            cells,
            style: PLAIN,
            label,
        });
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let shown: Vec<usize> = (0..COLUMNS)
            .filter(|column| !self.columns[*column].is_left_out)
            .collect();
        let Some((last, others)) = shown.split_last() else {
            return Ok(());
        };
        let before_last: usize = others
            .iter()
            .map(|column| widths[*column] + GAP.len())
            .sum();
        for Row {
            cells,
            style,
            label,
        } in &self.rows
        {
            let lines = wrapped(&cells[*last], self.wraps_at.saturating_sub(before_last));
            for (number, text) in lines.iter().enumerate() {
                let cell = |column: usize| match (column == *last, number) {
                    (true, _) => text.as_str(),
                    (false, 0) => cells[column].as_str(),
                    (false, _) => "",
                };
                let padded = shown.iter().map(|&column| {
                    let (cell, width) = (cell(column), widths[column]);
                    match self.columns[column].ends_at_one_line {
                        false => format!("{cell:width$}"),
                        true => format!("{cell:>width$}"),
                    }
                });
                let mut padded: Vec<String> = padded.collect();
                if let (Some(first), 0) = (padded.first_mut(), number) {
                    *first = format!("{label}{first}{label:#}");
                }
                let line = padded.join(GAP);
                writeln!(f, "{style}{}{style:#}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// What separates two columns.
const GAP: &str = "  ";

/// The text in lines of at most this width, if its words allow that; at least one line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else {
            continue;
        };
        if line.is_empty() {
            *line = word.to_owned();
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            *line = format!("{line} {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// The start and the end of a name, with `…` if something was cut in between: numbered names differ at the end.
fn shortened(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let end = most / 3;
    let start = name.chars().take(most.saturating_sub(end + 1));
    start
        .chain(['…'])
        .chain(name.chars().skip(length - end))
        .collect()
}

/// The start of a text, with `…` if something was cut.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let start = text.chars().take(most.saturating_sub(1));
    start.chain(['…']).collect()
}

/// The cell of an optional number.
pub fn number(number: Option<u64>) -> String {
    number.map_or_else(nothing, |number| number.to_string())
}

/// The cell of an optional size in bytes.
pub fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(nothing, quantity::size)
}

/// The cell of a missing value.
pub fn nothing() -> String {
    "-".to_owned()
}
