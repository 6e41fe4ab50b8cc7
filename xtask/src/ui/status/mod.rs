//! What `status` prints: for people, for programs, for logs. Pure functions from what was seen to text.

pub mod json;
pub mod log;
pub mod table;
pub mod view;
mod words;
