//! What a definition means, and what an observation of a cluster or a host is worth.
//!
//! Data and judgement alone: the same input gives the same output, wherever and whenever. Nothing here knows files,
//! the environment, processes, threads, clocks or a terminal; the crate `xtask` connects it to them.

pub mod advice;
pub mod check;
pub mod command_line;
pub mod definition;
pub mod doctor;
pub mod drill;
pub mod elections;
pub mod facts;
pub mod hint;
pub mod host;
pub mod judgement;
pub mod observation;
pub mod plan;
pub mod profile;
pub mod reason;
pub mod render;
pub mod report;
pub mod steps;
pub mod values;
pub mod wording;
