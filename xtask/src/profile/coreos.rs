use super::{Dialect, Profile, Runtime};
use crate::values::EtcdVersion;

/// CoreOS Container Linux, which ended in 2020: kept for the recipe of 2015.
pub(super) static COREOS: Profile = Profile {
    id: "coreos",
    title: "CoreOS Container Linux",
    dialect: Dialect::CoreosCloudinit,
    runtimes: &[Runtime::Container, Runtime::BuiltIn],
    channels: &["alpha", "beta", "stable"],
    image_version: "current",
    usual_etcd: EtcdVersion::new(2, 0, 0),
    packaged_etcd: None,
};
