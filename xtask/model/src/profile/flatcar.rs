use super::{MachineBox, Profile, PublishedBox, Runtime};
use crate::render::flatcar;
use crate::values::EtcdVersion;

/// Flatcar Container Linux, the successor of CoreOS.
pub(super) static FLATCAR: Profile = Profile {
    id: "flatcar",
    title: "Flatcar Container Linux",
    cloud_config: flatcar::cloud_config,
    machine_box: MachineBox::Published(PublishedBox {
        name: |channel| format!("flatcar-{channel}"),
        catalogue: |channel, version| {
            format!(
                "https://{channel}.release.flatcar-linux.net/amd64-usr/{version}/flatcar_production_vagrant.json"
            )
        },
        providers: &["virtualbox"],
        gone: None,
    }),
    ssh_user: "core",
    user_data_path: "/var/lib/flatcar-vagrant/vagrantfile-user-data",
    runtimes: &[Runtime::Container],
    etcdctl_in_container: "docker exec --env=ETCDCTL_USER etcd etcdctl",
    has_fleet: false,
    members_can_join: true,
    channels: &["stable", "lts", "beta", "alpha"],
    image_version: "4230.2.2",
    usual_etcd: EtcdVersion::new(3, 6, 14),
    packaged_etcd: None,
};
