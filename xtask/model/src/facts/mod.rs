//! Facts about etcd itself, independent of any cluster: its releases, the flags of each, and the steps between them.

pub mod etcd_releases;
pub mod flag_table;
pub mod upgrades;
