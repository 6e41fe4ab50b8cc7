use super::{Dialect, Profile, Runtime};
use crate::values::EtcdVersion;

/// Debian 13, configured by cloud-init.
pub(super) static DEBIAN_13: Profile = Profile {
    id: "debian-13",
    title: "Debian 13",
    dialect: Dialect::CloudInit,
    runtimes: &[Runtime::Release, Runtime::Container, Runtime::Package],
    channels: &[],
    image_version: "",
    usual_etcd: EtcdVersion::new(3, 6, 14),
    packaged_etcd: Some(EtcdVersion::new(3, 5, 16)),
};
