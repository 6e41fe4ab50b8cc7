//! Output of `doctor`, for people and for programs. Pure functions from a report to text.

pub mod json;
pub mod table;
