//! The meaning of definitions, and the judgement of observations of a cluster or a host.
//!
//! This crate holds only data and judgement: the same input always gives the same output. Nothing here uses
//! files, the environment, processes, threads, clocks or a terminal; the crate `xtask` does.

pub mod advice;
pub mod backup;
pub mod bootstrap;
pub mod change;
pub mod check;
pub mod command_line;
pub mod definition;
pub mod doctor;
pub mod drill;
pub mod elections;
pub mod extra_user_data;
pub mod facts;
pub mod hint;
pub mod host;
pub mod judgement;
pub mod moment;
pub mod observation;
pub mod plan;
pub mod profile;
pub mod reason;
pub mod render;
pub mod report;
pub mod restore;
pub mod steps;
pub mod values;
pub mod way_back;
pub mod wording;
