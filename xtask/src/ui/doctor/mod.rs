//! What `doctor` prints: for people, for programs. Pure functions from what was seen and judged to text.

pub mod json;
pub mod table;
