//! Repeated kills and drills, run by `cargo xtask test --soak`: too slow for every change, and
//! enough to trust the figures in docs/measurements.md. A seed determines the sequence, so that a run can be
//! repeated.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/apply_support.rs"]
mod apply_support;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/drilled_cluster.rs"]
mod drilled_cluster;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/etcd_binaries.rs"]
mod etcd_binaries;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/harness.rs"]
mod harness;
mod kills;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/local_support.rs"]
mod local_support;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/network.rs"]
mod network;
mod random;
mod rehearsals;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/scratch.rs"]
mod scratch;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support.rs"]
mod support;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/verify_support.rs"]
mod verify_support;

fn main() -> std::process::ExitCode {
    harness::run(&[])
}
