//! Quotes a text in another language so that it stays exactly that text. One file per language.
//!
//! The values of a definition have strict types and need little quoting. It works for any text anyway, so
//! that a type that one day allows more opens no hole.

pub mod ruby;
pub mod shell;
pub mod systemd;
pub mod yaml;
