//! Output of `status`: for people, for programs and for logs. Pure functions from snapshots to
//! text.

pub mod json;
pub mod log;
pub mod table;
pub mod view;
mod words;
