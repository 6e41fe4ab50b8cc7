//! The operations that several tasks share: open, start, look at, stop and remove a cluster, and
//! rehearse outages. The commands parse arguments, call one of these and print the result.

pub mod adopt;
pub mod apply;
pub mod backup;
pub mod certs;
pub mod definitions;
pub mod defrag;
mod etcdctl_location;
mod joining_user_data;
mod known_data;
pub mod list;
pub mod look;
pub mod machine_box;
mod member_machine;
mod membership_change;
pub mod open;
mod reach;
pub mod rehearse;
pub mod remove;
pub mod replace;
mod replace_data;
pub mod restart;
pub mod restore;
mod source_files;
pub mod start;
pub mod status;
pub mod stop;
pub mod unfinished;
mod way_back;
