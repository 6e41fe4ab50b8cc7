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
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// The minimum width in characters.
    width: usize,
    ends_at_one_line: bool,
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
        };
        Self {
            columns: [column; COLUMNS],
            rows: Vec::new(),
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
        let mut columns = self.columns;
        for row in &self.rows {
            for (column, cell) in columns.iter_mut().zip(&row.cells) {
                column.width = column.width.max(cell.chars().count());
            }
        }
        for Row {
            cells,
            style,
            label,
        } in &self.rows
        {
            let padded = columns.iter().zip(cells).map(|(column, cell)| {
                let width = column.width;
                match column.ends_at_one_line {
                    false => format!("{cell:width$}"),
                    true => format!("{cell:>width$}"),
                }
            });
            let mut padded: Vec<String> = padded.collect();
            if let Some(first) = padded.first_mut() {
                *first = format!("{label}{first}{label:#}");
            }
            let line = padded.join("  ");
            writeln!(f, "{style}{}{style:#}", line.trim_end())?;
        }
        Ok(())
    }
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
