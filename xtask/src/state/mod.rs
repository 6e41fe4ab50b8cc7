//! What is kept of clusters between tasks, under `.state/`.

mod data_seen;
mod lock;
mod record;
pub mod seen;

pub use data_seen::DataSeen;
pub use lock::Lock;
pub use record::{Record, RecordedEtcd, RecordedMember};
