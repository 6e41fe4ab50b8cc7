//! Facts about etcd itself, independent of any cluster: its releases, and the flags of each.

pub mod etcd_releases;
pub mod flag_table;
