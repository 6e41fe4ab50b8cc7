use super::{Dialect, Profile, Runtime};
use crate::values::EtcdVersion;

/// Flatcar Container Linux, the living successor of CoreOS.
pub(super) static FLATCAR: Profile = Profile {
    id: "flatcar",
    title: "Flatcar Container Linux",
    dialect: Dialect::FlatcarCloudinit,
    runtimes: &[Runtime::Container],
    channels: &["stable", "lts", "beta", "alpha"],
    image_version: "4230.2.2",
    usual_etcd: EtcdVersion::new(3, 6, 14),
    packaged_etcd: None,
};
