//! The state of clusters between tasks, under `.state/`.

pub mod backups;
mod data_seen;
pub mod drill_reports;
pub mod file_time;
pub mod high_water_mark;
mod lock;
mod record;
mod replacement;
mod restoration;
pub mod versioned;

pub use data_seen::DataSeen;
pub use lock::Lock;
pub use record::{Record, RecordedDefinition, RecordedEtcd, RecordedMember};
pub use replacement::Replacement;
pub use restoration::{FORMAT as RESTORATION_FORMAT, Restoration};
