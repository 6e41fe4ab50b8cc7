//! Static etcd clusters from version control: render, boot and prove them.
//!
//! The pure middle (`values`, `hint`, `advice`, `report`, `profile`, `etcd_releases`, `definition`, `plan`, `render`, `observation`,
//! `check`, `drill`, `elections`, `host`, `doctor`) knows nothing of files, processes, clocks or terminals. The rest
//! connects it to them.

pub mod advice;
pub mod artifact;
pub mod aside;
pub mod atomic;
pub mod boxes;
pub mod cache;
pub mod check;
pub mod cli;
pub mod clients;
pub mod commands;
pub mod definition;
pub mod doctor;
pub mod download;
pub mod drill;
pub mod driver;
pub mod elections;
pub mod etcd;
pub mod etcd_releases;
pub mod fault;
pub mod hint;
pub mod host;
pub mod look_at_host;
pub mod observation;
pub mod pause;
pub mod plan;
pub mod process;
pub mod profile;
pub mod render;
pub mod report;
pub mod state;
pub mod steps;
pub mod ui;
pub mod values;
pub mod workspace;
