use super::{MachineBox, Profile, PublishedBox, Runtime};
use crate::render::coreos;
use crate::values::EtcdVersion;

/// CoreOS Container Linux, which ended in 2020: kept for the recipe of 2015.
pub(super) static COREOS: Profile = Profile {
    id: "coreos",
    title: "CoreOS Container Linux",
    cloud_config: coreos::cloud_config,
    machine_box: MachineBox::Published(PublishedBox {
        name: |channel| format!("coreos-{channel}"),
        catalogue: |channel, version| {
            format!(
                "https://{channel}.release.core-os.net/amd64-usr/{version}/coreos_production_vagrant.json"
            )
        },
        providers: &["virtualbox"],
        gone: Some(&[
            "CoreOS Container Linux ended in May 2020, and its replacement, Fedora CoreOS, does not read cloud-config",
            "the host that served its boxes no longer answers, so Vagrant cannot download them",
        ]),
    }),
    ssh_user: "core",
    user_data_path: "/var/lib/coreos-vagrant/vagrantfile-user-data",
    runtimes: &[Runtime::Container, Runtime::BuiltIn],
    etcdctl_in_container: "docker exec --env=ETCDCTL_USER etcd etcdctl",
    has_fleet: true,
    members_can_join: false,
    channels: &["alpha", "beta", "stable"],
    image_version: "current",
    usual_etcd: EtcdVersion::new(2, 0, 0),
    packaged_etcd: None,
};
