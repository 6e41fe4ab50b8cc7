//! What tasks share: opening a cluster, starting it, looking at it, stopping and removing it, and rehearsing
//! outages. The commands read arguments, call one of these, and print what comes of it.

pub mod definitions;
pub mod drill_left;
mod etcdctl_location;
mod known_data;
pub mod look;
pub mod machine_box;
pub mod open;
pub mod rehearse;
pub mod remove;
pub mod start;
pub mod status;
pub mod stop;
