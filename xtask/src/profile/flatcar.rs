use super::{Dialect, Profile, Runtime};

/// Flatcar Container Linux, the living successor of CoreOS.
pub(super) static FLATCAR: Profile = Profile {
    id: "flatcar",
    title: "Flatcar Container Linux",
    dialect: Dialect::FlatcarCloudinit,
    runtimes: &[Runtime::Container],
    channels: &["stable", "lts", "beta", "alpha"],
    image_version: "4230.2.2",
    packaged_etcd: None,
};
