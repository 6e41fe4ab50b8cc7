//! The real etcd and etcdctl: where they come from, and how they are asked.

mod cache;
pub mod command;
pub mod download;
pub mod observe;
mod package;
mod pair;
mod release;
pub mod tools;
pub mod verify;
