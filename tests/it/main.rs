//! The project's tests: one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod definition_golden;
mod recorded;
mod render;
mod render_flags;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod scratch;
#[allow(dead_code, reason = "each subject uses what it needs")]
mod support;
mod tools;
mod verify_checks;
mod verify_output;
mod verify_support;
