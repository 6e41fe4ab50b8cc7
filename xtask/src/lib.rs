//! Static etcd clusters from version control: render, boot and prove them.
//!
//! The crate `model` holds everything that needs no operating system. This crate connects it to
//! files, processes, networks, clocks and the terminal.

pub use model::{
    advice, backup, bootstrap, change, check, command_line, definition, doctor, drill, elections,
    extra_user_data, facts, hint, host, judgement, moment, observation, plan, profile, reason,
    render, report, restore, steps, values, way_back, wording,
};

pub mod artifact;
pub mod atomic;
pub mod background;
pub mod boxes;
pub mod cache;
pub mod cli;
pub mod commands;
pub mod download;
pub mod driver;
pub mod etcd;
pub mod fault;
pub mod host_probe;
pub mod lifecycle;
pub mod pause;
pub mod pki;
pub mod process;
pub mod session;
pub mod state;
pub mod ui;
pub mod workload;
pub mod workspace;
