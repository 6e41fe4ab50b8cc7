//! The real etcd and etcdctl: where they come from, and how they are asked.

pub mod observe;
pub mod tools;
