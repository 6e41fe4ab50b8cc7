//! Clusters on booted machines: real Vagrant, libvirt and QEMU, on a host that the tests create.
//! They are a separate test binary because they take minutes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/etcd_binaries.rs"]
mod etcd_binaries;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/etcd_release.rs"]
mod etcd_release;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/harness.rs"]
mod harness;
mod lab;
mod lab_itself;
mod life;
mod mirror;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/network.rs"]
mod network;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/scratch.rs"]
mod scratch;
mod setting;
#[allow(dead_code, reason = "shared with the other tests")]
#[path = "../it/support.rs"]
mod support;

fn main() -> std::process::ExitCode {
    harness::run(&[])
}
