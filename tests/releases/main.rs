//! Upgrades and downgrades between official releases of etcd, run by `cargo xtask test --releases=FOLDER`. No
//! distribution packages the later ones, so the folder has to hold them: `3.5.33/etcd`, `3.5.33/etcdctl`,
//! `3.5.33/etcdutl`, and so on for each of `RELEASES`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/apply_support.rs"]
mod apply_support;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/cluster_on_machines.rs"]
mod cluster_on_machines;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/containers.rs"]
mod containers;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/etcd_binaries.rs"]
mod etcd_binaries;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/etcd_release.rs"]
mod etcd_release;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/local_support.rs"]
mod local_support;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/network.rs"]
mod network;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/scratch.rs"]
mod scratch;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support.rs"]
mod support;
mod versions;

fn main() -> std::process::ExitCode {
    harness::run(&[])
}
