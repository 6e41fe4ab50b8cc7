//! Columns of text.

use std::fmt;

/// Rows under a heading, each column as wide as its widest cell.
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    right: [bool; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with this heading.
    pub fn new(heading: [&str; COLUMNS]) -> Self {
        Self {
            right: [false; COLUMNS],
            rows: vec![heading.map(str::to_owned)],
        }
    }

    /// Has the column with this heading end at one line, as numbers should.
    #[must_use]
    pub fn right(mut self, heading: &str) -> Self {
        for (right, one) in self.right.iter_mut().zip(&self.rows[0]) {
            *right |= one == heading;
        }
        self
    }

    /// Adds a row.
    pub fn row(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let cells = row.iter().zip(widths).zip(self.right);
            let cells = cells.map(|((cell, width), right)| match right {
                false => format!("{cell:width$}"),
                true => format!("{cell:>width$}"),
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}
