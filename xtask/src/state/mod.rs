//! The state of clusters between tasks, under `.state/`.

pub mod backups;
mod data_seen;
pub mod drill_reports;
mod file_time;
pub mod high_water_mark;
mod lock;
mod record;
pub mod versioned;

pub use data_seen::DataSeen;
pub use lock::Lock;
pub use record::{Record, RecordedEtcd, RecordedMember};
