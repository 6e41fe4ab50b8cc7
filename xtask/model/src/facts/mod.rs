//! What is known of etcd itself, whatever cluster it runs: its releases, and the flags that each has.

pub mod etcd_releases;
pub mod flag_table;
