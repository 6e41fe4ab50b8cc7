//! What is kept of clusters between tasks, under `.state/`.

mod lock;
mod record;
pub mod seen;

pub use lock::Lock;
pub use record::{Record, RecordedEtcd, RecordedMember};
